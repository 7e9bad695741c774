"""Lines in a frame as SVG, which needs nothing beside it and prints sharply."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.evaluation.score import OVERALL, Distribution, Line, Plot, Score
from synthcmr.evaluation.verdict_rules import Rule

if TYPE_CHECKING:
    from markupsafe import Markup


COLOURS = (
    "#1c2430",
    "#7a4fa3",
    "#0b6e75",
    "#b3412e",
    "#8a5a00",
    "#2f5f9e",
)  # each 4.5:1 on white, checked in palette tests
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")  # so that lines differ without colour
LEFT, RIGHT, TOP, BOTTOM = 60, 14, 10, 44  # around a frame
LARGE, SMALL, SQUARE = (520, 260), (256, 150), (374, 354)
PER_TICK = 48  # pixels, at least


def plot_svg(plot: Plot, size: tuple[int, int] = LARGE, key: bool = True) -> Markup:
    """A plot with its key.

    Args:
        plot: its lines; of a ROC plot both axes run from 0 to 1, in a square.
        size: width and height.
        key: whether to say which line is which.
    """
    from markupsafe import Markup

    frame = _Frame(plot, SQUARE if plot.kind == "roc" else size)
    parts = [frame.axes(), *(frame.band(line, k) for k, line in enumerate(plot.lines) if line.low)]
    parts += [frame.line(line, k) for k, line in enumerate(plot.lines)]
    label = html.escape(f"{plot.title}: {plot.y} by {plot.x}. {'; '.join(line.name for line in plot.lines)}.")
    drawn = f'<svg viewBox="0 0 {frame.width} {frame.height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return Markup(f'<div class="plot {plot.kind}">{drawn}{_key(plot.lines) if key else ""}</div>')


def roc_plot(title: str, curves: Mapping[str, Sequence[tuple[float, float]]], note: str = "") -> Plot:
    """ROC curves to be put into a part's plots.

    Args:
        title: what is distinguished from what.
        curves: name, with its area, -> (false positive rate, true positive rate) from (0, 0) to (1, 1).
        note: what a reader must know.
    """
    lines = tuple(
        Line(name=name, x=tuple(x for x, _ in points), y=tuple(y for _, y in points)) for name, points in curves.items()
    )
    return Plot(title=title, x="false positive rate", y="true positive rate", lines=lines, kind="roc", note=note)


class _Frame:
    """Where values lie on the picture."""

    def __init__(self, plot: Plot, size: tuple[int, int]) -> None:
        """Fit the frame to the lines."""
        self.plot, roc = plot, plot.kind == "roc"
        self.width, self.height = size
        xs = [v for line in plot.lines for v in line.x]
        ys = [v for line in plot.lines for v in (*line.y, *line.low, *line.high)]
        self.xs = (0.0, 1.0) if roc else _range(xs)
        self.ys = (0.0, 1.0) if roc else _range(ys)

    def x(self, value: float) -> float:
        """Right of the left border."""
        share = (value - self.xs[0]) / (self.xs[1] - self.xs[0])
        return round(LEFT + share * (self.width - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        """Below the upper border."""
        share = (value - self.ys[0]) / (self.ys[1] - self.ys[0])
        return round(self.height - BOTTOM - share * (self.height - TOP - BOTTOM), 1)

    def axes(self) -> str:
        """Ticks, their numbers, names of the axes, and the line of chance."""
        low, left = self.height - BOTTOM, LEFT
        parts = [f'<path class="axis" d="M{left} {TOP}V{low}H{self.width - RIGHT}"/>']
        for v in ticks(*self.xs, self.width // PER_TICK):
            parts.append(f'<text x="{self.x(v)}" y="{low + 16}" text-anchor="middle">{v:g}</text>')
        for v in ticks(*self.ys, self.height // PER_TICK + 2):
            parts.append(f'<text x="{left - 6}" y="{self.y(v) + 4}" text-anchor="end">{v:g}</text>')
            parts.append(f'<path class="grid" d="M{left} {self.y(v)}H{self.width - RIGHT}"/>')
        middle_x, middle_y = (left + self.width - RIGHT) / 2, (TOP + low) / 2
        parts.append(
            f'<text x="{middle_x}" y="{self.height - 8}" text-anchor="middle">{html.escape(self.plot.x)}</text>'
        )
        turned = f'transform="rotate(-90 13 {middle_y})"'
        parts.append(f'<text x="13" y="{middle_y}" text-anchor="middle" {turned}>{html.escape(self.plot.y)}</text>')
        if self.plot.kind == "roc":
            parts.append(f'<path class="chance" d="M{self.x(0)} {self.y(0)}L{self.x(1)} {self.y(1)}"/>')
        return "".join(parts)

    def line(self, line: Line, k: int) -> str:
        """One line."""
        if len(line.x) == 1:
            return f'<circle cx="{self.x(line.x[0])}" cy="{self.y(line.y[0])}" r="4" fill="{_colour(k)}"/>'
        points = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in zip(line.x, line.y, strict=True))
        return f'<polyline points="{points}" {_stroke(k)}/>'

    def band(self, line: Line, k: int) -> str:
        """What lies between its edges."""
        there = [f"{self.x(x)},{self.y(y)}" for x, y in zip(line.x, line.low, strict=True)]
        back = [f"{self.x(x)},{self.y(y)}" for x, y in zip(line.x, line.high, strict=True)]
        return f'<polygon points="{" ".join(there + back[::-1])}" fill="{_colour(k)}" opacity=".14"/>'


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, at most so many."""
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    step = next(k * power for k in (1, 2, 5, 10, 20) if (high - low) / (k * power) <= most - 1 + 1e-9)
    first = np.ceil(low / step - 1e-9)
    return [float(round(v * step, 12)) + 0.0 for v in np.arange(first, np.floor(high / step + 1e-9) + 1)]


