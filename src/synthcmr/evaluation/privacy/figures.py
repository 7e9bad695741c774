"""A figure with its interval, or the reason why there is none; intervals are over subjects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
TAILS = (100 * (1 - LEVEL) / 2, 100 * (1 + LEVEL) / 2)


class Figure(Settings):
    """What was measured, its 95 % interval, and on how many."""

    value: float
    low: float
    high: float
    n: int  # independent units: subjects, unless said otherwise
    unit: str = "subjects"


class Absent(Settings):
    """What could not be measured, and why."""

    reason: str


Measured = Figure | Absent


def exact_share(hits: int, n: int, unit: str = "subjects") -> Figure:
    """A share with Clopper and Pearson's interval."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return Figure(value=hits / n, low=low, high=high, n=n, unit=unit)


def share_of(events: npt.NDArray[np.bool_], of: npt.NDArray[np.str_], draws: int, seed: int) -> Figure:
    """The share of images with an event, resampled by the subject that each is of.

    Where no image has it, or all have, resampling sees no spread; then the interval is that of as many subjects.
    """
    people, number = np.unique(of, return_inverse=True)
    hits = np.bincount(number, weights=events, minlength=len(people))
    images = np.bincount(number, minlength=len(people)).astype(float)
    value = float(hits.sum() / images.sum())
    if value in (0.0, 1.0):
        return exact_share(round(value * len(people)), len(people))
    weights = resampled(len(people), draws, seed)
    return interval_of(value, (weights @ hits) / np.maximum(weights @ images, 1e-9), len(people))


def resampled(people: int, draws: int, seed: int) -> Floats:
    """How often each subject is drawn in each resample, (draws, people)."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(people, np.full(people, 1 / people), size=draws).astype(float)


def interval_of(value: float, drawn: Floats, n: int, unit: str = "subjects") -> Figure:
    """A figure from its resamples."""
    low, high = np.percentile(drawn, TAILS)
    return Figure(value=value, low=float(min(low, value)), high=float(max(high, value)), n=n, unit=unit)
