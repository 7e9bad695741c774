"""ROC, area, rates and shares against closed forms and scikit-learn; intervals cover."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from synthcmr.evaluation.privacy.interval_estimates import (
    Absent,
    Identification,
    IntervalEstimate,
    membership_auc,
    membership_roc,
    share_of_images,
)
from synthcmr.statistics.intervals import exact_share
from synthcmr.statistics.roc import detectable_auc


def names(n: int) -> list[str]:
    return [f"s{k}" for k in range(n)]


def test_area_and_rates_are_those_of_two_gaussians() -> None:
    rng = np.random.default_rng(0)
    member, other = rng.normal(1, 1, 4000), rng.normal(0, 1, 2000)
    curve = membership_roc(member, other, names(4000), 100, 0)
    truth = np.concatenate([np.ones(4000), np.zeros(2000)])
    assert np.isclose(curve.auc.value, roc_auc_score(truth, np.concatenate([member, other])))
    assert curve.auc.low < norm.cdf(1 / np.sqrt(2)) < curve.auc.high
    for name, rate in (("1 %", 0.01), ("0.1 %", 0.001)):
        tpr = curve.tpr[name]
        assert isinstance(tpr, IntervalEstimate)
        assert tpr.low <= norm.sf(norm.isf(rate) - 1) <= tpr.high
    assert len(curve.risks) == 4000
    assert curve.risks[0].outdone_by <= curve.risks[-1].outdone_by
    assert curve.curve[-1] == (1.0, 1.0)


def test_intervals_of_the_area_cover_it() -> None:
    rng = np.random.default_rng(1)
    truth = norm.cdf(0.8 / np.sqrt(2))
    hits = 0
    for k in range(200):
        area = membership_auc(rng.normal(0.8, 1, 60), rng.normal(0, 1, 40), 300, k)
        hits += area.low <= truth <= area.high
    assert 0.88 <= hits / 200 <= 0.99


def test_two_sides_apart_are_not_told_to_be_certain() -> None:
    area = membership_auc(np.arange(10, 20.0), np.arange(5.0), 100, 0)
    assert area.value == 1.0
    assert np.isclose(area.low, 0.025 ** (1 / 5))


def test_a_rate_below_one_subject_is_absent_with_its_reason() -> None:
    rng = np.random.default_rng(2)
    curve = membership_roc(rng.normal(size=30), rng.normal(size=30), names(30), 100, 0)
    assert isinstance(curve.tpr["1 %"], Absent)
    assert "at least 100 held-out subjects, there are 30" in curve.tpr["1 %"].reason


def test_by_chance_five_of_a_hundred_members_stand_out() -> None:
    rng = np.random.default_rng(3)
    shares = [
        membership_roc(rng.normal(size=100), rng.normal(size=200), names(100), 100, k).exposed.value for k in range(50)
    ]
    assert 0.03 < np.mean(shares) < 0.06


def test_what_is_detectable_is_detected_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    area = detectable_auc(50, 50)
    shift = np.sqrt(2) * norm.ppf(area)
    detected = [membership_auc(rng.normal(shift, 1, 50), rng.normal(0, 1, 50), 300, k).low > 0.5 for k in range(150)]
    assert 0.68 < np.mean(detected) < 0.92
    assert detectable_auc(500, 500) < area < detectable_auc(10, 10)


def test_a_share_of_none_or_all_has_the_interval_of_as_many_subjects() -> None:
    of = np.repeat(np.array(names(10)), 7)
    share = share_of_images(np.zeros(70, dtype=bool), of, 100, 0)
    assert share == IntervalEstimate.of(exact_share(0, 10), 10)
    assert np.isclose(share.high, 1 - 0.025 ** (1 / 10))


def test_who_stands_out_most_comes_first_and_the_curve_has_the_area() -> None:
    member, other = np.array([5.0, 0.5, 9.0, 2.5]), np.arange(9.0)
    curve = membership_roc(member, other, ["b", "d", "a", "c"], 100, 0)
    assert [(r.subject, r.outdone_by) for r in curve.risks] == [("a", 0.1), ("b", 0.5), ("c", 0.7), ("d", 0.9)]
    x, y = np.array(curve.curve).T
    assert np.trapezoid(y, x) == pytest.approx(curve.auc.value, abs=1e-4)
    assert curve.exposed.value == 0.0


def test_the_images_of_a_subject_are_no_subjects_of_their_own() -> None:
    of = np.repeat([f"s{k}" for k in range(20)], 50)
    share = share_of_images(np.arange(1000) < 500, of, 1000, 0)
    assert share.n == 20
    assert share.value == 0.5
    assert 0.3 < share.high - share.low < 0.55


def test_identification_at_one_percent_needs_a_hundred_and_says_what_fewer_support() -> None:
    rng = np.random.default_rng(6)
    few = Identification.of(rng.normal(9, 1, 10), rng.normal(0, 1, 15))
    assert (few.rate, few.identified) == (1 / 16, 10)
    assert 5 <= few.exposed(20) < 10
    assert few.could_show(20)
    assert few.share(20).high == 1.0
    many = Identification.of(rng.normal(0, 1, 100), rng.normal(0, 1, 120))
    assert many.rate == 0.01
    assert many.exposed(1) == 0
    assert many.share(1).low == 0.0
    assert not Identification.of(np.ones(4), np.zeros(4)).could_show(20)


def test_a_few_exposed_patients_are_seen_where_the_area_sees_nothing() -> None:
    """Eight of a hundred members are known by heart, the others not at all."""
    rng = np.random.default_rng(7)
    member, other = rng.normal(size=100), rng.normal(size=200)
    member[:8] += 10
    curve = membership_roc(member, other, names(100), 200, 0)
    assert curve.auc.low < 0.55
    assert curve.identified is not None
    assert curve.identified.exposed(10) >= 1
