"""From a cohort and a target to a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.errors import SettingsError
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.planning.cell_allocation import COUNTED_BY, WEIGHTED_BY, Allocation, allocate_cells
from synthcmr.fairness.planning.crossing import (
    AttributePool,
    Cell,
    Crossing,
    Groups,
    cross,
    occupied,
    resolve,
    training_subjects,
)
from synthcmr.fairness.planning.plan_folder import Plan, PlannedCohort
from synthcmr.fairness.planning.plan_table import OWN_COLUMNS, PlanRow, check_plan
from synthcmr.fairness.planning.remarks import remarks, residual_associations
from synthcmr.fairness.planning.rows import Donors, RowWriter
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target, parse_target
from synthcmr.privacy.ledger import learned_openly
from synthcmr.sampling.requests import seed_of

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

__all__ = ["Plan", "plan_cohort", "plan_subjects"]

LABEL = "diagnosis"  # what models usually predict, where a target names no label


def plan_cohort(cohort: Cohort, target: str | Target, settings: PlanSettings | None = None) -> Plan:
    """Plan the subjects that bring a cohort's training split to a target.

    Args:
        cohort: whose training subjects are counted and drawn after; all, where it has no splits.
        target: such as "equal:sex,diagnosis".
        settings: limits, and how rows are drawn.

    Raises:
        SettingsError: the target cannot be read, or cannot be reached by adding subjects.
    """
    settings = settings or PlanSettings()
    masked = None if settings.masks == "generated" else _with_masks(cohort)
    about = PlannedCohort(cohort.path.name, str(cohort.path.resolve()), cohort.hash, tuple(cohort.info["origin"]))
    counted = learned_openly(cohort_ledger(cohort), "plan", "plan")
    plan = replace(plan_subjects(cohort.subjects, target, settings, about, masked), ledger=counted)
    check_plan(plan.rows, cohort)
    return plan


def plan_subjects(
    subjects: pd.DataFrame,
    target: str | Target,
    settings: PlanSettings | None = None,
    cohort: PlannedCohort | None = None,
    masked: Collection[str] | None = None,
) -> Plan:
    """The same from a table of subjects alone.

    Args:
        subjects: rows of subjects.parquet.
        target: as of `plan_cohort`.
        settings: as of `plan_cohort`.
        cohort: whose they are.
        masked: ids of those whose masks can be followed; None where masks are generated.
    """
    settings, cohort = settings or PlanSettings(), cohort or PlannedCohort("subjects")
    parsed = parse_target(target) if isinstance(target, str) else target
    _check(parsed, settings)
    people, who = training_subjects(subjects, cohort.path or cohort.name)
    groups = Groups.of(people)
    crossing = _crossing(parsed, groups, people, settings)
    label = parsed.label or (LABEL if LABEL in groups.table else None)
    donors = _donors(people, groups, crossing, parsed, masked)
    key = _key(parsed, settings, cohort)
    settled = allocate_cells(
        parsed, crossing, groups, settings, lambda cell, own: donors.of(cell, own, _rng(settings.seed, key, cell))
    )
    rows = _rows(settled, RowWriter(key, parsed.kind, donors, settings))
    rounded = _rounded(parsed, crossing, settled)
    notes = remarks(parsed, settings, settled.cells, settled.needed, crossing.unknown, crossing.attributes, rounded)
    return Plan(
        cohort=cohort,
        target=parsed.text,
        settings=settings,
        attributes=crossing.attributes,
        label=label,
        counted=len(people),
        counted_who=who,
        cells=settled.cells,
        rows=rows,
        residual_associations=tuple(residual_associations(groups, rows, crossing.attributes, label)),
        notes=tuple(notes),
    )


def _check(target: Target, settings: PlanSettings) -> None:
    if target.kind != "copy" and settings.weights != "none":
        raise SettingsError(
            f"--weights {settings.weights}: expected with --target copy only; got --target {target.text}"
        )
    if target.kind != "copy" and settings.by is not None:
        raise SettingsError(
            f"--by: expected with --target copy only; --target {target.text} names its attributes itself"
        )


def _crossing(target: Target, groups: Groups, people: pd.DataFrame, settings: PlanSettings) -> Crossing:
    if target.kind == "copy":
        named = COUNTED_BY if settings.weights == "none" else WEIGHTED_BY
        usual = tuple(n for n in named if n in people and people[n].notna().any())
        return occupied(groups, usual if settings.by is None else resolve(settings.by, people, "--by"))
    attributes = resolve(target.attributes, people, "--target")
    own = [name for name in attributes if name in OWN_COLUMNS]
    if own:
        raise SettingsError(f"--target: '{own[0]}' is a column of plans themselves; rename it in the cohort")
    return cross(groups, attributes, "--target")


def _donors(
    people: pd.DataFrame, groups: Groups, crossing: Crossing, target: Target, masked: Collection[str] | None
) -> Donors:
    ids = [str(s) for s in people["subject_id"]]
    followed = None if masked is None else frozenset(i for i, name in enumerate(ids) if name in masked)
    attribute_pool = AttributePool.of(people, groups, crossing.attributes)
    return Donors(attribute_pool, crossing, ids, followed, target.kind == "copy")


def _rounded(target: Target, crossing: Crossing, settled: Allocation) -> list[str]:
    """Cells of parity that fall away in whole numbers, in words; empty groups do not matter."""
    if target.kind != "parity":
        return []
    kept = {tuple(cell.groups.values()) for cell in settled.cells}
    groups = {cell[:-1] for cell in kept}
    return [in_words(crossing.attributes, c) for c in crossing.cells if c not in kept and c[:-1] in groups]


def _rows(settled: Allocation, writer: RowWriter) -> tuple[PlanRow, ...]:
    results: list[PlanRow] = []
    for cell in settled.cells:
        if cell.planned:
            results += writer.rows(cell, settled.pools[tuple(cell.groups.values())], len(results))
    return tuple(results)


def _rng(seed: int, key: str, cell: Cell) -> np.random.Generator:
    return np.random.default_rng([seed_of(seed, key, "lenders", *cell)])


def _key(target: Target, settings: PlanSettings, cohort: PlannedCohort) -> str:
    """A name for all that decides a plan, so that no two plans share names or seeds."""
    reference = sorted((cell, str(x)) for cell, x in target.reference.cells.items()) if target.reference else []
    # A reference is told by what it holds, not by where its table lies.
    text = target.kind if target.reference else target.text
    record = json.dumps([cohort.hash, text, reference, settings.model_dump(mode="json")], sort_keys=True)
    return hashlib.blake2b(record.encode(), digest_size=16).hexdigest()


def _with_masks(cohort: Cohort) -> frozenset[str]:
    """Subjects with an image whose frames at ED and ES both draw all structures."""
    whole = {"lv", "myo", "rv"}

    def drawn(phases: list[str], labelled: list[str]) -> bool:
        described = {phase: set(text.split(",")) for phase, text in zip(phases, labelled, strict=True)}
        return all(described.get(phase) == whole for phase in ("ED", "ES"))

    images = cohort.images
    usable = [drawn(p, t) for p, t in zip(images["phases"], images["labelled"], strict=True)]
    return frozenset(map(str, images["subject_id"][usable]))
