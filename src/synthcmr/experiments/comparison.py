"""How arms are compared: test subjects and seeds are drawn again, and all arms see the same draws, so that differences are paired.

A draw takes the test subjects of each stratum with replacement, so that no group is ever empty, and the seeds with replacement. Row 0 is
the data as they are; what is computed for every row is the value and its draws at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.intervals import LEVEL, Estimate, centred

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """Weights of subjects and seeds; the first draw is the data as they are."""

    subject: Floats  # (draws, subjects)
    seed: Floats  # (draws, seeds), each row sums to one


def draw(stratum: Ints, seeds: int, count: int, seed: int) -> Draws:
    """Bootstrap weights: subjects within strata, and seeds."""
    rng = np.random.default_rng(seed)
    subject = subject_counts(stratum, count, rng, observed_first=True).astype(float)
    seed_weight = np.full((count + 1, seeds), 1 / seeds)
    seed_weight[1:] = subject_counts(seeds, count, rng) / seeds
    return Draws(subject, seed_weight)


def estimate(draws: Floats, least: float = -np.inf, most: float = np.inf, level: float = LEVEL) -> Estimate:
    """Value and interval of a mean or a change, within what a score can be.

    Args:
        draws: the value itself, then that of each draw.
        least: end of the scale.
        most: end of the scale.
        level: of the interval.
    """
    value = float(draws[0])
    return Estimate.of(value, centred(value, draws[1:], level).clipped(least, most))


def mean_draws(values: Floats, count: int, seed: int) -> Floats:
    """Mean over subjects and seeds in each draw.

    Args:
        values: (seeds, subjects).
        count: of draws.
        seed: of the draws.
    """
    draws = draw(np.zeros(values.shape[1], dtype=np.int64), len(values), count, seed)
    total: Floats = np.einsum("bs,sn,bn->b", draws.seed, values, draws.subject, optimize=True)
    return total / values.shape[1]


def group_mean_draws(values: Floats, groups: Sequence[npt.NDArray[np.bool_]], count: int, seed: int) -> Floats:
    """Mean of each group in each draw, (draws, groups); groups keep their size."""
    member = np.stack(groups).astype(float)
    _, stratum = np.unique(member.T, axis=0, return_inverse=True)
    draws = draw(stratum.ravel(), len(values), count, seed)
    total: Floats = np.einsum("bs,sn,bn,gn->bg", draws.seed, values, draws.subject, member, optimize=True)
    return total / member.sum(axis=1)
