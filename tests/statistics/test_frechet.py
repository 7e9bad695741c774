import numpy as np
import pytest
from scipy.linalg import sqrtm

from synthcmr.statistics.frechet import Gaussian, fid, fid_draws, fid_infinity, fid_interval, frechet, gaussian
from synthcmr.statistics.sample import Sample


def people(rng: np.random.Generator, subjects: int, mean: float, width: int = 4, each: int = 5) -> Sample:
    """Images that vary about their subject, and subjects about a mean: unit variance between, a quarter within."""
    own = rng.normal(mean, 1, (subjects, width))
    values = np.repeat(own, each, axis=0) + rng.normal(0, 0.5, (subjects * each, width))
    return Sample.of(values, np.repeat(np.arange(subjects), each))


def test_of_gaussians_is_what_the_closed_form_says() -> None:
    a = Gaussian(np.array([0.0, 1.0]), np.diag([4.0, 9.0]))
    b = Gaussian(np.array([3.0, 1.0]), np.diag([1.0, 16.0]))
    assert frechet(a, b) == pytest.approx(9 + (2 - 1) ** 2 + (3 - 4) ** 2)
    assert frechet(a, a) == pytest.approx(0, abs=1e-9)


def test_agrees_with_the_formula_of_torch_fidelity() -> None:
    """|mu|² + tr(S1 + S2 - 2 sqrtm(S1 S2)), covariances by np.cov: what torch-fidelity computes from features."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 24)) @ rng.normal(size=(24, 24)), rng.normal(0.3, 1, (300, 24))
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    told = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t).real)
    ours = fid(Sample.of(x, np.arange(400)), Sample.of(y, np.arange(300)))
    assert ours == pytest.approx(told, rel=1e-6)


def test_infinity_takes_off_what_few_subjects_add() -> None:
    rng = np.random.default_rng(1)
    few = [(people(rng, 60, 0), people(rng, 60, 0)) for _ in range(12)]
    plain = np.mean([fid(a, b) for a, b in few])
    limit = np.mean([fid_infinity(a, b, k) for k, (a, b) in enumerate(few)])
    assert plain > 0.1
    assert abs(limit) < 0.35 * plain


@pytest.mark.parametrize("mean", [0.4, 1.0])
def test_interval_covers_the_truth_at_its_rate(mean: float) -> None:
    """Two sets that differ by a shift in 4 features: the truth is 4 mean²."""
    rng = np.random.default_rng(2)
    covered = []
    for k in range(60):
        a, b = people(rng, 60, 0), people(rng, 60, mean)
        low, high = fid_interval(fid_infinity(a, b, k), fid_draws(a, b, 60, k), 0.95)
        covered.append(low <= 4 * mean**2 <= high)
    assert 0.86 <= np.mean(covered) <= 1.0


def test_weights_are_copies() -> None:
    x = np.random.default_rng(3).normal(size=(6, 2))
    times = np.array([2.0, 0, 1, 1, 0, 3])
    again, own = gaussian(np.repeat(x, times.astype(int), axis=0)), gaussian(x, times)
    np.testing.assert_allclose(own.covariance, again.covariance)
    np.testing.assert_allclose(own.mean, again.mean)
