"""Noisy means of subjects: the noise is what the ledger says, and one subject changes no more than was promised."""

import numpy as np
import pytest

from synthcmr.privacy.accountant import epsilons
from synthcmr.privacy.mechanisms import GaussianMechanism, LaplaceMechanism
from synthcmr.training.private_sums import SumPromise, noisy_mean
from synthcmr.training.secret_noise import Secret

SENSITIVITY = 3.0


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-3), (2.0, 1e-5)])
def test_the_spread_of_the_noise_is_what_the_ledger_says(epsilon: float, delta: float) -> None:
    promise = SumPromise(epsilon, delta, 50)
    (entry,) = promise.entries("x", "people", "token")
    assert isinstance(entry.mechanism, GaussianMechanism)
    drawn = [noisy_mean(np.zeros((50, 80)), SENSITIVITY, promise, Secret(key)) for key in range(60)]
    values = np.concatenate([one.values for one in drawn])
    spread = entry.mechanism.sigma * SENSITIVITY / 50
    assert drawn[0].noise == pytest.approx(spread)
    assert values.std() == pytest.approx(spread, rel=0.05)
    assert abs(values.mean()) < 4 * spread / np.sqrt(len(values))


def test_the_noise_costs_what_was_asked_by_both_accountants() -> None:
    (entry,) = SumPromise(1.0, 1e-5, 50).entries("x", "people", "token")
    assert entry.mechanism is not None
    for spent in epsilons([entry.mechanism], 1e-5).values():
        assert spent == pytest.approx(1.0, rel=0.03)


def test_people_who_are_counted_cost_a_share_of_their_own() -> None:
    counted, sums = SumPromise(1.0, 1e-5).entries("x", "people", "token")
    assert counted.mechanism == LaplaceMechanism(10.0)
    assert counted.token != sums.token
    stated = SumPromise(1.0, 1e-5, 50)
    assert SumPromise(1.0, 1e-5).sigma > stated.sigma  # less of epsilon is left
    numbers = {noisy_mean(np.zeros((50, 1)), 1.0, SumPromise(1.0, 1e-5), Secret(key)).people for key in range(20)}
    assert len(numbers) > 5


def test_counts_have_noise_of_their_scale_and_leave_no_cell_empty() -> None:
    drawn = np.array([Secret(key).noisy_counts([100] * 40, 2.0) for key in range(50)])
    assert (drawn - 100).std() == pytest.approx(2.0 * np.sqrt(2), rel=0.06)  # of Laplace's distribution
    assert Secret(1).noisy_counts([100] * 40, 2.0) == drawn[1].tolist()
    assert len(set(drawn[0].tolist())) > 3  # each cell has noise of its own
    assert min(Secret(2).noisy_counts([0] * 40, 2.0)) == 1
