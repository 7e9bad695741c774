"""One-run auditing: the bound is the paper's, keeps to a claim that is kept, and exposes one that is not."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

from synthcmr.evaluation.privacy.dp_audit import (
    PrivacyClaim,
    audit_claim,
    audit_scores,
    canaries_for,
    lower_bound,
    middle_of_weights,
    p_value,
)
from synthcmr.training.secret_noise import Secret

CLAIM = PrivacyClaim(epsilon=1.0, delta=1e-4, sample_rate=0.2, releases=30)


def test_without_delta_the_bound_is_that_of_a_binomial() -> None:
    """q^r = 5 % where every guess is right."""
    q = 0.05 ** (1 / 100)
    assert lower_bound(100, 100, 100, 0.0) == pytest.approx(np.log(q / (1 - q)), abs=1e-6)
    assert p_value(50, 40, 30, 0.7, 0.0) == pytest.approx(binom.sf(29, 40, np.exp(0.7) / (1 + np.exp(0.7))))


def test_delta_only_ever_weakens_the_bound() -> None:
    bounds = [lower_bound(1000, 200, 160, delta) for delta in (0.0, 1e-5, 1e-4, 1e-3)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[-1]


def test_guesses_by_chance_prove_nothing_and_randomised_response_is_bounded_by_its_epsilon() -> None:
    """Randomised response keeps epsilon exactly, so the bound may exceed it in one of twenty trials at most."""
    rng = np.random.default_rng(0)
    chance, exceeded, bounds = [], [], []
    for _ in range(80):
        included = rng.random(300) < 0.5
        chance.append(audit_scores(rng.normal(size=300), included, 1.0, 0.0).bound)
        kept = rng.random(300) < np.exp(1.0) / (1 + np.exp(1.0))
        answer = np.where(kept, included, ~included) + rng.uniform(0, 0.1, 300)
        result = audit_scores(answer, included, 1.0, 0.0)
        exceeded.append(result.exposed)
        bounds.append(result.bound)
    assert np.mean(np.array(chance) > 0) <= 0.1
    assert np.mean(exceeded) <= 0.1
    assert np.median(bounds) > 0.5  # and it is not far below either


def test_a_kept_promise_is_believed(tmp_path: Path) -> None:
    outcome = audit_claim(CLAIM, tmp_path / "run", canaries=120, ordinary=30)
    assert outcome.bound < outcome.claimed
    assert not outcome.exposed
    assert "within the claim" in outcome.sentence


def test_noise_that_is_forgotten_is_exposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Secret, "add_noise", lambda self, total, spread, step, turn: None)
    often = CLAIM.model_copy(update={"sample_rate": 0.5})  # so that no canary is left out of every step by its own luck
    outcome = audit_claim(often, tmp_path / "run", canaries=120, ordinary=30)
    assert outcome.right == outcome.guesses
    assert outcome.exposed
    assert "does not keep its promise" in outcome.sentence


def test_too_few_canaries_say_so() -> None:
    included = np.arange(10) < 5
    outcome = audit_scores(included.astype(float), included, 8.0, 1e-5)
    assert not outcome.exposed
    assert "too few" in outcome.sentence


@pytest.mark.parametrize(("epsilon", "delta"), [(1.0, 1e-4), (3.0, 1e-5), (8.0, 1e-5), (8.0, 1e-6)])
def test_a_claim_gets_as_many_canaries_as_can_test_it(epsilon: float, delta: float) -> None:
    needed = canaries_for(epsilon, delta)
    assert needed is not None
    canaries, share = needed
    rng = np.random.default_rng(canaries)
    included = rng.random(canaries) < 0.5
    without_noise = np.where(included, rng.poisson(12, canaries) + 0.1, 0.0)  # as often as each took part
    outcome = audit_scores(without_noise, included, epsilon, delta, share, middle_of_weights(without_noise))
    assert outcome.right == outcome.guesses  # whatever the number of coins that fell on either side
    assert outcome.exposed
    assert "does not keep its promise" in outcome.sentence


def test_the_middle_of_weights_lies_between_noise_and_canaries() -> None:
    rng = np.random.default_rng(0)
    included = rng.random(4000) < 0.5
    for signal in (1.0, 30.0):
        weights = rng.normal(0, 1, 4000) + signal * included
        right = ((weights > middle_of_weights(weights)) == included).mean()
        assert right == pytest.approx(norm.cdf(min(signal / 2, 3.5)), abs=0.02)


def test_a_claim_that_no_number_of_canaries_can_test_says_so() -> None:
    assert canaries_for(8.0, 1e-3) is None
    few = audit_scores(np.arange(200.0), np.arange(200) < 100, 8.0, 1e-3)
    assert "no number of canaries" in few.sentence


def test_many_canaries_that_keep_epsilon_eight_are_not_accused() -> None:
    """Randomised response with epsilon 8: of so many answers a dozen are wrong."""
    rng = np.random.default_rng(3)
    exposed = []
    for _ in range(20):
        included = rng.random(25600) < 0.5
        answer = np.where(rng.random(25600) < 1 / (1 + np.exp(-8.0)), included, ~included)
        exposed.append(audit_scores(answer + rng.uniform(0, 0.1, 25600), included, 8.0, 1e-5, 1.0).exposed)
    assert sum(exposed) <= 3
