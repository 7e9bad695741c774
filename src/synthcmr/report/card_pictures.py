"""The images that a part chose to show, read from the cohorts while they still are what was scored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.score import ScoreCard, ShownImage
from synthcmr.report.pictures import heart_picture
from synthcmr.report.provenance_chain import found_folder, record_of

Sides = dict[str, Cohort]  # "real" and "synthetic", where they are still there


@dataclass(frozen=True)
class Drawn:
    """A picture, what it says, and perhaps another to be seen together with it."""

    data: str
    caption: str
    of: str  # real or synthetic
    beside: Drawn | None = None


def sides(card: ScoreCard, out: Path) -> tuple[Sides, list[str]]:
    """Both cohorts, where they still are what was scored, and why one is not."""
    found: Sides = {}
    missing = []
    inputs = record_of(out).get("inputs", [])
    for kind, side, told in zip(("real", "synthetic"), (card.real, card.synthetic), inputs, strict=False):
        try:
            cohort = Cohort.open(found_folder(told["name"], side.hash, out) or told["name"])
        except CohortError as error:
            missing.append(f"Pictures of {side.name} are left out: {error}")
            continue
        if cohort.hash == side.hash:
            found[kind] = cohort
        else:
            missing.append(f"Pictures of {side.name} are left out: the cohort has changed since it was scored.")
    return found, missing


def drawn_rows(rows: dict[str, tuple[ShownImage, ...]], cohorts: Sides) -> dict[str, list[Drawn]]:
    """Rows of pictures by title; those that cannot be read are left out."""
    found = {title: [one for p in row if (one := _drawn(p, cohorts)) is not None] for title, row in rows.items()}
    return {title: row for title, row in found.items() if row}


def _drawn(p: ShownImage, cohorts: Sides) -> Drawn | None:
    cohort = cohorts.get(p.cohort)
    if cohort is None:
        return None
    rows = (cohort.images["image_id"] == p.image_id).to_numpy().nonzero()[0]
    if not len(rows):
        return None
    picture = heart_picture(cohort.image(int(rows[0]))[0], cohort.mask(int(rows[0]))[0])
    return Drawn(picture, p.caption, p.cohort, None if p.beside is None else _drawn(p.beside, cohorts))
