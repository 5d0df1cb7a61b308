# SPDX-License-Identifier: GPL-2.0-only
"""Plots as inline SVG. Colours are classes of the page's style sheet, so that a
plot is as light or dark as the page; hovering a mark shows its numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import Callable, Iterable, Sequence

Points = Sequence[tuple[float, float]]


@dataclass
class Axis:
    """Maps values to pixels; `log` for decades, `text` to write a tick."""

    low: float
    high: float
    log: bool = False
    label: str = ""
    text: Callable[[float], str] = "{:g}".format
    ticks: Sequence[float] | None = None

    def share(self, value: float) -> float:
        """Where a value is between the ends, 0 to 1."""
        if self.log:
            value, low, high = (math.log10(max(v, 1e-12)) for v in (value, self.low, self.high))
        else:
            low, high = self.low, self.high
        return min(max((value - low) / ((high - low) or 1), 0), 1)

    def tick_values(self) -> list[float]:
        """Round values between the ends."""
        if self.ticks is not None:
            return list(self.ticks)
        if self.log:
            return [10.0**power for power in range(math.ceil(math.log10(self.low) - 1e-9),
                                                   math.floor(math.log10(self.high) + 1e-9) + 1)]
        rough = (self.high - self.low) / 5 or 1
        power = 10 ** math.floor(math.log10(rough))
        step = next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [step * i for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass
class Plot:
    """One plot: add marks, then `render`."""

    x: Axis
    y: Axis
    title: str
    width: int = 520
    height: int = 300
    left: int = 56
    right: int = 22
    top: int = 12
    bottom: int = 44
    marks: list[str] = field(default_factory=list)
    keys: list[tuple[str, str]] = field(default_factory=list)

    def px(self, value: float) -> float:
        """Pixel of a value along x."""
        return self.left + self.x.share(value) * (self.width - self.left - self.right)

    def py(self, value: float) -> float:
        """Pixel of a value along y."""
        return self.height - self.bottom - self.y.share(value) * (
            self.height - self.top - self.bottom)

    def _path(self, points: Points) -> str:
        return "M" + "L".join(f"{self.px(x):.1f} {self.py(y):.1f}" for x, y in points)

    def key(self, style: str, text: str) -> None:
        """Name a series in the legend."""
        self.keys.append((style, text))

    def line(self, points: Points, style: str, text: str = "") -> None:
        """A line; with a text it is named in the legend."""
        self.marks.append(f'<path class="line {style}" d="{self._path(points)}"/>')
        if text:
            self.key(style, text)

    def area(self, points: Points, style: str, text: str = "") -> None:
        """A filled area down to the axis; with a text it is named in the legend."""
        ends = [(points[-1][0], self.y.low), (points[0][0], self.y.low)]
        self.marks.append(f'<path class="area {style}" d="{self._path([*points, *ends])}Z"/>')
        if text:
            self.key(f"filled {style}", text)

    def dots(self, points: Iterable[tuple[float, float, float, str]], style: str) -> None:
        """Dots of (x, y, radius, text to show on hover)."""
        for x, y, radius, text in points:
            self.marks.append(f'<circle class="dot {style}" cx="{self.px(x):.1f}" '
                              f'cy="{self.py(y):.1f}" r="{radius:.1f}">'
                              f"<title>{escape(text)}</title></circle>")

    def bars(self, bars: Iterable[tuple[float, float, float, str]], style: str) -> None:
        """Invisible until hovered: columns of (from, to, height, text)."""
        for start, end, _, text in bars:
            x, width = self.px(start), self.px(end) - self.px(start)
            self.marks.append(
                f'<rect class="hover {style}" x="{x:.1f}" y="{self.top}" width="{width:.1f}" '
                f'height="{self.height - self.top - self.bottom}">'
                f"<title>{escape(text)}</title></rect>")

    def vertical(self, value: float, text: str) -> None:
        """A marked value along x."""
        x = self.px(value)
        side, dx = ("end", -6) if x > self.width / 2 else ("start", 6)
        self.marks.append(
            f'<path class="mark" d="M{x:.1f} {self.top}V{self.height - self.bottom}"/>'
            f'<text class="note" x="{x + dx:.1f}" y="{self.top + 12}" text-anchor="{side}">'
            f"{escape(text)}</text>")

    def render(self) -> str:
        """The plot as an SVG element, its legend above it."""
        out = [f'<svg viewBox="0 0 {self.width} {self.height}" role="img" '
               f'aria-label="{escape(self.title)}">']
        base = self.height - self.bottom
        for value in self.y.tick_values():
            y = self.py(value)
            out.append(f'<path class="grid" d="M{self.left} {y:.1f}H{self.width - self.right}"/>'
                       f'<text class="tick" x="{self.left - 8}" y="{y + 4:.1f}" '
                       f'text-anchor="end">{escape(self.y.text(value))}</text>')
        for value in self.x.tick_values():
            x = self.px(value)
            out.append(f'<path class="axis" d="M{x:.1f} {base}v4"/>'
                       f'<text class="tick" x="{x:.1f}" y="{base + 17}" '
                       f'text-anchor="middle">{escape(self.x.text(value))}</text>')
        out.append(f'<path class="axis" d="M{self.left} {base}H{self.width - self.right}"/>')
        out += self.marks
        out.append(f'<text class="label" x="{(self.left + self.width - self.right) / 2}" '
                   f'y="{self.height - 6}" text-anchor="middle">{escape(self.x.label)}</text>')
        if self.y.label:
            out.append(f'<text class="label" transform="translate(13 {(self.top + base) / 2}) '
                       f'rotate(-90)" text-anchor="middle">{escape(self.y.label)}</text>')
        out.append("</svg>")
        legend = "".join(f'<span class="key"><i class="{style}"></i>{escape(text)}</span>'
                         for style, text in self.keys)
        return (f'<div class="legend">{legend}</div>' if legend else "") + "".join(out)


def horizontal_bars(values: Sequence[tuple[str, float]], title: str,
                    text: Callable[[float], str], style: str = "one") -> str:
    """Named bars, the longest first."""
    values = sorted(values, key=lambda item: -item[1])
    row, left, width = 22, 118, 520
    greatest = max(value for _, value in values) or 1
    out = [f'<svg viewBox="0 0 {width} {row * len(values) + 6}" role="img" '
           f'aria-label="{escape(title)}">']
    for i, (name, value) in enumerate(values):
        y, length = row * i + 4, (width - left - 62) * value / greatest
        out.append(f'<text class="tick" x="{left - 8}" y="{y + 12}" text-anchor="end">'
                   f'{escape(name)}</text><rect class="bar {style}" x="{left}" y="{y}" rx="2" '
                   f'width="{max(length, 0.5):.1f}" height="15"/>'
                   f'<text class="tick" x="{left + length + 6:.1f}" y="{y + 12}">'
                   f"{escape(text(value))}</text>")
    return "".join(out) + "</svg>"


def flow(steps: Sequence[tuple[str, str, str]]) -> str:
    """Boxes of (style, heading, text), an arrow from each to the next."""
    box, gap, height = 176, 26, 84
    width = len(steps) * (box + gap) - gap
    out = [f'<svg class="flow" viewBox="0 0 {width} {height}" role="img" '
           f'aria-label="{escape(", then ".join(step[1] for step in steps))}">']
    for i, (style, heading, text) in enumerate(steps):
        x = i * (box + gap)
        out.append(f'<rect class="box {style}" x="{x + 1}" y="1" width="{box - 2}" '
                   f'height="{height - 2}" rx="8"/>'
                   f'<text class="heading" x="{x + 12}" y="24">{escape(heading)}</text>')
        for j, line in enumerate(text.split("\n")):
            out.append(f'<text class="tick" x="{x + 12}" y="{43 + 15 * j}">{escape(line)}</text>')
        if i:
            out.append(f'<path class="arrow" d="M{x - gap + 4} {height / 2}h{gap - 10}'
                       f'm-6 -5l6 5l-6 5"/>')
    return "".join(out) + "</svg>"
