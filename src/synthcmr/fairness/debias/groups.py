"""Which test subjects belong to which group: of every sensitive attribute, and of their crossing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.fairness.binning import in_order
from synthcmr.fairness.debias.people import UNKNOWN

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Group:
    """Some test subjects."""

    name: str
    member: npt.NDArray[np.bool_]
    sick: int
    healthy: int
    refused: str = ""  # why it is not scored


@dataclass(frozen=True)
class Grouping:
    """The groups of one attribute, or of a crossing."""

    name: str
    groups: tuple[Group, ...]

    @property
    def scored(self) -> tuple[Group, ...]:
        """Groups with enough subjects."""
        return tuple(g for g in self.groups if not g.refused)


def groupings(people: pd.DataFrame, sensitive: tuple[str, ...], min_group: int) -> tuple[Grouping, ...]:
    """Each attribute by itself, and, where there are several, the crossing of all."""
    found = [_grouping((name,), people, min_group) for name in sensitive]
    if len(sensitive) > 1:
        found.append(_grouping(sensitive, people, min_group))
    return tuple(found)


def _grouping(names: tuple[str, ...], people: pd.DataFrame, min_group: int) -> Grouping:
    label = people["label"].to_numpy()
    known = (people[list(names)] != UNKNOWN).all(axis=1).to_numpy()
    key = people[list(names)].agg(", ".join, axis=1).to_numpy()
    order = in_order(set(key[known])) if len(names) == 1 else sorted(set(key[known]))
    groups = []
    for name in order:
        member = known & (key == name)
        sick, healthy = int(label[member].sum()), int((1 - label[member]).sum())
        few = min(sick, healthy) < min_group
        why = f"{sick} sick and {healthy} healthy; at least {min_group} of each are needed" if few else ""
        groups.append(Group(name, member, sick, healthy, why))
    return Grouping(" x ".join(names), tuple(groups))
