"""The trade-off curve of a Gaussian mechanism is known in closed form; so is who must be caught."""

import numpy as np
import pytest
from scipy.stats import norm

from synthcmr.evaluation.privacy.curve_audit import PrivacyCurve, audit_mechanisms, chance_at_most
from synthcmr.privacy.mechanisms import GaussianMechanism

CANARIES, RUNS = 300, 40
STATED = GaussianMechanism(2.0)


@pytest.fixture(scope="module")
def curve() -> PrivacyCurve:
    return PrivacyCurve.of([STATED])


def canaries(noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of canaries that nothing but their own noise disturbs, and who was included."""
    rng = np.random.default_rng([seed, 3])
    included = rng.random(CANARIES) < 0.5
    return np.where(included, 0.5, -0.5) + noise * rng.normal(size=CANARIES), included


def test_the_curve_of_gaussian_noise_is_the_known_one(curve: PrivacyCurve) -> None:
    chances = np.array([0.001, 0.05, 0.3, 0.5, 0.9])
    most = norm.cdf(norm.ppf(chances) + 1 / STATED.sigma)
    assert curve.most_with(chances) == pytest.approx(most, abs=2e-3)
    assert (curve.most_with(chances) >= most - 1e-6).all()  # what is checked against must allow all that noise allows
    assert [curve.least_without(float(p)) for p in most] == pytest.approx(chances, abs=2e-3)


def test_the_accountant_and_the_closed_form_agree() -> None:
    chances = np.linspace(0.01, 0.99, 9)
    nearly_everybody = PrivacyCurve.of([GaussianMechanism(4.0, 0.9999, 4)])
    assert nearly_everybody.most_with(chances) == pytest.approx(PrivacyCurve.of([STATED]).most_with(chances), abs=1e-3)


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_the_stated_noise_is_hardly_ever_called_too_little(curve: PrivacyCurve, share: float) -> None:
    chances = []
    for seed in range(RUNS):
        scores, included = canaries(STATED.sigma, seed)
        guessed = np.argsort(-np.abs(scores))[: int(share * CANARIES)]
        right = int(((scores[guessed] > 0) == included[guessed]).sum())
        chances.append(chance_at_most(curve, CANARIES, len(guessed), right))
    assert np.mean(np.array(chances) < 0.05) <= 0.1  # 40 runs at 5 %


def test_too_little_noise_is_exposed_and_its_size_is_told() -> None:
    scores, included = canaries(0.25 * STATED.sigma, 1)
    audit = audit_mechanisms([STATED], scores, included, share=0.5)
    assert audit.exposed
    assert audit.chance < 0.05
    assert 0.25 <= audit.noise_at_most < 1  # never less than what there is
    assert not audit_mechanisms([STATED], *canaries(STATED.sigma, 1), share=0.5).exposed


def test_without_noise_every_guess_is_right_and_next_to_no_noise_is_possible() -> None:
    scores, included = canaries(0.0, 2)
    audit = audit_mechanisms([STATED], scores, included)
    assert audit.right == audit.guesses == CANARIES
    assert audit.noise_at_most < 0.3
