"""ROC, area and rates against closed forms and scikit-learn; intervals cover; controls and folds do what they say."""

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from synthcmr.evaluation.privacy.bands import log_power
from synthcmr.evaluation.privacy.cross_fitting import cross_fitted
from synthcmr.evaluation.privacy.figures import Absent, Figure, exact_share, share_of
from synthcmr.evaluation.privacy.roc import auc, detectable, roc
from synthcmr.evaluation.privacy.scores import best_of


def names(n: int) -> list[str]:
    return [f"s{k}" for k in range(n)]


def test_area_and_rates_are_those_of_two_gaussians() -> None:
    rng = np.random.default_rng(0)
    member, other = rng.normal(1, 1, 4000), rng.normal(0, 1, 2000)
    found = roc(member, other, names(4000), 100, 0)
    truth = np.concatenate([np.ones(4000), np.zeros(2000)])
    assert np.isclose(found.auc.value, roc_auc_score(truth, np.concatenate([member, other])))
    assert found.auc.low < norm.cdf(1 / np.sqrt(2)) < found.auc.high
    for name, rate in (("1 %", 0.01), ("0.1 %", 0.001)):
        tpr = found.tpr[name]
        assert isinstance(tpr, Figure)
        assert tpr.low <= norm.sf(norm.isf(rate) - 1) <= tpr.high
    assert len(found.risks) == 4000
    assert found.risks[0].outdone_by <= found.risks[-1].outdone_by
    assert found.curve[-1] == (1.0, 1.0)


def test_intervals_of_the_area_cover_it() -> None:
    rng = np.random.default_rng(1)
    truth = norm.cdf(0.8 / np.sqrt(2))
    hits = 0
    for k in range(200):
        found = auc(rng.normal(0.8, 1, 60), rng.normal(0, 1, 40), 300, k)
        hits += found.low <= truth <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_two_sides_apart_are_not_told_to_be_certain() -> None:
    found = auc(np.arange(10, 20.0), np.arange(5.0), 100, 0)
    assert found.value == 1.0
    assert np.isclose(found.low, 0.025 ** (1 / 5))


def test_a_rate_below_one_subject_is_absent_with_its_reason() -> None:
    rng = np.random.default_rng(2)
    found = roc(rng.normal(size=30), rng.normal(size=30), names(30), 100, 0)
    assert isinstance(found.tpr["1 %"], Absent)
    assert "at least 100 held-out subjects, there are 30" in found.tpr["1 %"].reason


def test_by_chance_five_of_a_hundred_members_stand_out() -> None:
    rng = np.random.default_rng(3)
    shares = [roc(rng.normal(size=100), rng.normal(size=200), names(100), 100, k).exposed.value for k in range(50)]
    assert 0.03 < np.mean(shares) < 0.06


def test_what_is_detectable_is_detected_four_times_in_five() -> None:
    rng = np.random.default_rng(4)
    area = detectable(50, 50)
    shift = np.sqrt(2) * norm.ppf(area)
    told = [auc(rng.normal(shift, 1, 50), rng.normal(0, 1, 50), 300, k).low > 0.5 for k in range(150)]
    assert 0.68 < np.mean(told) < 0.92
    assert detectable(500, 500) < area < detectable(10, 10)


def test_an_attack_that_learns_never_answers_for_whom_it_learned_from() -> None:
    """Numbers that say nothing but who someone is: by heart they would give an area of one."""
    rng = np.random.default_rng(5)
    areas = []
    for k in range(20):
        member = np.arange(60) < 30
        said = cross_fitted(rng.normal(size=(60, 50)), member, k)
        areas.append(auc(said[member], said[~member], 50, 0).value)
    assert abs(np.mean(areas) - 0.5) < 0.07


def test_a_share_of_none_or_all_has_the_interval_of_as_many_subjects() -> None:
    of = np.repeat(np.array(names(10)), 7)
    found = share_of(np.zeros(70, dtype=bool), of, 100, 0)
    assert found == exact_share(0, 10)
    assert np.isclose(found.high, 1 - 0.025 ** (1 / 10))


def test_an_error_counts_in_its_own_band() -> None:
    x = np.arange(64)
    waves = {radius: np.cos(2 * np.pi * x * radius * 32 / 64) for radius in (1 / 16, 0.5)}
    low, middle = (np.broadcast_to(w, (1, 1, 64, 64)) for w in waves.values())
    band = (0.15, 0.85)
    assert log_power(middle, band)[0] > log_power(low, band)[0] + 10
    assert np.isclose(log_power(middle)[0], log_power(low)[0])
    noise = np.random.default_rng(0).normal(size=(1, 2, 64, 64))
    assert np.isclose(log_power(noise, band)[0], log_power(noise)[0], atol=0.1)


def test_the_best_of_several_innocent_attacks_is_not_surely_above_chance() -> None:
    """Of 200 innocent sets, each with six attacks, the best is above 0.5 for certain in hardly more than the 2.5 % allowed."""
    rng = np.random.default_rng(0)
    accused = 0
    for _ in range(200):
        areas = [auc(rng.normal(size=40), rng.normal(size=40), 200, 0) for _ in range(6)]
        best = max(areas, key=lambda a: a.low)
        accused += best_of(best, len(areas)).low > 0.5
    assert accused / 200 <= 0.06
