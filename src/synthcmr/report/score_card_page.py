"""The score card: an evaluation as one offline HTML page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthcmr.evaluation.rules import Rule
from synthcmr.evaluation.score import OVERALL, PartScores, PartVerdict, Score, ScoreCard
from synthcmr.evaluation.verdict import listed
from synthcmr.report.card_pictures import Drawn, Sides, drawn_rows, sides
from synthcmr.report.forest import Forest, forests
from synthcmr.report.offline_page import write_page
from synthcmr.report.plots import distribution_svg, plot_svg
from synthcmr.report.provenance_chain import chain

PAGE = "report.html"
COLOURS = {"good": "good", "acceptable": "fair", "not enough evidence": "unknown", "bad": "bad"}  # word -> style


@dataclass(frozen=True)
class ShownPart:
    """One part with all that is drawn of it."""

    name: str
    scores: PartScores
    rules: dict[str, Rule]
    pictures: dict[str, list[Drawn]]
    forests: list[Forest]
    overall: list[Score]


def write_score_card(card: ScoreCard, out: Path) -> Path:
    """Write OUT/report.html."""
    cohorts, missing = sides(card, out)
    return write_page(
        out / PAGE,
        "score_card",
        card=card,
        parts=[_shown(name, card, cohorts) for name in card.parts],
        missing=missing,
        chain=chain(out),
        colour=COLOURS,
        curve=distribution_svg,
        plot=plot_svg,
        figure=figure,
        after_word=after_word,
        listed=listed,
    )


def _shown(name: str, card: ScoreCard, cohorts: Sides) -> ShownPart:
    scores, rules = card.parts[name], rules_of(card, name)
    result = scores.result
    return ShownPart(
        name,
        scores,
        rules,
        drawn_rows(result.pictures, cohorts),
        forests(result.scores, rules),
        [s for s in result.scores if s.group == OVERALL],
    )


def rules_of(card: ScoreCard, part: str) -> dict[str, Rule]:
    """The rules that made a part's verdict."""
    return {name: Rule.model_validate(rule) for name, rule in card.settings.get("rules", {}).get(part, {}).items()}


def after_word(verdict: PartVerdict) -> str:
    """The sentence of a verdict whose word stands before it already."""
    return verdict.sentence.removeprefix(verdict.word.capitalize()).lstrip(": ")


def figure(x: float | None) -> str:
    """A number as people read it."""
    return "" if x is None else (f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}").replace("-", "−")
