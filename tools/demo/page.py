# SPDX-License-Identifier: GPL-2.0-only
"""The report as one HTML file: no script, no other file, light and dark."""

from __future__ import annotations

import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from kernmlops.model_format import TREE_LEAF
from phase import INPUTS, Phase, duration
from svg import Axis, Plot, flow, horizontal_bars

if TYPE_CHECKING:
    from report import Evaluation

BIN_S = 0.5         # of plots over time


def render(run: Evaluation) -> str:
    """The page."""
    style = (Path(__file__).parent / "page.css").read_text()
    failures = "".join(f'<p class="verdict bad">{escape(text)}</p>' for text in run.failures())
    verdicts = "".join(f'<p class="verdict {"good" if good else "poor"}">{escape(text)}</p>'
                       for good, text in run.verdicts())
    machine = run.predict.machine
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>KernMLOps: will a woken task wait long for a CPU?</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="product">KernMLOps</p>
<h1>Will a woken task wait long for a CPU?</h1>
<p class="lead">A decision tree, trained on what the scheduler did, was loaded into the kernel and
asked at each of {run.predicted:,} wakeups, before anyone could know the answer. A wait is
<em>long</em> above {duration(run.threshold)}.</p>
<p class="machine">Linux {escape(machine["kernel"])}, {machine["cpus"]} CPUs
({escape(machine["cpu"])}), {machine["memory_kb"] / 2**20:.1f} GiB,
{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC</p>
</header>
{_tiles(run)}
{failures}{verdicts}
{_pipeline(run)}
<h2>How good it was</h2>
<div class="figures">
{_figure("Against simpler rules", _scores(run),
         "Training and validation rows come from one workload, the validation rows from its end; "
         "the rows in the kernel from another workload. The stump is the best single question that "
         "the training rows give; the majority rule always gives the more frequent answer. The "
         "best of each column is bold.")}
{_figure("What happened, by prediction", _confusion(run),
         "Each wakeup of the prediction workload, by what the kernel said and what then happened.")}
{_figure("ROC of the predictions", _roc(run),
         "Of the waits that were long, how many are caught, against false alarms. The dot is where "
         "the kernel decides.")}
{_figure("Calibration", _calibration(run),
         "The score is a probability: of the wakeups with a given score, that share should wait "
         "long. A greater dot is more wakeups.")}
</div>
<h2>The load</h2>
<div class="figures">
{_figure("How long tasks wait", _waits(run),
         "On a logarithmic scale. The threshold comes from the training rows only.")}
{_figure("Long waits over time, prediction workload", _over_time(run),
         "The share of wakeups that waited long, per half second, and what the scores said it "
         "would be.")}
{_figure("Queue length, training workload", _queue(run.capture, run))}
{_figure("Queue length, prediction workload", _queue(run.predict, run))}
</div>
<h2>The tree</h2>
<p>As the kernel runs it: {len(run.reference.file.nodes)} nodes, of which
{len(run.reference.file.leaves)} are leaves, with integer thresholds. Beside each step, the share of
the wakeups of the prediction workload that came there.</p>
<div class="figures">
{_figure("Questions and answers", f'<div class="tree">{_tree(run)}</div>')}
{_figure("What the tree looks at", _importance(run),
         "Share of the impurity that splits on a feature remove (scikit-learn's importance).")}
</div>
<h2>No row unaccounted for</h2>
{_accounts(run)}
<h2>Do it again</h2>
{_reproduce(run)}
</body>
</html>
"""


def _figure(title: str, content: str, caption: str = "") -> str:
    caption = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{escape(title)}</h3>{content}{caption}</figure>"


def _table(head: Iterable[str], rows: Iterable[Iterable[Any]], style: str = "") -> str:
    """A table; a cell that begins with < is HTML already."""
    def cell(value: Any) -> str:
        text = str(value)
        return f"<td>{text if text.startswith('<') else escape(text)}</td>"

    heads = "".join(f"<th>{escape(text)}</th>" for text in head)
    body = "".join(f"<tr>{''.join(cell(value) for value in row)}</tr>" for row in rows)
    return (f'<div class="scroll"><table class="{style}"><thead><tr>{heads}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def _percent(share: float) -> str:
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def _tiles(run: Evaluation) -> str:
    agree = min(run.agreement.values()) / max(run.predicted, 1)
    lead = (run.rows["outcome_time"] - run.rows["prediction_time"]).median()
    captured = sum(store.captured for store in run.capture.stores + run.predict.stores)
    tiles = [
        (f"{captured:,}", "rows captured in two phases", ""),
        (f"{run.lost:,}", "rows lost", "bad" if run.lost else "good"),
        (f"{run.scores['tree']['auc']:.3f}", "AUC in the kernel", ""),
        (_percent(agree) if agree == 1 else f"{agree:.4%}",
         "of the answers equal to scikit-learn's", "good" if agree == 1 else "bad"),
        (_percent(run.before / max(len(run.rows), 1)),
         f"predicted before the outcome, by {duration(lead)} (median)",
         "good" if run.before == len(run.rows) else "bad"),
    ]
    return '<div class="tiles">' + "".join(
        f'<div class="tile {style}"><strong>{value}</strong><span>{escape(text)}</span></div>'
        for value, text, style in tiles) + "</div>"


def _pipeline(run: Evaluation) -> str:
    wakeups, rows = len(run.capture.wakeups), run.metrics["rows"]
    size = (run.directory / "train" / "rq_wait.kmml").stat().st_size
    return '<div class="scroll">' + flow([
        ("kernel", "Capture", f"eBPF at each wakeup\nand switch-in:\n{wakeups:,} wakeups"),
        ("kernel", "Feature store", "kernmlops.ko keeps\nevery row, with time,\nand counts losses"),
        ("user", "Train", f"DataFrame, scikit-learn\n{rows['train']:,} rows,\n"
                          f"depth {run.metrics['depth']} by validation"),
        ("user", "Convert", f"exact integers,\n{len(run.reference.file.golden_inputs)} golden "
                            f"vectors,\n{size:,} bytes"),
        ("kernel", "Predict", f"verified, loaded, asked\nby eBPF through a kfunc\n"
                              f"at {run.predicted:,} wakeups"),
        ("user", "Compare", f"by task and time:\n{len(run.rows):,} predictions\nwith outcome"),
    ]) + "</div>"


def _scores(run: Evaluation) -> str:
    from report import MEASURES, RULES

    short = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "auc": "AUC"}
    phases = [("training", run.metrics["train"]), ("validation", run.metrics["validation"]),
              ("in the kernel", run.scores)]
    rows = []
    for measure in MEASURES:
        for rule, title in RULES.items():
            cells = [f"<b>{short[measure]}</b>" if rule == "tree" else "", title]
            for _, scores in phases:
                best = max(scores[other][measure] for other in RULES)
                text = f"{scores[rule][measure]:.4f}"
                cells.append(f"<b>{text}</b>" if scores[rule][measure] == best else text)
            rows.append(cells)
    counts = run.metrics["rows"]
    long = run.metrics["long"] | {"kernel": (run.rows["wait"] > run.threshold).mean()}
    rows.append(["<b>rows</b>", "", f"{counts['train']:,}", f"{counts['validation']:,}",
                 f"{len(run.rows):,}"])
    rows.append(["<b>long waits</b>", "", *(_percent(long[key])
                                            for key in ("train", "validation", "kernel"))])
    return _table(["", "rule", *(name for name, _ in phases)], rows, "scores")


def _waits(run: Evaluation) -> str:
    waits = {"capture": run.capture.pairs["wait"], "predict": run.predict.pairs["wait"]}
    high = max(float(series.max()) for series in waits.values())
    edges = np.logspace(2, np.ceil(np.log10(max(high, 1e4))), 91)
    shares = {name: np.histogram(np.clip(series, edges[0], None), edges)[0] / len(series)
              for name, series in waits.items()}
    top = max(share.max() for share in shares.values())
    plot = Plot(Axis(edges[0], edges[-1], log=True, label="wait", text=duration),
                Axis(0, top * 1.08, text="{:.0%}".format), "Distribution of waits")

    def steps(share: np.ndarray) -> list[tuple[float, float]]:
        return [(x, y) for i, y in enumerate(share) for x in (edges[i], edges[i + 1])]

    plot.area(steps(shares["capture"]), "two", "training workload")
    plot.line(steps(shares["predict"]), "one", "prediction workload")
    plot.vertical(run.threshold, f"long above {duration(run.threshold)}")
    plot.bars([(edges[i], edges[i + 1], 0,
                f"{duration(edges[i])} to {duration(edges[i + 1])}: {shares['capture'][i]:.2%} "
                f"of training, {shares['predict'][i]:.2%} of prediction")
               for i in range(len(edges) - 1)], "")
    return plot.render()


def _roc(run: Evaluation) -> str:
    truth = run.rows["wait"] > run.threshold
    stump = run.trees["stump"].predict_proba(run.rows[INPUTS].astype(np.int64))[:, 1]
    plot = Plot(Axis(0, 1, label="false alarms, of the short waits", text="{:.0%}".format),
                Axis(0, 1, label="caught, of the long waits", text="{:.0%}".format),
                "ROC curve", height=330)
    plot.line([(0, 0), (1, 1)], "faint", "chance")
    for name, rank, style in (("one-rule stump", stump, "two"), ("tree", run.rows["score"], "one")):
        false, true, _ = roc_curve(truth, rank)
        area = run.scores["stump" if style == "two" else "tree"]["auc"]
        plot.line(list(zip(false, true)), style, f"{name}, AUC {area:.3f}")
    said = run.rows["label"] == 1
    false, true = float(said[~truth].mean()), float(said[truth].mean())
    plot.dots([(false, true, 5, f"the kernel: {true:.1%} caught, {false:.1%} false alarms")], "one")
    return plot.render()


def _calibration(run: Evaluation) -> str:
    scale = float(1 << run.reference.fraction_bits)
    frame = pd.DataFrame({"score": run.rows["score"] / scale,
                          "long": run.rows["wait"] > run.threshold})
    bins = frame.groupby((frame["score"] * 20).astype(int).clip(0, 19)).agg(
        score=("score", "mean"), long=("long", "mean"), rows=("long", "size"))
    fifths = [i / 5 for i in range(6)]
    plot = Plot(
        Axis(-0.04, 1.04, label="score of the kernel", text="{:.0%}".format, ticks=fifths),
        Axis(-0.04, 1.04, label="waited long", text="{:.0%}".format, ticks=fifths),
        "Calibration", height=330)
    plot.line([(0, 0), (1, 1)], "faint", "perfect")
    plot.line(list(zip(bins["score"], bins["long"])), "one thin")
    plot.dots([(row.score, row.long, 3 + 9 * (row.rows / bins["rows"].max()) ** 0.5,
                f"{row.rows:,} wakeups with score {row.score:.1%}: {row.long:.1%} waited long")
               for row in bins.itertuples()], "one")
    return plot.render()


def _confusion(run: Evaluation) -> str:
    truth, said = run.rows["wait"] > run.threshold, run.rows["label"] == 1
    total = len(run.rows)

    def cell(actual: bool, answer: bool) -> str:
        count = int(((truth == actual) & (said == answer)).sum())
        of = max(int((truth == actual).sum()), 1)
        style = "right" if actual == answer else "wrong"
        return (f'<td class="{style}" style="--share:{count / of:.3f}"><strong>{count:,}</strong>'
                f"<span>{count / of:.1%} of these, {count / total:.1%} of all</span></td>")

    rows = "".join(f"<tr><th>waited {name}</th>{cell(actual, False)}{cell(actual, True)}</tr>"
                   for name, actual in (("short", False), ("long", True)))
    return (f'<table class="confusion"><thead><tr><td></td><th>predicted short</th>'
            f"<th>predicted long</th></tr></thead><tbody>{rows}</tbody></table>")


def _binned(times: pd.Series, start: int, values: pd.DataFrame) -> pd.core.groupby.GroupBy:
    return values.groupby(((times - start) / 1e9 / BIN_S).astype(int))


def _queue(phase: Phase, run: Evaluation) -> str:
    frame = phase.wakeups
    stats = _binned(frame["time"], phase.start, frame)["nr_running"].agg(
        ["mean", lambda lengths: lengths.quantile(0.95), "size"])
    stats.columns = ["mean", "high", "rows"]
    top = max(float(np.ceil(_binned(other.wakeups["time"], other.start, other.wakeups)
                            ["nr_running"].quantile(0.95).max()))
              for other in (run.capture, run.predict))
    seconds = [(index + 0.5) * BIN_S for index in stats.index]
    plot = Plot(Axis(0, max(seconds) + BIN_S, label="seconds"),
                Axis(0, top * 1.1, label="tasks on the queue"), "Queue length over time",
                height=240)
    plot.area(list(zip(seconds, stats["high"])), "two", "95th percentile")
    plot.line(list(zip(seconds, stats["mean"])), "one", "mean, the woken task included")
    plot.bars([((index) * BIN_S, (index + 1) * BIN_S, 0,
                f"{index * BIN_S:g} s: {row.rows:,} wakeups, mean {row.mean:.2f}, "
                f"95th percentile {row.high:.0f}")
               for index, row in zip(stats.index, stats.itertuples(index=False))], "")
    return plot.render()


def _over_time(run: Evaluation) -> str:
    frame = pd.DataFrame({
        "observed": run.rows["wait"] > run.threshold,
        "predicted": run.rows["score"] / (1 << run.reference.fraction_bits)})
    stats = _binned(run.rows["time"], run.predict.start, frame).mean()
    seconds = [(index + 0.5) * BIN_S for index in stats.index]
    top = float(stats.max().max())
    plot = Plot(Axis(0, max(seconds) + BIN_S, label="seconds"),
                Axis(0, top * 1.1 or 1, text="{:.0%}".format, label="long waits"),
                "Long waits over time", height=240)
    plot.area(list(zip(seconds, stats["observed"])), "two", "what happened")
    plot.line(list(zip(seconds, stats["predicted"])), "one", "what the scores said")
    plot.bars([(index * BIN_S, (index + 1) * BIN_S, 0,
                f"{index * BIN_S:g} s: {row.observed:.1%} waited long, "
                f"{row.predicted:.1%} expected")
               for index, row in zip(stats.index, stats.itertuples(index=False))], "")
    return plot.render()


def _importance(run: Evaluation) -> str:
    values = zip(INPUTS, run.trees["tree"].feature_importances_.tolist())
    return horizontal_bars(list(values), "Importance of the features", "{:.1%}".format)


def _tree(run: Evaluation) -> str:
    nodes, leaves = run.reference.file.nodes, run.reference.file.leaves
    units = run.capture.wakeups.attrs["units"]
    X = run.rows[INPUTS].to_numpy(np.int64)
    visits = np.zeros(len(nodes), np.int64)
    for _, at in run.reference.levels(X):
        visits += np.bincount(at, minlength=len(nodes))
    scale = 1 << run.reference.fraction_bits

    def value(name: str, threshold: int) -> str:
        if units.get(name) == "ns":
            return f'<span title="{threshold} ns">{duration(threshold)}</span>'
        return str(threshold)

    def show(index: int, question: str, depth: int) -> str:
        node = nodes[index]
        share = f'<span class="share">{visits[index] / max(len(X), 1):.1%}</span>'
        if node["input"] == TREE_LEAF:
            answer, _, long = leaves[node["child"]].tolist()
            word = ("short", "long")[answer]
            return (f'<p class="leaf {word}">{question} <b>{word}</b> '
                    f"<i>{long / scale:.0%} wait long</i>{share}</p>")
        name = run.reference.inputs[node["input"]]
        left, threshold = int(node["child"]), value(name, int(node["threshold"]))
        content = (show(left, f"{name} &le; {threshold}", depth + 1)
                   + show(left + 1, f"{name} &gt; {threshold}", depth + 1))
        if not question:
            return content
        is_open = " open" if depth < 3 else ""
        return f"<details{is_open}><summary>{question}{share}</summary>{content}</details>"

    return show(0, "", 0)


def _accounts(run: Evaluation) -> str:
    rows = []
    for name, phase in (("training", run.capture), ("prediction", run.predict)):
        rows += [[name, store.name, f"{store.captured:,}", f"{store.exported:,}",
                  f"<b class='{'bad' if store.lost else 'good'}'>{store.lost:,}</b>",
                  f"{store.bytes / 2**20:.0f} MiB"] for store in phase.stores]
    stores = _table(["workload", "store", "captured", "exported", "lost", "memory"], rows,
                    "stores")

    names = list(dict.fromkeys(list(run.capture.counters) + list(run.predict.counters)))
    counters = _table(["counter of the collector", "training", "prediction"], [
        [name.replace("_", " "), f"{run.capture.counters.get(name, 0):,}",
         f"{run.predict.counters.get(name, 0):,}"] for name in names])
    unpaired = [len(phase.wakeups) - len(phase.pairs) for phase in (run.capture, run.predict)]
    return (f"<p>Losses are taken from the counters of the store and again from the rows: those of "
            f"each CPU are numbered, and no number may be missing. Wakeups are joined with their "
            f"outcome by task and time, never by position. Wakeups without outcome, as the task "
            f"still waited at the end, was woken again first, or exited: {unpaired[0]:,} of the "
            f"training workload, {unpaired[1]:,} of the prediction workload.</p>"
            f'<div class="figures"><div>{stores}</div><div>{counters}</div></div>')


def _reproduce(run: Evaluation) -> str:
    provenance = run.reference.provenance
    versions = ", ".join(f"{name} {version}" for name, version in provenance["versions"].items())
    note = (f"{provenance['trainer']}; {versions}. Trained {provenance['date']} on "
            f"{provenance['data']['rows']:,} rows, SHA-256 {provenance['data']['sha256']}. "
            f"Files: {run.directory.resolve()}")
    return f"""<p>In the repository, <code>make demo</code> runs all of this in a virtual machine.
On a real machine, as root and with the module loaded, <code>tools/demo/demo -d DIR</code> does the
same. By hand:</p>
<pre>kmlopsctl collector start runqueue rows 1048576      # some work, then
kmlopsctl collector stop runqueue
kmlopsctl store export runqueue file runqueue.npy
kmlopsctl store export runqueue_wait file runqueue_wait.npy

tools/demo/demo -d DIR train                         # pandas, scikit-learn

kmlopsctl model load rq_wait file rq_wait.kmml
kmlopsctl collector start runqueue rows 1048576 model rq_wait</pre>
<p class="note">{escape(note)}</p>"""
