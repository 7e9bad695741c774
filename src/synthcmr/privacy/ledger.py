"""The ledger of an artefact: every look at patients that is in it, each with the mechanism that covers it, or the reason that none does.

It travels with the artefact (weights, anatomies, recalibrations, judges, plans, cohorts), and what is made from several artefacts has the
union of their ledgers. Mechanisms are composed one after another as if all had seen the same patients, which holds whoever they saw. An
empty ledger says that no patient was looked at.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthcmr.privacy.mechanisms import Mechanism, mechanism_of, mechanism_row
from synthcmr.privacy.refusal_reasons import NOT_KEPT, PATIENTS, UNKNOWN, Reason, reason_of

LEDGER = "ledger"  # what headers and records call it
STAMP = "dp_"  # columns of images that state privacy begin with it; a release alone writes them, and nothing carries them on
TOKEN_BITS = 128


@dataclass(frozen=True)
class LedgerEntry:
    """One look at patients."""

    artefact: str  # what was made: "weights", "number of subjects"
    mechanism: Mechanism | None = None
    token: str = ""  # of a mechanism: drawn at random, so that the same noise used twice counts once
    delta: float | None = None  # that a mechanism was made for
    reason: str = ""  # key of `REASONS`, where no mechanism covers the look
    name: str = ""  # the folder or file; empty in artefacts themselves, which may be moved

    @property
    def why(self) -> Reason:
        """Why nothing can be promised."""
        return reason_of(self.reason)

    def row(self) -> dict[str, Any]:
        """As plain values, without what is not said."""
        known = {"artefact": self.artefact, "token": self.token, "delta": self.delta}
        known |= {"reason": self.reason, "name": self.name}
        row = {name: value for name, value in known.items() if value not in ("", None)}
        return row | ({} if self.mechanism is None else {"mechanism": mechanism_row(self.mechanism)})

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> LedgerEntry:
        """From what `row` gave; a mechanism that this version does not know covers nothing."""
        known = {name: row[name] for name in ("artefact", "token", "delta", "reason", "name") if name in row}
        if "mechanism" not in row:
            return cls(**known)
        try:
            return cls(**known, mechanism=mechanism_of(row["mechanism"]))
        except (KeyError, TypeError):
            return cls(**known | {"reason": f"mechanism {row['mechanism']!r}"})


@dataclass(frozen=True)
class Ledger:
    """All looks at patients that are in an artefact."""

    entries: tuple[LedgerEntry, ...] = ()

    def __or__(self, other: Ledger) -> Ledger:
        """What is made from two artefacts; what both inherited counts once."""
        return Ledger(tuple(dict.fromkeys((*self.entries, *other.entries))))

    @property
    def mechanisms(self) -> tuple[LedgerEntry, ...]:
        """Looks that noise covers."""
        return tuple(entry for entry in self.entries if not entry.reason)

    @property
    def broken(self) -> tuple[LedgerEntry, ...]:
        """Looks that nothing covers."""
        return tuple(entry for entry in self.entries if entry.reason)

    def named(self, name: str) -> Ledger:
        """With the name of the artefact where something breaks the promise."""
        return Ledger(tuple(replace(e, name=name) if e.reason and not e.name else e for e in self.entries))

    def without_names(self) -> Ledger:
        """Without what folders are called."""
        return Ledger(tuple(replace(entry, name="") for entry in self.entries))

    def digest(self) -> str:
        """Of every look, whatever folders are called; work that goes on with other inputs must not go unseen."""
        rows = sorted(json.dumps(row, sort_keys=True) for row in self.without_names().to_json())
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def to_json(self) -> list[dict[str, Any]]:
        """Plain lists and dicts."""
        return [entry.row() for entry in self.entries]

    @classmethod
    def of_json(cls, rows: Sequence[Mapping[str, Any]]) -> Ledger:
        """The inverse of `to_json`."""
        return cls(tuple(LedgerEntry.of(row) for row in rows))

    @classmethod
    def in_record(cls, record: Mapping[str, Any]) -> Ledger:
        """The ledger that a header or record holds; of one that holds none it is not known whom it was made from."""
        rows = record.get(LEDGER)
        return cls.of_json(rows) if isinstance(rows, list) else NOT_KNOWN


EMPTY = Ledger()
NOT_KNOWN = Ledger((LedgerEntry("artefact", reason=NOT_KEPT),))
OF_PATIENTS = Ledger((LedgerEntry("images", reason=PATIENTS),))


def union(ledgers: Iterable[Ledger]) -> Ledger:
    """The ledger of what is made from several artefacts."""
    total = EMPTY
    for ledger in ledgers:
        total |= ledger
    return total


def learned_openly(source: Ledger, artefact: str, reason: str) -> Ledger:
    """The ledger of what was learned from something without noise.

    Args:
        source: of what was learned from. Where only phantoms or private artefacts are in it, so they are in what was learned.
        artefact: what was made.
        reason: key of `REASONS`, which stands for whatever the source had broken; not for what nobody knows.
    """
    unknown = tuple(entry for entry in source.broken if entry.reason in UNKNOWN)
    if len(unknown) == len(source.broken):
        return source
    return Ledger((*source.mechanisms, *unknown, LedgerEntry(artefact, reason=reason)))


def learned_privately(source: Ledger, entries: Iterable[LedgerEntry]) -> Ledger:
    """The ledger of what was learned from something with mechanisms that cover each of its subjects.

    They cover patients themselves. Where the source is something that was made from patients, its subjects are no patients: one patient
    changed many of them, and noise that hides one of them hides no patient.

    Args:
        source: of what was learned from.
        entries: the mechanisms.
    """
    kept = tuple(entry for entry in source.entries if entry.reason != PATIENTS)
    return Ledger((*kept, *entries))


def new_token() -> str:
    """A token that no other mechanism has. It says nothing of patients: it is drawn, not computed."""
    return f"{secrets.randbits(TOKEN_BITS):032x}"
