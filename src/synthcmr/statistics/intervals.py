"""The interval type, and the ways in which an interval follows from bootstrap draws."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """Where a value lies, at a level of confidence; it unpacks as `low, high`."""

    low: float
    high: float
    level: float = LEVEL

    def __iter__(self) -> Iterator[float]:
        """Both ends."""
        return iter((self.low, self.high))

    def __contains__(self, value: float) -> bool:
        """Whether a value lies inside."""
        return self.low <= value <= self.high

    def __str__(self) -> str:
        """As it is printed: '0.62 to 0.80'."""
        return f"{self.low:.2f} to {self.high:.2f}"

    def clipped(self, least: float, most: float) -> Interval:
        """Within what a score can be."""
        return Interval(min(max(self.low, least), most), min(max(self.high, least), most), self.level)

    def including(self, value: float) -> Interval:
        """Widened to a value, where it lies outside."""
        return Interval(min(self.low, value), max(self.high, value), self.level)


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % interval, as results store it."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, interval: Interval) -> Estimate:
        """A value and its interval."""
        return cls(value, interval.low, interval.high)

    @property
    def interval(self) -> Interval:
        """Both ends."""
        return Interval(self.low, self.high)

    def __str__(self) -> str:
        """As it is printed: '0.71 (0.62 to 0.80)'."""
        return f"{self.value:.2f} ({self.interval})"

    @property
    def signed(self) -> str:
        """As a difference is printed: '+0.03 (-0.01 to +0.07)'."""
        return f"{self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f})"


def percentile(draws: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """The middle share of the draws: for means and correlations."""
    low, high = np.nanquantile(np.asarray(draws, dtype=float), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)


def pivotal(value: float, draws: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """The percentiles mirrored at the value: for distances, which drawing again inflates as much as drawing once did."""
    low, high = percentile(draws, level)
    return Interval(2 * value - high, 2 * value - low, level)


def normal(value: float, draws: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """A Student interval with the spread of the draws: for few draws, and for values that are corrected themselves."""
    from scipy.stats import t

    spread = np.asarray(draws, dtype=float)
    half = float(t.ppf((1 + level) / 2, len(spread) - 1) * np.nanstd(spread, ddof=1))
    return Interval(value - half, value + half, level)


def centred(value: float, draws: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """The percentiles after the draws are moved to lie around the value."""
    moved = np.asarray(draws, dtype=float)
    return percentile(moved - moved.mean() + value, level)


def student_mean(values: npt.NDArray[np.float64], level: float = LEVEL) -> Interval:
    """The interval of a mean of independent values."""
    from scipy.stats import t

    n = len(values)
    half = float(t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    mean = float(values.mean())
    return Interval(mean - half, mean + half, level)


def exact_share(hits: int, n: int, level: float = LEVEL) -> Estimate:
    """A share with the interval of Clopper and Pearson."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(level, method="exact")
    return Estimate(hits / n, float(interval.low), float(interval.high))
