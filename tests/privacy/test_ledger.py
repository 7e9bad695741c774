"""Entries: what counts once, what stays, and what covers what."""

import pytest

from synthcmr.errors import PrivacyError
from synthcmr.privacy.ledger import (
    EMPTY,
    NOT_KNOWN,
    OF_PATIENTS,
    Ledger,
    LedgerEntry,
    learned_openly,
    learned_privately,
    new_token,
    union,
)
from synthcmr.privacy.mechanisms import GaussianMechanism, LaplaceMechanism
from synthcmr.privacy.refusal_reasons import REASONS
from synthcmr.privacy.statement import statement_of


def spent(token: str, sigma: float = 2.0) -> Ledger:
    return Ledger((LedgerEntry("weights", GaussianMechanism(sigma), token, 1e-5),))


def test_the_same_noise_used_twice_counts_once_and_equal_noise_of_two_runs_counts_twice() -> None:
    once, twice = (statement_of(union(parts)).epsilon for parts in ([spent("a"), spent("a")], [spent("a"), spent("b")]))
    assert once == statement_of(spent("a")).epsilon
    assert twice > 1.3 * once
    assert new_token() != new_token()
    assert len(bytes.fromhex(new_token())) == 16


def test_ledgers_are_the_same_after_they_were_written() -> None:
    ledger = (
        spent("a") | Ledger((LedgerEntry("count", LaplaceMechanism(1.5), "b"),)) | OF_PATIENTS.named("acdc") | NOT_KNOWN
    )
    assert Ledger.of_json(ledger.to_json()) == ledger
    assert Ledger.in_record({"ledger": []}) == EMPTY
    assert Ledger.in_record({}).broken
    unknown = Ledger.of_json([{"artefact": "weights", "token": "a", "mechanism": {"kind": "staircase", "scale": 1}}])
    assert unknown.broken  # of a newer version: nothing is promised of what is not understood


def test_a_mechanism_covers_patients_and_nothing_that_was_made_from_them() -> None:
    entry = spent("a").entries
    assert not learned_privately(OF_PATIENTS, entry).broken
    made_from = learned_openly(OF_PATIENTS, "weights", "weights")
    assert [e.reason for e in learned_privately(made_from, entry).broken] == ["weights"]
    assert learned_privately(NOT_KNOWN, entry).broken
    assert learned_privately(spent("b"), entry).mechanisms == (*spent("b").entries, *entry)


def test_what_is_learned_from_phantoms_or_private_images_stays_as_it_is() -> None:
    assert learned_openly(EMPTY, "anatomies", "anatomy") == EMPTY
    assert learned_openly(spent("a"), "anatomies", "anatomy") == spent("a")
    assert [e.reason for e in learned_openly(OF_PATIENTS | NOT_KNOWN, "x", "anatomy").broken] == ["not-kept", "anatomy"]


def test_every_reason_is_said_with_its_input_and_its_way_out() -> None:
    broken = Ledger(tuple(LedgerEntry("x", reason=key, name=f"folder-of-{key}") for key in REASONS))
    with pytest.raises(PrivacyError) as error:
        statement_of(broken | spent("a"))
    said = str(error.value)
    for key, reason in REASONS.items():
        assert f"folder-of-{key}: {reason.sentence}" in said
        assert f"Instead: {reason.mend}" in said
