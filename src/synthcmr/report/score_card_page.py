"""A score card as one offline HTML page, with the images that its parts chose to show, and the cards beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.places import current_place
from synthcmr.errors import CohortError
from synthcmr.evaluation.score import OVERALL, PartScores, PartVerdict, Score, ScoreCard, ShownImage
from synthcmr.evaluation.verdict import listed
from synthcmr.evaluation.verdict_rules import Rule
from synthcmr.report.data_sheet import write_data_sheet
from synthcmr.report.lineage import chain, current_folder, record_of
from synthcmr.report.model_card import write_model_card
from synthcmr.report.pictures import heart_picture, playing_picture
from synthcmr.report.plots import Forest, distribution_svg, forests, plot_svg
from synthcmr.report.single_file_page import write_page

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


Sides = dict[str, Cohort]  # "real" and "synthetic", where they are still there


@dataclass(frozen=True)
class Drawn:
    """A picture, what it says, and perhaps another to be seen together with it."""

    data: str
    caption: str
    of: str  # real or synthetic
    still: str = ""  # of a cine that plays: its first frame
    beside: Drawn | None = None


def sides(card: ScoreCard, out: Path) -> tuple[Sides, list[str]]:
    """Both cohorts, where they still are what was scored, and why one is not."""
    cohorts: Sides = {}
    missing = []
    inputs = record_of(out).get("inputs", [])
    for kind, side, source in zip(("real", "synthetic"), (card.real, card.synthetic), inputs, strict=False):
        try:
            cohort = Cohort.open(current_folder(source["name"], side.hash, out) or current_place(source["name"], out))
        except CohortError as error:
            missing.append(f"Pictures of {side.name} are left out: {error}")
            continue
        if cohort.hash == side.hash:
            cohorts[kind] = cohort
        else:
            missing.append(f"Pictures of {side.name} are left out: the cohort has changed since it was scored.")
    return cohorts, missing


def drawn_rows(rows: dict[str, tuple[ShownImage, ...]], cohorts: Sides) -> dict[str, list[Drawn]]:
    """Rows of pictures by title; those that cannot be read are left out."""
    drawn = {title: [one for p in row if (one := _drawn(p, cohorts)) is not None] for title, row in rows.items()}
    return {title: row for title, row in drawn.items() if row}


def _drawn(p: ShownImage, cohorts: Sides) -> Drawn | None:
    cohort = cohorts.get(p.cohort)
    if cohort is None:
        return None
    rows = (cohort.images["image_id"] == p.image_id).to_numpy().nonzero()[0]
    if not len(rows):
        return None
    beside = None if p.beside is None else _drawn(p.beside, cohorts)
    index = int(rows[0])
    if p.playing:
        cine = playing_picture(cohort.image(index), cohort.table.iloc[index].to_dict())
        return Drawn(cine.moving, p.caption, p.cohort, cine.still, beside)
    picture = heart_picture(cohort.image(index)[0], cohort.mask(index)[0])
    return Drawn(picture, p.caption, p.cohort, beside=beside)


def write_report(card: ScoreCard, out: Path) -> Path:
    """Write report.html, model_card.md and data_sheet.md; returns the page."""
    write_model_card(card, out)
    write_data_sheet(card, out)
    return write_score_card(card, out)
