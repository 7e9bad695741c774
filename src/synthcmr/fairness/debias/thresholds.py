"""From probabilities to decisions: at one half, or with one threshold per group that was chosen on the validation split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HALF = 0.5


def decide(
    probability: Mapping[str, Floats], people: Mapping[str, pd.DataFrame], by: tuple[str, ...], min_group: int
) -> dict[str, Ints]:
    """Decisions for the validation and the test split.

    Args:
        probability: per split, of each person.
        people: per split, with label and groups.
        by: attributes whose crossing has thresholds of its own; empty: one half for all.
        min_group: sick, and healthy, validation subjects that a group needs for a threshold of its own; others take that of everyone.
    """
    if not by:
        return {split: (p >= HALF).astype(np.int64) for split, p in probability.items()}
    watched = people["validation"]
    everyone = best_threshold(probability["validation"], watched["label"].to_numpy())
    own = {}
    label, keys = watched["label"].to_numpy(), _keys(watched, by)
    for group in sorted(set(keys)):
        rows = np.array([key == group for key in keys])
        if min(label[rows].sum(), (1 - label[rows]).sum()) >= min_group:
            own[group] = best_threshold(probability["validation"][rows], label[rows])
    limits = {split: np.array([own.get(key, everyone) for key in _keys(table, by)]) for split, table in people.items()}
    return {split: (probability[split] >= limit).astype(np.int64) for split, limit in limits.items()}


def _keys(people: pd.DataFrame, by: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(row) for row in people[list(by)].to_numpy()]


def best_threshold(probability: Floats, label: Ints) -> float:
    """The threshold with the highest balanced accuracy, the middle of all that reach it; one half where one kind is missing."""
    if not 0 < label.sum() < len(label):
        return HALF
    cuts = np.unique(np.concatenate([[0.0, 1.0 + 1e-9], probability]))
    middles = (cuts[:-1] + cuts[1:]) / 2
    said = probability[None] >= middles[:, None]
    sick = label == 1
    balanced = (said[:, sick].mean(axis=1) + 1 - said[:, ~sick].mean(axis=1)) / 2
    best = np.flatnonzero(balanced > balanced.max() - 1e-12)
    return float((middles[best[0]] + middles[best[-1]]) / 2)
