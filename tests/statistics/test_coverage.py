"""Intervals of worst groups, gaps and their changes cover the truth about as often as they say, in simulated experiments.

`benchmarks.interval_coverage` makes the table of all cases; here is one of each kind, with fewer experiments.
"""

import numpy as np
import pytest
from benchmarks.interval_coverage import coverage, coverage_of_change, experiment, gap, worst

from synthcmr.statistics.group_extremes import largest_gap, lowest_group
from synthcmr.statistics.intervals import centred

SIZES, TRIALS = (25, 25, 25, 25), 200


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("least", [0.8, 0.7, 0.5])
def test_of_worst_group_and_gap(least: float, seeds: int) -> None:
    for measure in (worst, gap):
        assert (
            coverage(measure, SIZES, (least, 0.8, 0.8, 0.8), seeds, TRIALS)[0] >= 0.915
        )  # 0.95 less 2.3 standard errors


def test_percentiles_of_drawn_gaps_would_not_hold_a_gap_that_is_none() -> None:
    """What intervals of gaps were made by before: kept here to show that the test can tell."""
    arms = [experiment(SIZES, ((0.8,) * 4,), trial, 3)[0] for trial in range(TRIALS)]
    covered = np.mean([0.0 in centred(gap(arm)[0], gap(arm)[1:]).clipped(0, 1) for arm in arms])
    assert covered < 0.75


@pytest.mark.parametrize("later", [0.6, 0.75, 0.8])
def test_of_their_changes_between_two_arms(later: float) -> None:
    for measure in (worst, gap):
        assert coverage_of_change(measure, SIZES, (later, 0.8, 0.8, 0.8), 3, 100) >= 0.9


def test_the_ends_are_those_of_the_bands() -> None:
    """Two groups whose draws are normal and independent: ends are known."""
    rng = np.random.default_rng(0)
    draws = np.array([0.9, 0.5]) + np.vstack([np.zeros(2), rng.normal(0, 0.03, (20_000, 2))])
    between = largest_gap(draws)
    spread = 0.03 * np.sqrt(2)
    assert (between.value, between.high) == pytest.approx((0.4, 0.4 + 1.96 * spread), abs=0.002)
    assert between.low == pytest.approx(0.4 - 2.24 * spread, abs=0.003)  # either group may be the better one
    lowest = lowest_group(draws)
    assert (lowest.value, lowest.low) == pytest.approx((0.5, 0.5 - 1.96 * 0.03), abs=0.002)
    assert lowest.high == pytest.approx(0.5 + 2.24 * 0.03, abs=0.003)  # both groups at once: 0.975 ** 0.5


def test_a_gap_over_two_kinds_of_rates_is_the_larger_one() -> None:
    rng = np.random.default_rng(1)
    noise = np.vstack([np.zeros(3), rng.normal(0, 0.02, (500, 3))])
    first, second = np.array([0.8, 0.8, 0.7]) + noise, np.array([0.2, 0.5, 0.3]) + noise
    assert largest_gap(first, second).value == pytest.approx(0.3)
    assert largest_gap(first).low >= 0.0
