"""What mechanisms cost together: the privacy loss distribution of their composition, by two libraries that check each other.

dp-accounting composes everything exactly, rounding towards more loss. Opacus' PRV accountant knows Gaussian mechanisms; Laplace ones are
added to its epsilon one by one, which is more than they cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from synthcmr.errors import SettingsError
from synthcmr.privacy.mechanisms import GaussianMechanism, LaplaceMechanism, Mechanism

if TYPE_CHECKING:
    from dp_accounting.pld import PLDAccountant

TOLERANCE = 0.05  # by which two accountants may differ
SMALLEST = 0.02  # difference that is left to rounding: Opacus promises its epsilon within 0.01
FIRST, SECOND = "dp-accounting PLD", "Opacus PRV"
PACKAGES = {"dp_accounting": "dp-accounting", "opacus": "Opacus"}


def expect_accountants() -> None:
    """Refuse what needs privacy accounts where a library is missing, before anything is done.

    Raises:
        SettingsError: it is missing.
    """
    missing = [name for package, name in PACKAGES.items() if find_spec(package) is None]
    if missing:
        raise SettingsError(f"--dp: needs {' and '.join(missing)} for its accounts; pip install 'synthcmr[dp]'")


def epsilons(mechanisms: Sequence[Mechanism], delta: float) -> dict[str, float]:
    """Epsilon of a composition by either library; empty compositions cost nothing.

    Raises:
        SettingsError: a library is missing, or the two do not agree.
    """
    if not mechanisms:
        return {FIRST: 0.0, SECOND: 0.0}
    first, second = by_loss_distribution(mechanisms, delta), by_random_variables(mechanisms, delta)
    most = (1 + TOLERANCE) * second + SMALLEST
    least = 0.0 if any(isinstance(one, LaplaceMechanism) for one in mechanisms) else (1 - TOLERANCE) * second - SMALLEST
    if not least <= first <= most:
        raise SettingsError(
            f"accountants: expected {FIRST} and {SECOND} to agree within {TOLERANCE:.0%}, got epsilon {first:.4g} and {second:.4g} at "
            f"delta {delta:g}; nothing is stated. Choose a larger --delta"
        )
    return {FIRST: first, SECOND: second}


def by_loss_distribution(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Epsilon by dp-accounting.

    Raises:
        SettingsError: it is not installed.
    """
    return float(_composed(mechanisms).get_epsilon(delta))


def deltas_by_loss_distribution(mechanisms: Sequence[Mechanism], epsilons: Sequence[float]) -> list[float]:
    """Delta at several epsilons by dp-accounting: all that the mechanisms allow.

    Raises:
        SettingsError: it is not installed.
    """
    accountant = _composed(mechanisms)
    return [float(accountant.get_delta(epsilon)) for epsilon in epsilons]


def _composed(mechanisms: Sequence[Mechanism]) -> PLDAccountant:
    expect_accountants()
    from dp_accounting import dp_event
    from dp_accounting.pld import PLDAccountant
    from dp_accounting.privacy_accountant import NeighboringRelation

    accountant = PLDAccountant(NeighboringRelation.ADD_OR_REMOVE_ONE)
    for one in mechanisms:
        if isinstance(one, LaplaceMechanism):
            accountant.compose(dp_event.LaplaceDpEvent(one.scale))
        else:
            release = dp_event.PoissonSampledDpEvent(one.q, dp_event.GaussianDpEvent(one.sigma))
            accountant.compose(dp_event.SelfComposedDpEvent(release, one.releases))
    return accountant


def by_random_variables(mechanisms: Sequence[Mechanism], delta: float) -> float:
    """Epsilon by Opacus.

    Raises:
        SettingsError: it is not installed.
    """
    expect_accountants()
    import numpy as np
    from opacus.accountants import PRVAccountant

    added = sum(1 / one.scale for one in mechanisms if isinstance(one, LaplaceMechanism))
    accountant = PRVAccountant()
    accountant.history = [(one.sigma, one.q, one.releases) for one in mechanisms if isinstance(one, GaussianMechanism)]
    if not accountant.history:
        return added
    with np.errstate(divide="ignore"):  # it takes the logarithm of 1 - q, which is 0 where everyone takes part
        return added + float(accountant.get_epsilon(delta))
