"""A plan as a table: its rows and its cells, and the check that no test subject reached a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from synthcmr.cohort.attributes import ATTRIBUTES, Value
from synthcmr.cohort.provenance import combined_hash
from synthcmr.cohort.tables import INTEGER, NUMBER, STRING
from synthcmr.errors import SettingsError
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.planning.crossing import TRAIN

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort


FIRST = {"row": INTEGER, "name": STRING, "seed": INTEGER, "prompt": STRING}
LAST = {"anatomy": STRING, "like": STRING, "donor": STRING, "level": STRING, "cell": STRING, "reason": STRING}
OWN_COLUMNS = (*FIRST, *LAST)


@dataclass(frozen=True)
class PlanRow:
    """One subject to make."""

    row: int
    name: str  # subject id of the result
    seed: int
    prompt: str
    attributes: Mapping[str, Value]
    anatomy: str  # generated, deformed or real
    like: str | None  # the training subject whose mask is followed
    donor: str | None  # the training subject after whom the attributes are drawn; None in private plans
    level: str
    cell: str
    reason: str

    def flat(self) -> dict[str, Any]:
        """As a row of plan.parquet."""
        described = asdict(self)
        return {**{k: described[k] for k in FIRST}, **self.attributes, **{k: described[k] for k in LAST}}

    @classmethod
    def of(cls, flat: Mapping[str, Any]) -> PlanRow:
        """The inverse of `flat`."""
        attributes = {k: v for k, v in flat.items() if k not in OWN_COLUMNS and v is not None}
        return cls(**{k: flat[k] for k in OWN_COLUMNS}, attributes=attributes)


@dataclass(frozen=True)
class PlannedCell:
    """One cell: what is there, what is wanted, what is planned."""

    groups: dict[str, str]
    real: int
    target: int  # real and synthetic together
    planned: int
    refused: str = ""  # why nothing is planned, where the target wants something
    note: str = ""

    @property
    def short(self) -> int:
        """What the limits leave the cell short of its target."""
        return max(0, self.target - self.real - self.planned)

    @property
    def words(self) -> str:
        """The cell in words."""
        return in_words(self.groups, self.groups.values()) or "everyone"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"short": self.short}


def column_types(attributes: Iterable[str]) -> dict[str, str]:
    """Types of plan.parquet: those that a cohort gives to the same attributes."""
    known = {n: NUMBER if ATTRIBUTES[n].kind == "number" else STRING for n in attributes if n in ATTRIBUTES}
    return {**FIRST, **known, **LAST}


def rows_hash(rows: Iterable[PlanRow]) -> str:
    """Hash of every value of every row."""
    return combined_hash(json.dumps({k: _same(v) for k, v in row.flat().items()}, sort_keys=True) for row in rows)


def _same(value: Any) -> Any:
    """A value as it reads whether its column was stored as whole numbers or not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def check_plan(rows: Iterable[PlanRow], cohort: Cohort) -> None:
    """Make sure that every subject a plan was drawn after, or whose mask it follows, is one to train on.

    Raises:
        SettingsError: one of them is of the test or validation split, or not of this cohort.
    """
    splits = _splits(cohort)
    whole = not any(splits.values())  # a cohort without splits holds no subject back
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
