"""The page of a generated cohort: what was asked, what came out, what screening said. One file that opens offline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import DRAWN
from synthcmr.report.pictures import PlayingPicture, heart_picture, playing_picture
from synthcmr.report.single_file_page import write_page

PAGE = "generated.html"
SHOWN_SUBJECTS, SHOWN_REASONS = 24, 5
PLAYING_SUBJECTS = 12  # a cine takes a third of a megabyte
PAIR = 2  # frames
PHASES = (("ED", "End-diastole"), ("ES", "End-systole"))
WHO = ("sex", "age", "bmi", "diagnosis", "vendor", "field_strength_t")


@dataclass(frozen=True)
class Person:
    """A subject as the page shows it."""

    pictures: list[tuple[str, str]]  # data URI and phase
    cine: PlayingPicture | None  # where more than ED and ES were generated
    who: str  # as it was asked
    drawn: str  # sampled
    heart: str


def write_generated_page(cohort: Cohort, folder: Path) -> Path:
    """Write FOLDER/generated.html."""
    people = [_person(cohort, i, k < PLAYING_SUBJECTS) for k, i in enumerate(_shown(cohort))]
    rejects = cohort.rejects[cohort.rejects["level"] == "reject"] if len(cohort.rejects) else cohort.rejects
    reasons = rejects["reason"].tolist()
    return write_page(
        folder / PAGE,
        "generated",
        subjects=len(cohort.subjects),
        images=len(cohort),
        whose=_whose(cohort),
        rejected=len(reasons),
        reasons=Counter(reasons).most_common(SHOWN_REASONS),
        people=people,
        playing=sum(one.cine is not None for one in people),
        drawn=any(one.drawn for one in people),
    )


def _whose(cohort: Cohort) -> str:
    """Whether a real subject's heart is shown."""
    settings = cohort.info["settings"]["generate"]
    if settings["redraw"]:
        return "These are real subjects as another scanner would show them: protect them as you protect the originals."
    if settings["masks"] == "generated":
        return "These subjects do not exist."
    bent = ", bent" if settings["masks"] == "deformed" else ""
    return f"The images are new; the masks are those of real subjects{bent}."


def _shown(cohort: Cohort) -> list[int]:
    """The middle slice of each of the first subjects."""
    chosen = []
    for name in list(dict.fromkeys(cohort.images["subject_id"]))[:SHOWN_SUBJECTS]:
        rows = np.flatnonzero(cohort.images["subject_id"].to_numpy() == name)
        chosen.append(int(rows[len(rows) // 2]))
    return chosen


def _person(cohort: Cohort, index: int, plays: bool) -> Person:
    row: dict[str, Any] = cohort.table.iloc[index].to_dict()
    image, mask = cohort.image(index), cohort.mask(index)
    names = list(row["phases"])
    phases = [(names.index(name), words) for name, words in PHASES if name in names]
    pictures = [(heart_picture(image[f], mask[f]), phase) for f, phase in phases]
    cine = playing_picture(image, row) if plays and len(image) > PAIR else None
    drawn = str(row.get(DRAWN) or "").split(",")
    known = [(n in drawn, _in_words(n, row[n])) for n in WHO if row.get(n) is not None and row[n] == row[n]]
    who = ", ".join(text for was_drawn, text in known if not was_drawn)
    also = ", ".join(text for was_drawn, text in known if was_drawn)
    requested = {k.removeprefix("asked_"): v for k, v in row.items() if k.startswith("asked_") and v == v}
    heart = ", ".join(
        f"{label} {requested[k]:.0f} {unit}"
        for k, label, unit in (("lv_edv_ml", "EDV", "ml"), ("lv_ef_percent", "EF", "%"), ("lv_mass_g", "mass", "g"))
        if k in requested
    )
    agreement = (
        f"; re-segmentation Dice {row['screen_dice']:.2f}"
        if row.get("screen_dice") == row.get("screen_dice", 0)
        else ""
    )
    return Person(pictures, cine, who, also, heart + agreement)


def _in_words(name: str, value: Any) -> str:
    written = f"{value:g}" if isinstance(value, float) else str(value)
    return {"age": f"{written} years", "bmi": f"BMI {written}", "field_strength_t": f"{written} T"}.get(name, written)
