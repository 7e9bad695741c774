"""Intervals of the worst of several groups, and of the largest gap between them.

Noise makes the largest of several numbers larger, in the data and once more in every bootstrap draw, so no percentiles of drawn extremes
hold what they promise. The end that may be an artefact of having looked at several groups stands on a band that covers all of them at
once; the other end needs to hold for the true extreme alone, whichever it is, and stands on the band of one. How often the intervals
cover: `python -m benchmarks.interval_coverage`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from synthcmr.statistics.intervals import LEVEL, Estimate, Interval, centred, percentile, pivotal

Numbers = npt.NDArray[np.float64]
LEAST_SPREAD = 0.5  # of the largest spread; a small group whose subjects all agree shows none, and has some


def lowest_group(groups: Numbers, level: float = LEVEL) -> Estimate:
    """The least of the groups' values.

    Args:
        groups: (draws, groups), the first row the data as they are.
        level: of the interval.
    """
    value, spread, moved = _standardised(groups)
    tail = (1 + level) / 2
    one, all_at_once = norm.ppf(tail), _band(-moved, tail)
    low, high = (value - one * spread).min(), (value + all_at_once * spread).min()
    return Estimate.of(float(value.min()), Interval(float(low), float(high), level))


def largest_gap(*families: Numbers, level: float = LEVEL) -> Estimate:
    """The largest difference between two groups, over one or several kinds of rates.

    Args:
        families: (draws, groups) of each kind, the first row the data as they are.
        level: of the interval.
    """
    value, spread, moved = _standardised(np.concatenate([_differences(groups) for groups in families], axis=1))
    tail = (1 + level) / 2
    one, all_at_once = norm.ppf(tail), _band(np.abs(moved), tail)
    size = np.abs(value)
    low, high = (size - all_at_once * spread).max(), (size + one * spread).max()
    return Estimate.of(float(size.max()), Interval(max(float(low), 0.0), float(high), level))


def change_of_extreme(draws: Numbers, level: float = LEVEL) -> Estimate:
    """How much such a worst group or gap changes between two arms that see the same draws.

    The noise of both arms' extremes mostly cancels, more or less so as the same group is the worst in both. The interval takes in the
    percentiles as they are, moved to lie around the value, and mirrored at it: each alone holds too seldom in some of the cases.

    Args:
        draws: the change, the first one that of the data as they are.
        level: of the interval.
    """
    value, rest = float(draws[0]), draws[1:]
    interval = percentile(rest, level)
    for other in (centred(value, rest, level), pivotal(value, rest, level)):
        interval = interval.including(other.low).including(other.high)
    return Estimate.of(value, interval.including(value))


def _differences(groups: Numbers) -> Numbers:
    first, second = np.triu_indices(groups.shape[1], 1)
    differences: Numbers = groups[:, first] - groups[:, second]
    return differences


def _standardised(draws: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Values, the spread of each, and how many spreads each draw lies from its value."""
    value, rest = draws[0], draws[1:]
    spread = rest.std(axis=0, ddof=1)
    spread = np.maximum(spread, max(LEAST_SPREAD * float(spread.max()), 1e-12))
    return value, spread, (rest - value) / spread


def _band(moved: Numbers, tail: float) -> float:
    """Spreads to one side that hold all columns at once in this share of the draws."""
    return max(float(np.quantile(moved.max(axis=1), tail)), float(norm.ppf(tail)))
