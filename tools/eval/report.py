#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The report of the evaluation.

    report.py DIR: reads native.jsonl, vm.jsonl and precision.jsonl in DIR,
    prints the tables and writes DIR/report.html
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Iterable, Sequence

DEMO = Path(__file__).parent.parent / "demo"
sys.path.insert(0, str(DEMO))
from svg import Axis, Plot  # noqa: E402

WAYS = {        # part of a measurement: (what it is called, style in plots)
    "kfunc": ("kernel: the kfunc", "good"),
    "map lookup": ("user space: map lookup", "one"),
    "netlink": ("user space: netlink", "soft"),
    "ring buffer to epoll": ("user space: ring buffer to epoll", "two"),
}


@dataclass
class Table:
    """Rows under headers; numbers to the right."""

    title: str
    headers: Sequence[str]
    rows: list[list[str]]
    note: str = ""

    def text(self) -> str:
        """For a terminal."""
        widths = [max(len(row[i]) for row in [list(self.headers), *self.rows])
                  for i in range(len(self.headers))]
        lines = ["  ".join(cell.ljust(width) if not i else cell.rjust(width)
                           for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
                 for row in [list(self.headers), *self.rows]]
        return "\n".join([self.title, "=" * len(self.title), *lines, self.note, ""])

    def html(self) -> str:
        """For the page."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.headers)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
                       for row in self.rows)
        return (f'<h3>{escape(self.title)}</h3><div class="scroll"><table><thead><tr>{head}</tr>'
                f"</thead><tbody>{body}</tbody></table></div><p class=\"note\">"
                f"{escape(self.note)}</p>")


def load(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def number(value: float | None) -> str:
    """Four digits, thousands apart."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Measured:
    """What decide printed: a value by model and part."""

    def __init__(self, lines: Iterable[dict[str, Any]]):
        self.values: dict[str, dict[str, float]] = {}
        self.work: dict[str, int] = {}
        self.bytes: dict[str, int] = {}
        for line in lines:
            self.values.setdefault(line["model"], {})[line["part"]] = line["value"]
            self.work[line["model"]] = line["work"]
            self.bytes[line["model"]] = line["bytes"]

    def inference(self, model: str) -> float:
        """Of the quickest path, which user space takes."""
        return min(value for part, value in self.values[model].items() if part not in WAYS)

    def kernel(self, model: str) -> float:
        """In the kernel: the kfunc where it was called; else the inference alone."""
        return self.values[model].get("kfunc", self.inference(model))


def placement(measured: Measured, unit: str, note: str) -> Table:
    """User space against kernel: one row a model."""
    rows = []
    for model, values in measured.values.items():
        kernel = measured.kernel(model)
        ways = [values[part] for part in WAYS if part != "kfunc"]
        rows.append([model, number(measured.work[model]), number(measured.inference(model)),
                     number(kernel), *map(number, ways),
                     *(f"{way / kernel:.1f}" for way in ways)])
    names = ["map lookup", "netlink", "ring buffer"]
    return Table(f"A decision, by where the model runs: {unit}",
                 ["model", "MACs", "inference", "in the kernel", *names,
                  *(f"{name} / kernel" for name in names)], rows, note)


def crossover(measured: Measured, factor: float = 2.0) -> str:
    """From which size on going to user space costs less than `factor` times."""
    parts = []
    for part, (name, _) in WAYS.items():
        if part == "kfunc":
            continue
        works = [measured.work[model] for model, values in measured.values.items()
                 if values[part] < factor * measured.kernel(model)]
        parts.append(f"{name}: "
                     + (f"from {min(works):,} MACs on" if works else "at no size tried"))
    return f"Less than {factor:g} times the kernel: " + "; ".join(parts) + "."


def placement_plot(measured: Measured, unit: str, title: str) -> str:
    """Cost by size, both in decades."""
    works = list(measured.work.values())
    series = {part: [(measured.work[model], values[part])
                     for model, values in measured.values.items() if part in values]
              for part in WAYS}
    if not series["kfunc"]:
        series["kfunc"] = [(measured.work[model], measured.kernel(model))
                           for model in measured.values]
    top = max(value for points in series.values() for _, value in points)
    low = min(value for points in series.values() for _, value in points)
    plot = Plot(Axis(min(works), max(works), True, "multiply-accumulates", "{:,.0f}".format),
                Axis(low / 1.5, top * 1.5, True, unit, "{:,.0f}".format), title, left=84)
    for part, points in series.items():
        name, style = WAYS[part]
        plot.line(points, style, name)
        plot.dots(((x, y, 3, f"{name}: {x:,} MACs, {y:,.0f} {unit}") for x, y in points), style)
    return plot.render()


def precision(nets: list[dict[str, Any]]) -> Table:
    """Floats against integers: one row a network."""
    paths = sorted({path for net in nets for path in net["W8A8"]["ns"]},
                   key=["scalar", "avx2", "avx512"].index)
    rows = []
    for net in nets:
        floats = net["float"]
        rows.append([
            f"{net['layers']} x {net['width']}", number(net["work"]),
            f"{floats['accuracy']:.4f}", f"{net['W8A8']['accuracy']:.4f}",
            f"{net['W8A16']['accuracy']:.4f}", number(floats["bytes"]),
            number(net["W8A8"]["bytes"]), number(floats["ns"]["compiler"]),
            *(number(net[target]["ns"].get(path)) for path in paths
              for target in ("W8A8", "W8A16"))])
    return Table(
        "Floats, 8-bit and 16-bit activations: accuracy, bytes, nanoseconds here",
        ["hidden layers", "MACs", "float acc.", "W8A8 acc.", "W8A16 acc.", "float bytes",
         "integer bytes", "float ns",
         *(f"{target} {path} ns" for path in paths for target in ("W8A8", "W8A16"))], rows,
        "scikit-learn's digits, a third held back; networks stop early. Float: single precision "
        "in C, -O3 -march=native -ffast-math, vectors included. Integers: the engine of the "
        "kernel, here; its memory holds the weights of every path of this machine. scalar uses "
        "general registers only.")


def precision_plot(nets: list[dict[str, Any]]) -> str:
    """What the integers lose or gain, by size."""
    losses = [net[target]["accuracy"] - net["float"]["accuracy"]
              for net in nets for target in ("W8A8", "W8A16")]
    bound = max([0.005] + [abs(loss) for loss in losses]) * 1.1
    works = [net["work"] for net in nets]
    plot = Plot(Axis(min(works), max(works), True, "multiply-accumulates", "{:,.0f}".format),
                Axis(-bound, bound, label="accuracy against float", text="{:+.3f}".format),
                "Accuracy of integers against floats", left=84)
    for target, style in (("W8A8", "one"), ("W8A16", "two")):
        plot.key(style, target)
        plot.dots(((net["work"], net[target]["accuracy"] - net["float"]["accuracy"], 4,
                    f"{target}, {net['layers']} x {net['width']}: "
                    f"{net[target]['accuracy']:.4f}, float {net['float']['accuracy']:.4f}")
                   for net in nets), style)
    return plot.render()


def figure(title: str, content: str, caption: str) -> str:
    """A plot in its frame."""
    return (f"<figure><h3>{escape(title)}</h3>{content}"
            f"<figcaption>{escape(caption)}</figcaption></figure>")


def main() -> None:
    directory = Path(sys.argv[1])
    native = Measured(load(directory / "native.jsonl"))
    counted = Measured(load(directory / "vm.jsonl"))
    nets = load(directory / "precision.jsonl")

    tables = [
        placement(native, "nanoseconds on this machine",
                  "In the kernel: the inference, without the call of the kfunc, which cannot be "
                  "made here. The generic netlink controller stands for netlink. "
                  + crossover(native)),
        placement(counted, "instructions of the whole machine in the VM",
                  "In the kernel: the whole call of kmlops_infer() from BPF. Instructions know "
                  "nothing of waiting, caches, or how long one takes. " + crossover(counted)),
        precision(nets),
    ]
    for table in tables:
        print(table.text())

    style = (DEMO / "page.css").read_text()
    figures = "".join([
        figure("Nanoseconds here", placement_plot(native, "ns", "Nanoseconds by size"),
               "From the moment the input vector is there in the kernel to the answer."),
        figure("Instructions in the VM",
               placement_plot(counted, "instructions", "Instructions by size"),
               "Everything that the machine executes in between, the scheduler included."),
        figure("Accuracy of integers against floats", precision_plot(nets),
               "Above the line the integers got more of the held back rows right."),
    ])
    (directory / "report.html").write_text(f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>KernMLOps: kernel or user space, integers or floats?</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="product">KernMLOps</p>
<h1>Kernel or user space, integers or floats?</h1>
<p class="lead">The same models, run where the event is and where an epoll loop can reach it; and
what becomes of accuracy, memory and time when they are quantized.</p>
<p class="machine">Nanoseconds: {escape(platform.platform())}. Instructions: a virtual machine
whose clock counts them.</p>
</header>
<div class="figures">{figures}</div>
{"".join(table.html() for table in tables)}
</body>
</html>
""")
    print(f"Report: {directory / 'report.html'}")


if __name__ == "__main__":
    main()
