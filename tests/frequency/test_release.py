"""Four numbers with differential privacy."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from synthcmr.errors import SettingsError
from synthcmr.frequency.plane import Plane
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.release import RANGE, curve, directions, gaussian_noise, noise, numbers, release
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import RecalibrationSettings
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
    a, b = (release(p, 8.0, 1e-5, np.random.default_rng(1)).theta for p in (people, wild))
    assert np.linalg.norm(a - b) <= 2 * RANGE * 2 / 200 + 1e-12
    assert noise(200, 8.0, 1e-5) < noise(100, 8.0, 1e-5)
    with pytest.raises(SettingsError, match="more subjects"):
        release(rng.normal(size=(3, 4)), 0.1, 1e-5, rng)


def test_released_numbers_recalibrate() -> None:
    real, made = clouds(300, (32, 32), seed=1), blurred(clouds(40, (32, 32), seed=2))
    model = Recalibration(RecalibrationSettings(method="release")).fit(real, promise=(8.0, 1e-5))
    assert gap(np.asarray(model.transform(made)), real) < 0.5 * gap(made, real)
