"""Intervals against closed forms and scipy."""

import numpy as np
import pytest
from scipy.stats import bootstrap, sem, t

from synthcmr.statistics.bootstrap import mean_estimate, random_halves, share_estimate, subject_counts
from synthcmr.statistics.intervals import (
    Estimate,
    Interval,
    centred,
    exact_share,
    normal,
    percentile,
    pivotal,
    student_mean,
)


def test_an_interval_unpacks_holds_and_prints() -> None:
    low, high = interval = Interval(0.618, 0.8)
    assert (low, high, interval.level) == (0.618, 0.8, 0.95)
    assert 0.7 in interval
    assert 0.9 not in interval
    assert str(interval) == "0.62 to 0.80"
    assert interval.clipped(0.7, 0.75) == Interval(0.7, 0.75)
    assert interval.including(0.9) == Interval(0.618, 0.9)


def test_an_estimate_prints_with_its_interval() -> None:
    gain = Estimate.of(0.03, Interval(-0.01, 0.07))
    assert str(gain) == "0.03 (-0.01 to 0.07)"
    assert gain.signed == "+0.03 (-0.01 to +0.07)"


def test_intervals_of_draws_are_their_definitions() -> None:
    draws = np.linspace(0, 1, 101) ** 2
    value = 0.2
    low, high = percentile(draws, 0.9)
    assert (low, high) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])))
    assert tuple(pivotal(value, draws, 0.9)) == pytest.approx((2 * value - high, 2 * value - low))
    bias = draws.mean() - value
    assert tuple(centred(value, draws, 0.9)) == pytest.approx((low - bias, high - bias))
    half = t.ppf(0.95, 100) * draws.std(ddof=1)
    assert tuple(normal(value, draws, 0.9)) == pytest.approx((value - half, value + half))


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.random.default_rng(0).normal(3, 2, 25)
    expected = t.interval(0.95, 24, loc=values.mean(), scale=sem(values))
    assert tuple(student_mean(values)) == pytest.approx(expected)


def test_the_bootstrap_of_a_mean_agrees_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2, size=80)
    value, interval = mean_estimate(np.append(values, np.nan), 0.95, 4000, 0)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, random_state=0).confidence_interval
    assert value == pytest.approx(values.mean())
    assert tuple(interval) == pytest.approx(tuple(theirs), rel=0.03)


def test_strata_keep_their_size_and_the_first_row_is_the_data() -> None:
    strata = np.array([2, 0, 0, 2, 1, 0])
    counts = subject_counts(strata, 50, 3, observed_first=True)
    assert counts.shape == (51, 6)
    assert (counts[0] == 1).all()
    for name in range(3):
        assert (counts[:, strata == name].sum(axis=1) == (strata == name).sum()).all()
    assert (counts[:, 4] == 1).all()
    assert len({tuple(row) for row in counts[1:]}) > 5
    np.testing.assert_array_equal(subject_counts(6, 9, 5), subject_counts(np.zeros(6, dtype=int), 9, 5))


def test_exact_shares_are_those_of_clopper_and_pearson() -> None:
    share = exact_share(0, 20)
    assert (share.value, share.low) == (0.0, 0.0)
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert exact_share(20, 20).low == pytest.approx(0.025 ** (1 / 20))
    assert exact_share(3, 10).low == pytest.approx(0.0667, abs=1e-4)  # as in their tables
    assert exact_share(3, 10).high == pytest.approx(0.6525, abs=1e-4)


def test_images_of_one_subject_count_together() -> None:
    subject = np.repeat(np.array([f"s{k}" for k in range(20)]), 50)
    share = share_estimate(np.arange(1000) < 500, subject, 1000, 0)
    assert share.value == 0.5
    assert 0.3 < share.high - share.low < 0.55  # of 20 subjects, not of 1000 images


def test_halves_are_halves_of_the_subjects() -> None:
    subjects = np.arange(10, 21)
    sizes = random_halves(subjects, 4, 0, lambda first: [len(set(first)), float(np.isin(first, subjects).all())])
    np.testing.assert_array_equal(sizes, [[5, 1]] * 4)