def _key(lines: Sequence[Line]) -> str:
    """Which line is which."""
    items = (
        f'<li><svg viewBox="0 0 34 10" aria-hidden="true"><path d="M1 5H33" {_stroke(k)}/></svg>{html.escape(line.name)}</li>'
        for k, line in enumerate(lines)
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _colour(k: int) -> str:
    return COLOURS[k % len(COLOURS)]


def _stroke(k: int) -> str:
    dash = DASHES[k % len(DASHES)]
    return f'fill="none" stroke="{_colour(k)}" stroke-width="2.2"' + (f' stroke-dasharray="{dash}"' if dash else "")


def distribution_svg(d: Distribution) -> Markup:
    """Both cumulative distributions, small: many stand side by side under one key."""
    share = tuple(np.linspace(0, 100, len(d.real)).tolist())
    lines = (Line(name="real", x=d.real, y=share), Line(name="synthetic", x=d.synthetic, y=share))
    return plot_svg(Plot(title=d.name, x=d.unit, y="% below", lines=lines), SMALL, key=False)


@dataclass(frozen=True)
class Row:
    """One group's interval, placed on a line from 0 to 100."""

    group: str
    score: Score
    left: float
    right: float
    dot: float
    floor: float | None  # real against real
    ceiling: float | None  # what real images reach


@dataclass(frozen=True)
class Forest:
    """One score of many groups."""

    title: str
    better: str
    rows: list[Row]
    refused: list[Score]

    @property
    def marks(self) -> list[str]:
        """What upright marks there are."""
        return [name for name in ("floor", "ceiling") if any(getattr(row, name) is not None for row in self.rows)]


def forests(scores: tuple[Score, ...], rules: dict[str, Rule]) -> list[Forest]:
    """Of the scores that rules look at, where there are groups."""
    named = (
        _forest(name, [s for s in scores if s.name == name]) for name in dict.fromkeys(r.score for r in rules.values())
    )
    return [f for f in named if f is not None]


def _forest(name: str, scores: list[Score]) -> Forest | None:
    shown = [s for s in scores if s.value is not None and s.low is not None and s.high is not None]
    if len(shown) < 2:
        return None
    every = [x for s in shown for x in (s.value, s.low, s.high, s.floor, s.ceiling) if x is not None]
    first, last = min(every), max(every)
    return Forest(name, shown[0].better, [_row(s, first, last) for s in shown], [s for s in scores if s.value is None])


def _row(s: Score, first: float, last: float) -> Row:
    left, right, dot = (_place(x or 0.0, first, last) for x in (s.low, s.high, s.value))
    marks = (None if x is None else _place(x, first, last) for x in (s.floor, s.ceiling))
    return Row("everybody" if s.group == OVERALL else s.group, s, left, right, dot, *marks)


def _place(x: float, first: float, last: float) -> float:
    return 100 * (x - first) / (last - first) if last > first else 50.0
