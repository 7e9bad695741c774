"""How far two distributions of subjects lie apart, quantity by quantity: Cramér's energy distance, 0 where they are the same."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.bootstrap import seeded_counts
from synthcmr.statistics.intervals import Interval, percentile

Numbers = npt.NDArray[np.float64]
QUANTILES = np.linspace(0, 1, 21)
FEW = 5  # subjects that know a quantity, below which it is left out
AT_ONCE = 50  # draws of the bootstrap


def energy_distances(real: Numbers, synthetic: Numbers, times_a: Numbers, times_b: Numbers) -> Numbers:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| over the real standard deviation, without pairs of a subject with itself.

    Unbiased, so that it may fall below zero by chance. With F and G the two distribution functions the first part is
    2 times the integral of (F - G)², which makes it cheap for many weightings at once.

    Args:
        real: one quantity, (subjects,).
        synthetic: the same.
        times_a: how often each real subject counts, (draws, subjects).
        times_b: of the synthetic ones.

    Returns:
        (draws,); NaN where either side hardly knows the quantity or it does not vary.
    """
    known_a, known_b = np.isfinite(real), np.isfinite(synthetic)
    a, b = real[known_a], synthetic[known_b]
    if min(len(a), len(b)) < FEW or not a.std() > 0:
        return np.full(len(times_a), np.nan)
    order = np.argsort(np.concatenate([a, b]), kind="stable")
    width = np.diff(np.concatenate([a, b])[order])
    w, v = _shares(times_a[:, known_a]), _shares(times_b[:, known_b])
    F = np.cumsum(np.concatenate([w, np.zeros_like(v)], axis=1)[:, order], axis=1)[:, :-1]
    G = np.cumsum(np.concatenate([np.zeros_like(w), v], axis=1)[:, order], axis=1)[:, :-1]
    apart = 2 * (F - G) ** 2 @ width
    for H, share in ((F, w), (G, v)):
        with np.errstate(divide="ignore"):
            alone = 1 / (1 - (share**2).sum(axis=1)) - 1  # what pairs of a subject with itself take off
        apart -= 2 * (H * (1 - H)) @ width * alone
    result: Numbers = apart / a.std(ddof=1)
    return result


def _shares(times: Numbers) -> Numbers:
    total = times.sum(axis=1, keepdims=True)
    shares: Numbers = times / np.maximum(total, 1)
    return shares


def distance(real: Numbers, synthetic: Numbers) -> float:
    """Mean energy distance over the quantities (subjects, quantities) that both sides know; NaN where there is none."""
    return float(_means(real, synthetic, np.ones((1, len(real))), np.ones((1, len(synthetic))))[0])


def distance_interval(real: Numbers, synthetic: Numbers, draws: int, level: float, seed: int) -> Interval:
    """By drawing subjects again on both sides."""
    times = [seeded_counts(len(side), draws, seed + k).astype(float) for k, side in enumerate((real, synthetic))]
    parts = [
        _means(real, synthetic, times[0][k : k + AT_ONCE], times[1][k : k + AT_ONCE]) for k in range(0, draws, AT_ONCE)
    ]
    return percentile(np.concatenate(parts), level)


def _means(real: Numbers, synthetic: Numbers, times_a: Numbers, times_b: Numbers) -> Numbers:
    each = np.stack(
        [energy_distances(real[:, k], synthetic[:, k], times_a, times_b) for k in range(real.shape[1])], axis=1
    )
    known = np.isfinite(each)
    total = np.where(known, each, 0).sum(axis=1)
    means: Numbers = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    return means


def quantiles(values: Numbers) -> tuple[float, ...]:
    """From the least to the most."""
    known = values[np.isfinite(values)]
    return tuple(float(q) for q in np.quantile(known, QUANTILES)) if len(known) else ()
