"""What the steps of a demo found, read from the files that they wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.evaluation.evaluate import read_card
from synthcmr.experiments.rates import WORST
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.verdict import OPPORTUNITY
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.frequency.spectrum.compare import DISTANCE, PROBE

IMAGES = "real + planned"
EVERYONE = "balanced accuracy"


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Recalibrated:
    """A score of generated images against real ones, before and after recalibration."""

    before: Measured | None
    after: Measured | None
    floor: float | None  # of real ones against real ones


@dataclass(frozen=True)
class Missing:
    """A crossing that is missing or nearly so."""

    words: str
    count: int
    expected: float


@dataclass(frozen=True)
class Tangle:
    """An attribute that tells the label."""

    attribute: str
    v: Measured


@dataclass(frozen=True)
class Found:
    """All that the three sentences speak of."""

    label: str
    judged: int  # training subjects
    missing: tuple[Missing, ...]
    tangled: tuple[Tangle, ...]
    planned: int
    made: int
    gap: Recalibrated  # of their spectra to real ones
    probe: Recalibrated  # AUC of a straight line that tells them from real ones by spectra
    verdicts: Mapping[str, str]  # part of the score card -> word
    grouping: str  # whose worst group is looked at; empty: no two groups can be compared
    tested: int
    by_chance: bool  # whether groups filled at random would differ as much as these
    start: Measured | None  # worst group's balanced accuracy of a classifier of real images alone
    images: Measured | None  # what planned images change in it
    cheap_name: str
    cheap: Measured | None  # what the cheap remedy changes
    against: Measured | None  # planned images less the cheap remedy


def read_found(out: Path) -> Found:
    """Read a demo's folder."""
    audit, spectrum, debiased = (
        json.loads((out / name).read_text())
        for name in ("audit/audit.json", "spectrum/spectrum.json", "debiased/scores.json")
    )
    card = read_card(out / "scores")
    return Found(
        label=audit["label"] or "",
        judged=audit["judged_subjects"],
        missing=tuple(
            Missing(in_words(m["attributes"], m["groups"]), m["count"], m["expected"]) for m in audit["missing"]
        ),
        tangled=_tangled(audit),
        planned=len(Plan.read(out / "plan").rows),
        made=len(Cohort.open(out / "recalibrated").subjects),
        gap=_recalibrated(spectrum, DISTANCE),
        probe=_recalibrated(spectrum, PROBE),
        verdicts={name: part.verdict.word for name, part in card.parts.items()},
        **_classified(debiased),
    )


def measured(told: Mapping[str, Any] | None) -> Measured | None:
    """A number of a JSON file."""
    return None if told is None else Measured(told["value"], told["low"], told["high"])


def main_grouping(debiased: Mapping[str, Any]) -> str:
    """The crossing where two of its groups can be scored, else an attribute where they can; empty: none."""
    usable = [
        name
        for name, groups in debiased["groups"].items()
        if sum("refused" not in group for group in groups.values()) > 1
    ]
    return usable[-1] if usable else ""


def _recalibrated(spectrum: Mapping[str, Any], score: str) -> Recalibrated:
    before, after = (measured(spectrum["sets"][name]["scores"].get(score)) for name in ("generated", "recalibrated"))
    floor = measured(spectrum["floors"].get(score))
    return Recalibrated(before, after, None if floor is None else floor.value)


def _tangled(audit: Mapping[str, Any]) -> tuple[Tangle, ...]:
    label = audit["label"]
    return tuple(
        Tangle(a["b"] if a["a"] == label else a["a"], Measured(a["v"], a["low"], a["high"]))
        for a in audit["associations"]
        if a["tangled"] and label in (a["a"], a["b"])
    )


def _classified(debiased: Mapping[str, Any]) -> dict[str, Any]:
    main, cheap, remedies = main_grouping(debiased), debiased["best_cheap"], debiased["remedies"]
    key = f"{WORST}, {main}" if main else EVERYONE
    images = remedies[IMAGES]
    return {
        "grouping": main,
        "tested": debiased["test_subjects"],
        "by_chance": bool(main) and _by_chance(remedies[NOTHING], main),
        "start": measured(remedies[NOTHING]["scores"].get(key)),
        "images": measured(images["to_nothing"].get(key)),
        "cheap_name": cheap,
        "cheap": measured(remedies[cheap]["to_nothing"].get(key)),
        "against": measured(images["to_best_cheap"].get(key)),
    }


def _by_chance(nothing: Mapping[str, Any], main: str) -> bool:
    key = f"{OPPORTUNITY}, {main}"
    return bool(nothing["scores"][key]["value"] <= nothing["by_chance"][key]["high"])
