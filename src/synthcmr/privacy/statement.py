"""What a release promises: one epsilon and delta for all of it, and what they stand on. Or nothing, with every reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from synthcmr.errors import PrivacyError
from synthcmr.privacy.accountant import epsilons
from synthcmr.privacy.ledger import STAMP, Ledger, LedgerEntry
from synthcmr.privacy.mechanisms import RELATION, UNIT, mechanism_row

USUAL_DELTA = 1e-5  # of mechanisms that were made for none
DIGITS = 4


@dataclass(frozen=True)
class PrivacyStatement:
    """(epsilon, delta)-differential privacy of every subject that any of the mechanisms saw."""

    epsilon: float  # rounded up
    delta: float
    entries: tuple[LedgerEntry, ...]  # the mechanisms
    accountants: dict[str, float]

    @property
    def accountant(self) -> str:
        """The library whose epsilon is stated: the larger one."""
        return max(self.accountants, key=lambda name: self.accountants[name])

    def to_json(self) -> dict[str, Any]:
        """As statement.json has it, without what is not of privacy."""
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "unit": UNIT,
            "neighbouring_relation": RELATION,
            "composition": "one after another, as if every mechanism had seen the same patients",
            "mechanisms": [
                {"of": e.artefact, **mechanism_row(e.mechanism)} for e in self.entries if e.mechanism is not None
            ],
            "accountants": self.accountants,
        }

    def columns(self) -> dict[str, str | float]:
        """What every released image says."""
        return {
            f"{STAMP}epsilon": self.epsilon,
            f"{STAMP}delta": self.delta,
            f"{STAMP}unit": UNIT,
            f"{STAMP}accountant": self.accountant,
        }


def statement_of(ledger: Ledger, delta: float | None = None, epsilon: float | None = None) -> PrivacyStatement:
    """What a ledger allows to be stated.

    Args:
        ledger: of what is to be released.
        delta: chance that more is lost; None for the smallest that a mechanism was made for.
        epsilon: most that may be stated; None for whatever it is.

    Raises:
        PrivacyError: something in the ledger has no mechanism, or more was spent than may be stated.
        SettingsError: a library is missing.
    """
    if ledger.broken:
        raise PrivacyError(refusal(ledger.broken))
    mechanisms = [entry.mechanism for entry in ledger.mechanisms if entry.mechanism is not None]
    if not mechanisms:
        return PrivacyStatement(0.0, 0.0, (), epsilons([], 0.0))
    chosen = delta or min((entry.delta for entry in ledger.mechanisms if entry.delta), default=USUAL_DELTA)
    spent = epsilons(mechanisms, chosen)
    if not all(map(math.isfinite, spent.values())):
        raise PrivacyError(
            f"--delta {chosen:g}: no epsilon can be stated for so small a chance with {len(mechanisms)} mechanism(s); choose a larger one"
        )
    stated = math.ceil(max(spent.values()) * 10**DIGITS) / 10**DIGITS
    if epsilon is not None and stated > epsilon:
        raise PrivacyError(
            f"--epsilon {epsilon:g}: expected no more to be spent, got {stated:g} at delta {chosen:g} by {len(mechanisms)} mechanism(s): "
            f"{'; '.join(f'{e.artefact} ({e.mechanism.words})' for e in ledger.mechanisms if e.mechanism)}. Allow more, choose a larger "
            "--delta, or leave one of them out"
        )
    return PrivacyStatement(stated, chosen, ledger.mechanisms, spent)


def refusal(broken: tuple[LedgerEntry, ...]) -> str:
    """Every reason why nothing can be stated, each with the input it came from and what to do instead."""
    lines = [
        f"  {k}. {entry.name or entry.artefact}: {entry.why.sentence}.\n     Instead: {entry.why.mend}."
        for k, entry in enumerate(broken, 1)
    ]
    return "\n".join(["no privacy statement can be made of it, so it is not released:", *lines])
