"""What mechanisms cost together, against closed forms and against the libraries themselves."""

import math

import pytest
from scipy.stats import norm

from synthcmr.errors import PrivacyError
from synthcmr.privacy.accountant import FIRST, SECOND, by_loss_distribution, by_random_variables, epsilons
from synthcmr.privacy.ledger import Ledger, LedgerEntry
from synthcmr.privacy.mechanisms import GaussianMechanism, LaplaceMechanism
from synthcmr.privacy.statement import statement_of

DELTA = 1e-5


def delta_of_gaussian(epsilon: float, sigma: float) -> float:
    """Balle and Wang 2018, theorem 8, for a sensitivity of 1."""
    first = norm.cdf(0.5 / sigma - epsilon * sigma)
    return float(first - math.exp(epsilon) * norm.cdf(-0.5 / sigma - epsilon * sigma))


@pytest.mark.parametrize("account", [by_loss_distribution, by_random_variables])
@pytest.mark.parametrize("sigmas", [(1.0,), (2.0, 3.0), (4.0, 4.0, 4.0)])
def test_gaussians_together_cost_what_one_of_their_joint_noise_does(account, sigmas) -> None:  # type: ignore[no-untyped-def]
    joint = 1 / math.sqrt(sum(s**-2 for s in sigmas))
    found = account([GaussianMechanism(s) for s in sigmas], DELTA)
    assert delta_of_gaussian(found, joint) <= DELTA * 1.001
    assert delta_of_gaussian(found - 0.05, joint) > DELTA


def test_a_laplace_mechanism_costs_no_more_than_its_epsilon() -> None:
    assert by_loss_distribution([LaplaceMechanism(2.0)], DELTA) == pytest.approx(0.5, abs=0.001)
    both = by_loss_distribution([LaplaceMechanism(2.0), GaussianMechanism(2.0)], DELTA)
    alone = by_loss_distribution([GaussianMechanism(2.0)], DELTA)
    assert alone < both <= alone + 0.5


def test_a_release_states_what_both_libraries_say_of_the_same_composition() -> None:
    from dp_accounting import dp_event
    from dp_accounting.pld import PLDAccountant
    from opacus.accountants import PRVAccountant

    runs = [(1.1, 0.2, 60), (0.9, 0.1, 40)]
    entries = tuple(LedgerEntry("weights", GaussianMechanism(*run), token=str(run), delta=1e-4) for run in runs)
    stated = statement_of(Ledger(entries))
    google, meta = PLDAccountant(), PRVAccountant()
    for sigma, q, releases in runs:
        step = dp_event.PoissonSampledDpEvent(q, dp_event.GaussianDpEvent(sigma))
        google.compose(dp_event.SelfComposedDpEvent(step, releases))
        meta.history.append((sigma, q, releases))
    assert stated.delta == 1e-4
    assert stated.accountants[FIRST] == pytest.approx(google.get_epsilon(1e-4), rel=1e-6)
    assert stated.accountants[SECOND] == pytest.approx(meta.get_epsilon(1e-4), rel=1e-6)
    assert stated.epsilon == pytest.approx(google.get_epsilon(1e-4), rel=0.02)
    assert max(stated.accountants.values()) <= stated.epsilon <= max(stated.accountants.values()) + 1e-4


def test_no_mechanism_costs_nothing_and_more_than_allowed_is_refused() -> None:
    assert statement_of(Ledger()).epsilon == 0.0
    assert epsilons([], DELTA) == {FIRST: 0.0, SECOND: 0.0}
    spent = Ledger((LedgerEntry("weights", GaussianMechanism(1.0), "a", DELTA),))
    with pytest.raises(
        PrivacyError, match=r"--epsilon 2: expected no more to be spent, got 4.* weights \(GaussianMechanism, sigma 1\)"
    ):
        statement_of(spent, epsilon=2.0)
