"""The two synthetic sets of an experiment, where the user brings none: a copy of the cohort, and what balances it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.fairness.debias.remedies import COPY, PLANNED, needed
from synthcmr.fairness.planning.plan import Plan, plan_cohort
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.sampling.generate import generate
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.sources import Sources

Report = Callable[[int, int, str], None]


def plans(cohort: Cohort, settings: DebiasSettings) -> dict[str, Plan]:
    """What to make: as many people as the training split has, rare ones more often; and those that reach the target."""
    people = cohort.subjects[cohort.subjects["split"] == "train"]
    copies = settings.copies or len(people)
    level = "whole" if settings.slices == "all" else "mid"
    weighted = PlanSettings(
        weights="cell",
        weight_cap=settings.copy_cap,
        by=(settings.label, *settings.sensitive),
        level=level,
        seed=settings.seed,
    )
    limited = PlanSettings(budget=settings.target_budget, level=level, seed=settings.seed + 1)
    return {
        COPY: plan_cohort(cohort, f"copy:{copies}", weighted),
        PLANNED: plan_cohort(cohort, settings.planned_target, limited),
    }


def make_sets(
    cohort: Cohort, out: Path, settings: DebiasSettings, run: Path | None, workers: int, progress: Report | None
) -> dict[str, Path]:
    """Plan and generate below a folder the sets that the remedies need; what is there already is taken as it is.

    Returns:
        The cohort folder of each set.
    """
    results = {}
    wanted = needed(settings.remedies)
    for name, plan in plans(cohort, settings).items():
        if name not in wanted:
            continue
        results[name] = out / name
        if (out / name / COHORT_FILE).exists():
            continue
        folder = out / "plans" / name
        if not folder.exists():
            plan.write(folder)
        ledger = plan.ledger.named(str(folder))
        generate(
            out / name, plan.requests(), Sources(run=run), like_images(cohort), workers, progress, requested=ledger
        )
    return results


def like_images(cohort: Cohort) -> GenerateSettings:
    """Rows, columns and pixels of generated images are those of a cohort."""
    size, spacing = int(cohort.images["height"].mode()[0]), float(cohort.images["spacing_row_mm"].median())
    return GenerateSettings(size=size, spacing_mm=round(spacing, 3))
