import numpy as np
import pytest

from synthcmr.generators.anatomy.hearts import regress


def made(subjects: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(subjects), rng.normal(60, 12, subjects), rng.integers(0, 2, subjects)])
    truth = np.array([[2.0, -1.0], [0.1, 0.05], [1.5, 0.0]])
    return x, x @ truth + noise * rng.standard_normal((subjects, 2)), truth


def test_many_subjects_give_the_truth_whatever_the_units_of_predictors() -> None:
    x, y, truth = made(2000, noise=0.5)
    assert regress(x, y).weights == pytest.approx(truth, abs=0.15)


def test_what_is_left_is_what_a_subject_misses_when_the_others_predict_it() -> None:
    x, y, _ = made(12, noise=1.0)
    found = regress(x, y, ridge=1e-6)
    others = np.arange(12) != 5
    weights = np.linalg.lstsq(x[others], y[others], rcond=None)[0]
    assert found.left[5] == pytest.approx(y[5] - x[5] @ weights, abs=1e-3)


def test_noise_of_few_subjects_is_not_learnt() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(14), rng.standard_normal((14, 10))])
    y = rng.standard_normal((14, 6)) + 5
    assert np.abs(regress(x, y).weights[1:]).max() < 0.25 * np.abs(regress(x, y, ridge=1e-6).weights[1:]).max()
    assert regress(x, y).weights[0] == pytest.approx(y.mean(axis=0), abs=0.5)


def test_a_predictor_that_all_share_says_nothing() -> None:
    x, y, truth = made(2000, noise=0.1)
    shared = np.column_stack([x, np.full(len(x), 7.0)])
    found = regress(shared, y).weights
    assert np.array_equal(found[-1], np.zeros(2))
    assert found[:-1] == pytest.approx(truth, abs=0.1)
