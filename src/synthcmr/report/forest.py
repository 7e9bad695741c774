"""One score, group by group, as intervals on a line beside what real images reach."""

from __future__ import annotations

from dataclasses import dataclass

from synthcmr.evaluation.rules import Rule
from synthcmr.evaluation.score import OVERALL, Score


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
