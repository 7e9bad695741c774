"""The score card: an evaluation as one offline HTML page."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.errors import CohortError
from synthcmr.evaluation.rules import Rule
from synthcmr.evaluation.score import OVERALL, Distribution, Picture, Score, ScoreCard
from synthcmr.report.offline_page import write_page
from synthcmr.report.pictures import heart_picture

PAGE = "report.html"
DEEPEST = 6  # steps of a provenance chain
WIDTH, HEIGHT = 320, 110  # of a distribution's drawing
COLOURS = {"good": "good", "acceptable": "fair", "not enough evidence": "unknown", "bad": "bad"}  # word -> style


def write_score_card(card: ScoreCard, out: Path) -> Path:
    """Write OUT/report.html."""
    pictures, missing = _drawn(card, out)
    return write_page(
        out / PAGE,
        "score_card",
        card=card,
        pictures=pictures,
        missing=missing,
        forests={name: _forests(part.result.scores, rules_of(card, name)) for name, part in card.parts.items()},
        overall={name: [s for s in part.result.scores if s.group == OVERALL] for name, part in card.parts.items()},
        chains=_chains(out),
        curve=_curve,
        colour=COLOURS,
        figure=_figure,
    )


def rules_of(card: ScoreCard, part: str) -> dict[str, Rule]:
    """The rules that made a part's verdict."""
    return {name: Rule.model_validate(rule) for name, rule in card.settings.get("rules", {}).get(part, {}).items()}


def _figure(x: float | None) -> str:
    """A number as people read it."""
    return "" if x is None else f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}"


@dataclass(frozen=True)
class Row:
    """One group's interval, placed on a line from 0 to 100."""

    group: str
    score: Score
    left: float
    right: float
    dot: float


@dataclass(frozen=True)
class Forest:
    """One score, group by group."""

    title: str
    rows: list[Row]
    refused: list[Score]
    beside: float | None  # where real against real, or the ceiling, of everybody lies


def _forests(scores: tuple[Score, ...], rules: dict[str, Rule]) -> list[Forest]:
    """Of the scores that rules look at, where there are groups."""
    found = []
    for name in dict.fromkeys(rule.score for rule in rules.values()):
        own = [s for s in scores if s.name == name]
        shown = [s for s in own if s.value is not None and s.low is not None and s.high is not None]
        if len(shown) < 2:
            continue
        lows, highs = [s.low or 0.0 for s in shown], [s.high or 0.0 for s in shown]
        marks = [m for m in (shown[0].floor, shown[0].ceiling) if m is not None and shown[0].group == OVERALL]
        first, last = min(*lows, *marks), max(*highs, *marks)
        rows = [_row(s, first, last) for s in shown]
        beside = _place(marks[0], first, last) if marks else None
        found.append(Forest(name, rows, [s for s in own if s.value is None], beside))
    return found


def _row(s: Score, first: float, last: float) -> Row:
    left, right, dot = (_place(x or 0.0, first, last) for x in (s.low, s.high, s.value))
    return Row(s.group or "everybody", s, left, right, dot)


def _place(x: float, first: float, last: float) -> float:
    return 100 * (x - first) / (last - first) if last > first else 50.0


def _curve(d: Distribution) -> str:
    """Both cumulative distributions as an SVG."""
    first, last = min(d.real[0], d.synthetic[0]), max(d.real[-1], d.synthetic[-1])

    def line(values: tuple[float, ...]) -> str:
        points = [
            f"{_place(x, first, last) / 100 * (WIDTH - 20) + 10:.1f},{HEIGHT - 22 - k / (len(values) - 1) * (HEIGHT - 32):.1f}"
            for k, x in enumerate(values)
        ]
        return " ".join(points)

    label = html.escape(f"Share of subjects below each value of {d.name}, real and synthetic")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
        f'<line x1="10" x2="{WIDTH - 10}" y1="{HEIGHT - 22}" y2="{HEIGHT - 22}" class="axis"/>'
        f'<polyline points="{line(d.real)}" class="real"/><polyline points="{line(d.synthetic)}" class="synth"/>'
        f'<text x="10" y="{HEIGHT - 6}">{_figure(first)}</text>'
        f'<text x="{WIDTH - 10}" y="{HEIGHT - 6}" text-anchor="end">{_figure(last)} {html.escape(d.unit)}</text></svg>'
    )


@dataclass(frozen=True)
class Drawn:
    """A picture and what it says."""

    data: str
    caption: str


def _drawn(card: ScoreCard, out: Path) -> tuple[dict[str, dict[str, list[Drawn]]], list[str]]:
    """The pictures of every part, and why some are missing."""
    cohorts, missing = _cohorts(card, out)
    found = {
        name: {
            title: [one for p in row if (one := _picture(p, cohorts)) is not None]
            for title, row in part.result.pictures.items()
        }
        for name, part in card.parts.items()
    }
    return found, missing


def _cohorts(card: ScoreCard, out: Path) -> tuple[dict[str, Cohort], list[str]]:
    """Both cohorts, where they still are what was scored."""
    found: dict[str, Cohort] = {}
    missing = []
    inputs = _record(out / PROVENANCE_FILE).get("inputs", [])
    for kind, side, told in zip(("real", "synthetic"), (card.real, card.synthetic), inputs, strict=False):
        try:
            cohort = Cohort.open(told["name"])
        except CohortError as error:
            missing.append(f"Pictures of {side.name} are left out: {error}")
            continue
        if cohort.hash == side.hash:
            found[kind] = cohort
        else:
            missing.append(f"Pictures of {side.name} are left out: the cohort has changed since it was scored.")
    return found, missing


def _picture(p: Picture, cohorts: dict[str, Cohort]) -> Drawn | None:
    cohort = cohorts.get(p.cohort)
    if cohort is None:
        return None
    rows = (cohort.images["image_id"] == p.image_id).to_numpy().nonzero()[0]
    if not len(rows):
        return None
    image, mask = cohort.image(int(rows[0]))[0], cohort.mask(int(rows[0]))[0]
    return Drawn(heart_picture(image, mask), p.caption)


def _record(file: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return record


@dataclass(frozen=True)
class Step:
    """One step of what something was made from."""

    depth: int
    kind: str
    name: str
    hash: str
    step: str


def _chains(out: Path) -> list[Step]:
    """What the scores were made from, and what that was made from, as far as folders still tell."""
    return _below(_record(out / PROVENANCE_FILE), 0)


def _below(record: dict[str, Any], depth: int) -> list[Step]:
    found: list[Step] = []
    for one in record.get("inputs", []) if depth < DEEPEST else []:
        own = _record(Path(one["name"]) / PROVENANCE_FILE) if one["kind"] in ("cohort", "run", "plan") else {}
        if own.get("hash") != one["hash"]:
            own = {}  # another thing lies there now
        found.append(Step(depth, one["kind"], Path(one["name"]).name, one["hash"][:12], own.get("step", "")))
        found += _below(own, depth + 1)
    return found
