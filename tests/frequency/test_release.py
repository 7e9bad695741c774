"""Four numbers with differential privacy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from synthcmr.errors import SettingsError
from synthcmr.frequency.fourier import Plane
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.release import (
    RANGE,
    SENSITIVITY,
    Release,
    curve,
    directions,
    numbers,
    release,
)
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import RecalibrationSettings
from synthcmr.privacy.accountant import by_loss_distribution
from synthcmr.training.private_sums import SumPromise, gaussian_noise
from synthcmr.training.secret_noise import Secret
from tests.frequency.making import blurred, clouds
from tests.frequency.test_recalibration import gap

RINGS = Rings.of(Plane(64, 64))


def test_directions_are_orthogonal_and_numbers_tell_their_curve() -> None:
    d = directions(RINGS)
    np.testing.assert_allclose(d @ d.T / RINGS.count, np.eye(4), atol=1e-10)
    theta = np.array([[0.5, -1.0, 0.3, 0.2]])
    np.testing.assert_allclose(numbers(curve(theta, RINGS), RINGS), theta, atol=1e-10)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (1.0, 1e-5), (8.0, 1e-3)])
def test_noise_is_exactly_enough(epsilon: float, delta: float) -> None:
    sigma = gaussian_noise(1.0, epsilon, delta)
    lost, _ = (
        quad(  # delta is the integral of what one output is more likely for one neighbour than e^eps times the other
            lambda x: max(norm.pdf(x, 1, sigma) - np.exp(epsilon) * norm.pdf(x, 0, sigma), 0),
            -5 * sigma,
            12 * sigma + 1,
            limit=500,
        )
    )
    assert lost == pytest.approx(delta, rel=0.02)


def test_one_subject_moves_what_is_released_by_no_more_than_was_counted_on() -> None:
    rng, people = np.random.default_rng(0), np.full((200, 4), 0.1)
    wild = people.copy()
    wild[0] = 1e6
    wild[1], wild[2] = np.nan, np.inf
    promise = SumPromise(8.0, 1e-5, 200)
    a, b, fewer = (release(p, promise, Secret(1)).theta for p in (people, wild, people[1:]))
    assert np.linalg.norm(a - fewer) * 200 <= SENSITIVITY + 1e-9  # added or removed
    assert np.linalg.norm(a - b) * 200 <= 3 * 2 * SENSITIVITY
    assert np.isfinite(b).all()
    largest = release(np.full((200, 4), RANGE), promise, Secret(1)).theta
    without = release(np.full((199, 4), RANGE), promise, Secret(1)).theta
    assert np.linalg.norm(largest - without) * 200 == pytest.approx(SENSITIVITY, rel=1e-5)  # and it can be so much
    assert release(people, SumPromise(8.0, 1e-5, 100), Secret(1)).sigma > release(people, promise, Secret(1)).sigma
    with pytest.raises(SettingsError, match="more subjects"):
        release(rng.normal(size=(3, 4)), SumPromise(0.1, 1e-5), Secret(1))


def test_noise_comes_from_the_secret_and_its_cost_from_the_range() -> None:
    people, promise = np.zeros((100, 4)), SumPromise(1.0, 1e-5, 100)
    sums = np.array([release(people, promise, Secret(k)).theta for k in range(500)]) * 100
    assert sums.std() == pytest.approx(gaussian_noise(SENSITIVITY, 1.0, 1e-5), rel=0.05)
    assert (release(people, promise, Secret(3)).theta == release(people, promise, Secret(3)).theta).all()
    counted = release(people, SumPromise(1.0, 1e-5), Secret(3))
    count, numbers_of = (entry.mechanism for entry in counted.entries)
    assert count.scale == pytest.approx(10.0)  # type: ignore[union-attr]
    assert numbers_of.sigma == pytest.approx(gaussian_noise(1.0, 0.9, 1e-5))  # type: ignore[union-attr]
    assert by_loss_distribution([count, numbers_of], 1e-5) <= 1.0 + 1e-3  # type: ignore[list-item]


def test_released_numbers_recalibrate() -> None:
    real, made = clouds(300, (32, 32), seed=1), blurred(clouds(40, (32, 32), seed=2))
    model = Recalibration(RecalibrationSettings(method="release")).fit(real, promise=SumPromise(8.0, 1e-5))
    assert gap(np.asarray(model.transform(made)), real) < 0.5 * gap(made, real)


def test_noise_that_is_larger_than_any_difference_moves_a_set_but_little() -> None:
    own = np.zeros(4)
    released = Release(np.array([0.4, -0.4, 0.4, -0.4]), 1.0, 1e-5, 1e-4, 50)
    np.testing.assert_allclose(released.wanted(own), released.theta, rtol=1e-3)
    np.testing.assert_allclose(replace(released, sigma=4.0).wanted(own), own, atol=0.01)
    real, made = clouds(300, (32, 32), seed=1), blurred(clouds(40, (32, 32), seed=2))
    model = Recalibration(RecalibrationSettings(method="release")).fit(real, promise=SumPromise(8.0, 1e-5))
    well = np.asarray(model.transform(made))
    assert model.release is not None
    model.release = replace(model.release, theta=model.release.theta + 3.0, sigma=3.0)  # as little is known
    badly = np.asarray(model.transform(made))
    assert gap(badly, made) < 0.3 * gap(well, made)
