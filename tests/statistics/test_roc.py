"""ROC and AUC against scikit-learn, a closed form and simulation."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

from synthcmr.statistics.roc import (
    auc,
    auc_error,
    auc_estimate,
    auc_of_labels,
    image_auc_estimate,
    roc_points,
    true_positive_rate,
)


def labelled(positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat([1, 0], [len(positive), len(negative)]), np.concatenate([positive, negative])


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_area_is_scikit_learns_also_with_ties_and_weights(decimals: int) -> None:
    rng = np.random.default_rng(0)
    positive, negative = rng.normal(0.7, 1, 35).round(decimals), rng.normal(0, 1, 50).round(decimals)
    label, score = labelled(positive, negative)
    assert auc(positive, negative)[0] == pytest.approx(roc_auc_score(label, score))
    assert auc_of_labels(score, label) == pytest.approx(roc_auc_score(label, score))
    up, down = rng.integers(0, 4, (6, 35)), rng.integers(0, 4, (6, 50))
    expected = [roc_auc_score(label, score, sample_weight=np.concatenate(w)) for w in zip(up, down, strict=True)]
    assert auc(positive, negative, up, down) == pytest.approx(expected)


def test_the_area_of_two_gaussians_is_inside_its_interval() -> None:
    rng = np.random.default_rng(1)
    estimate = auc_estimate(rng.normal(1, 1, 800), rng.normal(0, 1, 500), 200, 0)
    assert norm.cdf(1 / np.sqrt(2)) in estimate.interval


def test_two_sides_apart_are_not_certain() -> None:
    estimate = auc_estimate(np.arange(10, 20.0), np.arange(5.0), 100, 0)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == pytest.approx(0.025 ** (1 / 5))


def test_the_interval_over_subjects_is_wider_than_that_over_their_images() -> None:
    rng = np.random.default_rng(2)
    label = np.repeat([1, 0], [200, 200])
    score = np.repeat(rng.normal(0, 1, 40), 10) + 0.5 * label
    names = np.array([f"s{k}" for k in range(40)], dtype=object)
    by_subject = image_auc_estimate(score, label, np.repeat(names, 10), 200, np.random.default_rng(0))
    by_image = image_auc_estimate(score, label, np.arange(400).astype(object), 200, np.random.default_rng(0))
    assert by_subject.value == by_image.value == pytest.approx(roc_auc_score(label, score))
    assert by_subject.high - by_subject.low > 2 * (by_image.high - by_image.low)


def test_the_error_of_an_area_is_what_simulation_shows() -> None:
    rng = np.random.default_rng(3)
    areas = [auc(rng.exponential(2, 40), rng.exponential(1, 60))[0] for _ in range(1500)]
    assert auc_error(2 / 3, 40, 60) == pytest.approx(np.std(areas), rel=0.06)  # exact for exponentials, as they assume


def test_points_lie_on_scikit_learns_curve() -> None:
    rng = np.random.default_rng(4)
    positive, negative = rng.normal(1, 1, 300), rng.normal(0, 1, 300)
    x, y = np.array(roc_points(positive, negative)).T
    their_x, their_y, _ = roc_curve(*labelled(positive, negative), drop_intermediate=False)
    theirs = {(round(a, 5), round(b, 5)) for a, b in zip(their_x, their_y, strict=True)}
    assert set(zip(x, y, strict=True)) <= theirs
    assert len(x) <= 201
    assert np.trapezoid(y, x) == pytest.approx(auc(positive, negative)[0], abs=2e-3)


def test_a_rate_is_the_share_above_the_allowed_negatives() -> None:
    negative = np.arange(100.0)
    assert true_positive_rate(np.array([93.5, 94.5, 97.0, 99.5]), negative, 0.05) == 0.75
