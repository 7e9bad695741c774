"""Intervals by bootstrap over subjects: images of one person are not independent, people are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Interval = tuple[float, float]


def weights(subjects: int, draws: int, seed: int) -> npt.NDArray[np.int64]:
    """How often each subject is drawn, (draws, subjects)."""
    rng = np.random.default_rng([seed, subjects])
    return rng.multinomial(subjects, np.full(subjects, 1 / subjects), size=draws)


def percentile(drawn: npt.ArrayLike, level: float) -> Interval:
    """The middle share of what was drawn: for means and correlations."""
    low, high = np.nanquantile(np.asarray(drawn, dtype=float), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def pivotal(value: float, drawn: npt.ArrayLike, level: float) -> Interval:
    """Mirrored at the value: for distances, which drawing again inflates as much as drawing once did."""
    low, high = percentile(drawn, level)
    return 2 * value - high, 2 * value - low


def around(value: float, drawn: npt.ArrayLike, level: float) -> Interval:
    """A normal interval with the spread of what was drawn: for few draws, and for values that are corrected themselves."""
    from scipy.stats import t

    spread = np.asarray(drawn, dtype=float)
    half = float(t.ppf((1 + level) / 2, len(spread) - 1) * np.nanstd(spread, ddof=1))
    return value - half, value + half


def mean_of(values: Numbers, level: float, draws: int, seed: int) -> tuple[float, Interval]:
    """Mean over subjects with its interval; subjects without a value are left out."""
    known = values[np.isfinite(values)]
    each = weights(len(known), draws, seed) @ known / len(known)
    return float(known.mean()), percentile(each, level)


def halves(
    subjects: npt.NDArray[np.intp],
    splits: int,
    seed: int,
    measure: Callable[[npt.NDArray[np.intp]], npt.ArrayLike],
) -> Numbers:
    """A measure of random halves of some subjects, (splits, ...): it is called with the subjects of the first half."""
    rng = np.random.default_rng([seed, 7])
    chosen = [np.sort(rng.permutation(subjects)[: len(subjects) // 2]) for _ in range(splits)]
    return np.array([measure(first) for first in chosen], dtype=float)
