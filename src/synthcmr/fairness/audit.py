"""The audit of a cohort: whom does it leave out?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.grouping import grouped
from synthcmr.errors import SettingsError
from synthcmr.fairness.association import Association, associations
from synthcmr.fairness.cells import AttributeCounts, MissingCell, count_attribute, crossing, missing_cells
from synthcmr.fairness.measurements import GroupMean, group_means, heart_measures, image_measures
from synthcmr.fairness.verdict import verdict
from synthcmr.formats import AUDIT

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

MAX_CROSSINGS = 15


@dataclass(frozen=True)
class Audit:
    """Everything an audit found."""

    cohort: str
    cohort_hash: str
    origin: tuple[str, ...]
    label: str | None
    subjects: int
    images: int
    judged: str  # which subjects associations and missing cells are about
    judged_subjects: int
    sentences: tuple[str, ...]
    attributes: tuple[AttributeCounts, ...]
    crossings: dict[str, dict[str, dict[str, int]]]  # "a x b" -> a's group -> b's group -> subjects
    associations: tuple[Association, ...]
    missing: tuple[MissingCell, ...]
    images_by_group: tuple[GroupMean, ...]
    hearts_by_group: tuple[GroupMean, ...]
    splits: dict[str, int]
    rejects: tuple[dict[str, str], ...]
    notes: int

    def to_json(self) -> dict[str, Any]:
        """Plain values; what could not be computed is null, with a reason beside it."""
        plain = _plain(asdict(self))
        for row, pair in zip(plain["associations"], self.associations, strict=True):
            row["tangled"] = pair.tangled
        return {"schema": AUDIT.schema, **plain}


def audit_cohort(
    cohort: Cohort, by: tuple[str, ...] | None = None, label: str | None = "diagnosis", seed: int = 0
) -> Audit:
    """Audit a cohort.

    Associations and missing cells are judged on the training split where there is one, because that is what models learn
    from; a test split may be balanced on purpose.

    Args:
        cohort: what to audit.
        by: attributes; None takes all that form groups.
        label: the attribute that models are to predict.
        seed: of bootstrap, permutations and image sample.

    Raises:
        SettingsError: `by` names an attribute that does not exist.
    """
    subjects = cohort.subjects
    try:
        groups = grouped(subjects, by)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    known = label if label in groups.columns else None
    train = subjects["split"] == "train" if "split" in subjects else subjects.index == -1
    judged = groups[train.to_numpy()] if train.any() else groups
    judged = judged[
        [name for name in judged.columns if judged[name].nunique() > 1]
    ]  # one group is tangled with nothing
    counts = [count_attribute(groups[name]) for name in groups.columns]
    pairs = associations(judged, seed)
    missing = missing_cells(judged, known if known in judged.columns else None)
    rejects = cohort.rejects
    return Audit(
        cohort=cohort.path.name,
        cohort_hash=cohort.hash,
        origin=tuple(cohort.info["origin"]),
        label=known,
        subjects=len(subjects),
        images=len(cohort),
        judged="the training split" if train.any() else "all subjects",
        judged_subjects=len(judged),
        sentences=tuple(verdict(len(judged), known, counts, missing, pairs)),
        attributes=tuple(counts),
        crossings=_crossings(groups, known),
        associations=tuple(pairs),
        missing=tuple(missing),
        images_by_group=tuple(group_means(image_measures(cohort, seed), groups, subjects["subject_id"])),
        hearts_by_group=tuple(group_means(heart_measures(cohort), groups, subjects["subject_id"])),
        splits={str(k): int(v) for k, v in subjects["split"].value_counts().items()} if "split" in subjects else {},
        rejects=tuple(_reject_rows(rejects[rejects["level"] == "reject"])),
        notes=int((rejects["level"] == "note").sum()),
    )


def _crossings(groups: pd.DataFrame, label: str | None) -> dict[str, dict[str, dict[str, int]]]:
    """Tables of pairs, those with the label first."""
    pairs = sorted(combinations(groups.columns, 2), key=lambda p: label not in p)
    ordered = [(b, a) if a == label else (a, b) for a, b in pairs[:MAX_CROSSINGS]]
    return {f"{a} x {b}": crossing(groups, a, b) for a, b in ordered}


def _reject_rows(rejects: pd.DataFrame) -> list[dict[str, str]]:
    return [{"case": str(r.case_id), "part": str(r.part), "reason": str(r.reason)} for r in rejects.itertuples()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
