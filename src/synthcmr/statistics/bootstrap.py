"""The bootstrap over subjects: images of one person are not independent, people are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from synthcmr.statistics.intervals import LEVEL, Estimate, Interval, percentile

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Seed = int | Sequence[int] | np.random.Generator


def subject_counts(
    strata: int | npt.NDArray[np.integer], draws: int, seed: Seed, observed_first: bool = False
) -> Counts:
    """How often each subject is drawn, with replacement, in each draw: (draws, subjects).

    Args:
        strata: number of subjects, or the stratum of each; strata keep their size, so that none is ever empty.
        draws: of the bootstrap.
        seed: of the draws.
        observed_first: whether a first row, of ones, stands for the data as they are.
    """
    rng = np.random.default_rng(seed)
    stratum = np.zeros(strata, dtype=np.int64) if isinstance(strata, int) else np.asarray(strata)
    first = int(observed_first)
    counts = np.ones((draws + first, len(stratum)), dtype=np.int64)
    for name in np.unique(stratum):
        rows = np.flatnonzero(stratum == name)
        counts[first:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=draws)
    return counts


def seeded_counts(subjects: int, draws: int, seed: int) -> Counts:
    """The same from a seed that the number of subjects is part of, so that two sides of different size draw independently."""
    return subject_counts(subjects, draws, [seed, subjects])


def mean_estimate(values: Numbers, level: float, draws: int, seed: int) -> tuple[float, Interval]:
    """Mean over subjects with its interval; subjects without a value are left out."""
    known = values[np.isfinite(values)]
    each = seeded_counts(len(known), draws, seed) @ known / len(known)
    return float(known.mean()), percentile(each, level)


def share_estimate(
    events: npt.NDArray[np.bool_], subject: npt.NDArray[np.str_], draws: int, seed: int, level: float = LEVEL
) -> Estimate:
    """The share of images with an event, resampled by the subject that each is of.

    Where no image has it, or all have, resampling sees no spread; then the interval is that of as many subjects.
    """
    from synthcmr.statistics.intervals import exact_share

    names, number = np.unique(subject, return_inverse=True)
    hits = np.bincount(number, weights=events, minlength=len(names))
    images = np.bincount(number, minlength=len(names)).astype(float)
    value = float(hits.sum() / images.sum())
    if value in (0.0, 1.0):
        return exact_share(round(value * len(names)), len(names), level)
    counts = subject_counts(len(names), draws, seed)
    shares = (counts @ hits) / np.maximum(counts @ images, 1e-9)
    return Estimate.of(value, percentile(shares, level).including(value))


def random_halves(
    subjects: npt.NDArray[np.intp],
    splits: int,
    seed: int,
    measure: Callable[[npt.NDArray[np.intp]], npt.ArrayLike],
) -> Numbers:
    """A measure of random halves of some subjects, (splits, ...): it is called with the subjects of the first half."""
    rng = np.random.default_rng([seed, 7])
    chosen = [np.sort(rng.permutation(subjects)[: len(subjects) // 2]) for _ in range(splits)]
    return np.array([measure(first) for first in chosen], dtype=float)
