"""Permutation tests: what is seen where labels or groups do not matter, and corrections for many tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]


def shuffled_group_means(
    values: Numbers, member: npt.NDArray[np.bool_], shuffles: int, rng: np.random.Generator
) -> Numbers:
    """Means of groups of these sizes, filled at random: (shuffles, groups).

    Args:
        values: of each subject.
        member: (groups, subjects); who is of no group takes no part.
        shuffles: how often.
        rng: of the shuffles.
    """
    rows = np.flatnonzero(member.any(axis=0))
    shuffled = rng.permuted(np.tile(values[rows], (shuffles, 1)), axis=1)
    return np.asarray(shuffled @ member[:, rows].T / member.sum(axis=1))


def permutation_p(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    statistic: Callable[[npt.NDArray[Any], npt.NDArray[Any]], float],
    shuffles: int,
    rng: np.random.Generator,
) -> float:
    """Chance of a statistic at least as large where x and y are independent; 1 / (1 + shuffles) is the smallest there is."""
    observed = statistic(x, y)
    reached = sum(statistic(x, rng.permutation(y)) >= observed - 1e-12 for _ in range(shuffles))
    return (1 + reached) / (1 + shuffles)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for as many tests (Holm 1979), in the same order."""
    corrected, worst = [0.0] * len(p_values), 0.0
    for k, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, p_values[place] * (len(p_values) - k)))
        corrected[place] = worst
    return corrected
