"""No subject that a model will be tested on may reach a plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.crossing import TRAIN

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.fairness.planning.plan_table import PlanRow


def check_plan(rows: Iterable[PlanRow], cohort: Cohort) -> None:
    """Make sure that every subject a plan was drawn after, or whose mask it follows, is one to train on.

    Raises:
        SettingsError: one of them is of the test or validation split, or not of this cohort.
    """
    splits = _splits(cohort)
    whole = not any(splits.values())  # a cohort without splits holds nobody back
    for row in rows:
        for role, subject in (("is drawn after", row.donor), ("follows the mask of", row.like)):
            if subject is None or (subject in splits and (whole or splits[subject] == TRAIN)):
                continue
            where = f"is of its {splits[subject] or 'unnamed'} split" if subject in splits else "is not one of it"
            raise SettingsError(
                f"--plan: row {row.row} ({row.name}) {role} subject '{subject}' of {cohort.path}, who {where}; only training subjects may "
                "reach a plan: plan again with 'synthcmr plan'"
            )


def _splits(cohort: Cohort) -> dict[str, str]:
    subjects = cohort.subjects
    named = subjects["split"] if "split" in subjects else [None] * len(subjects)
    return {str(s): n if isinstance(n, str) else "" for s, n in zip(subjects["subject_id"], named, strict=True)}
