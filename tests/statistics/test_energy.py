import numpy as np
import pytest
from scipy.stats import energy_distance

from synthcmr.statistics.energy import distance, distance_interval, energy_distances

ONE = np.ones((1, 40))


def test_is_scipys_energy_distance_less_what_few_subjects_add() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=40), rng.normal(1, 2, 40)
    biased = energy_distance(a, b) ** 2
    own = sum(np.abs(x[:, None] - x[None]).mean() * (1 / (1 - 1 / 40) - 1) for x in (a, b))
    assert energy_distances(a, b, ONE, ONE)[0] == pytest.approx((biased - own) / a.std(ddof=1))


def test_weights_are_copies() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=8), rng.normal(size=8)
    times = np.array([3, 0, 1, 1, 2, 0, 0, 1])
    x = np.repeat(a, times)
    apart = np.repeat(np.arange(8), times)[:, None] != np.repeat(np.arange(8), times)[None, :]
    far = lambda p, q: np.abs(p[:, None] - q[None])  # noqa: E731
    others = ~np.eye(8, dtype=bool)
    told = 2 * far(x, b).mean() - far(x, x)[apart].mean() - far(b, b)[others].mean()
    found = energy_distances(a, b, times[None].astype(float), np.ones((1, 8)))[0]
    assert found == pytest.approx(told / a.std(ddof=1))


@pytest.mark.parametrize(("shift", "truth"), [(0.0, 0.0), (1.0, 0.5327)])
def test_interval_covers_the_truth_at_its_rate(shift: float, truth: float) -> None:
    """Of N(0, 1) and N(s, 1): 2 E|X - Y| - 2 E|X - X'|, a folded normal's mean each; 0.5327 at s = 1."""
    rng = np.random.default_rng(2)
    covered, values = [], []
    for k in range(60):
        a, b = rng.normal(size=(50, 1)), rng.normal(shift, 1, (50, 1))
        low, high = distance_interval(a, b, 100, 0.95, k)
        covered.append(low <= truth <= high)
        values.append(distance(a, b))
    assert np.mean(covered) >= 0.85
    assert np.mean(values) == pytest.approx(truth, abs=3 * np.std(values) / np.sqrt(60) + 0.01)


def test_what_one_side_does_not_know_is_left_out() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(30, 2)), rng.normal(size=(30, 2))
    b[:, 1] = np.nan
    assert distance(a, b) == pytest.approx(distance(a[:, :1], b[:, :1]))
    assert np.isnan(distance(a[:, 1:], b[:, 1:]))
