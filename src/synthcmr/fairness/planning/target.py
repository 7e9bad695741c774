"""Targets: what the real and the planned subjects together shall look like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.reference import Reference, read_reference

Kind = Literal["equal", "parity", "match", "copy", "total", "make"]
FORMS = (
    "equal:A,B (every cell as large as the largest), parity:LABEL|A,B (the label's shares alike in every group), "
    "match:TABLE.csv (a reference population), copy or copy:N (the subjects' own attributes), "
    "total:A,B=N (N in every cell, real ones included), make:A,B=N (N synthetic ones in every cell)"
)


@dataclass(frozen=True)
class Target:
    """What is to be reached."""

    kind: Kind
    text: str  # as it was asked
    attributes: tuple[str, ...] = ()  # whose groups are crossed; a label is the last
    label: str | None = None
    number: int | None = None
    reference: Reference | None = None


def parse_target(text: str) -> Target:
    """Read a target.

    Raises:
        SettingsError: it has none of the known forms, or its table cannot be read.
    """
    kind, _, rest = text.strip().partition(":")
    if kind not in get_args(Kind) or (kind != "copy" and not rest.strip()):
        raise SettingsError(f"--target: expected one of {FORMS}; got '{text}'")
    if kind == "match":
        reference = read_reference(Path(rest.strip()))
        return Target("match", text, reference.attributes, reference=reference)
    if kind == "copy":
        return Target("copy", text, number=_number(rest, text) if rest.strip() else None)
    if kind == "parity":
        return _parity(rest, text)
    if kind == "equal":
        return Target("equal", text, _names(rest, text))
    names, equals, number = rest.partition("=")
    if not equals:
        raise SettingsError(f"--target: expected {kind}:A,B=N with the number of every cell, got '{text}'")
    return Target("total" if kind == "total" else "make", text, _names(names, text), number=_number(number, text))


def _parity(rest: str, text: str) -> Target:
    label, bar, groups = rest.partition("|")
    label = label.strip()
    if not bar or not label:
        raise SettingsError(f"--target: expected parity:LABEL|A,B, got '{text}'")
    names = _names(groups, text)
    if label in names:
        raise SettingsError(f"--target: '{label}' cannot be the label and one of the groups, got '{text}'")
    return Target("parity", text, (*names, label), label)


def _names(text: str, whole: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise SettingsError(f"--target: expected different attributes, comma-separated, got '{whole}'")
    return names


def _number(text: str, whole: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise SettingsError(f"--target: expected a whole number from 1, got '{text.strip()}' in '{whole}'")
    return number
