"""Targets: what the real and the planned subjects together reach, the reference population of one, and the whole number of every cell."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, get_args

from synthcmr.errors import SettingsError
from synthcmr.errors import in_words as error_in_words
from synthcmr.fairness.cells import in_words
from synthcmr.fairness.planning.crossing import Cell, Crossing

AMOUNTS = ("share", "count")
ROUNDING = Fraction(1, 100)  # how far shares may be from adding up: printed tables are rounded
NAMED = 3


@dataclass(frozen=True)
class Reference:
    """A table of cells."""

    attributes: tuple[str, ...]
    amount: str  # "share" of the combined cohort, or "count" in it
    cells: dict[tuple[str, ...], Fraction]


def read_reference(path: Path) -> Reference:
    """Read a table with one column per attribute (groups as the audit names them) and one of `share` or `count`.

    Raises:
        SettingsError: the file cannot be read, or its columns or numbers are not those.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(
            f"--target match: expected a readable CSV table at {path}, got: {error_in_words(error)}"
        ) from error
    return reference_from(rows, str(path))


def reference_from(rows: list[dict[str, str]], origin: str) -> Reference:
    """The reference that a table's rows describe."""
    columns = [c.strip() for c in rows[0]] if rows and None not in rows[0] else []
    amounts = [c for c in columns if c in AMOUNTS]
    names = tuple(c for c in columns if c not in AMOUNTS)
    if len(amounts) != 1 or not names:
        raise SettingsError(
            f"--target match: {origin}: expected rows with a column for each attribute and either 'share' or 'count', "
            f"got the columns {', '.join(columns) or 'none'}"
        )
    cells: dict[tuple[str, ...], Fraction] = {}
    for row in rows:
        described = {str(k).strip(): (v or "").strip() for k, v in row.items()}
        cell = tuple(described[name] for name in names)
        if cell in cells or not all(cell):
            raise SettingsError(
                f"--target match: {origin}: expected every cell once and complete, got {cell} again or with gaps"
            )
        cells[cell] = _amount(described[amounts[0]], amounts[0], cell, origin)
    if amounts[0] == "share":
        cells = _adding_up(cells, origin)
    return Reference(names, amounts[0], cells)


def _amount(text: str, kind: str, cell: tuple[str, ...], origin: str) -> Fraction:
    try:
        value = Fraction(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        value = Fraction(-1)
    if value < 0 or (kind == "count" and value.denominator != 1):
        allowed = "a whole number" if kind == "count" else "a number"
        raise SettingsError(f"--target match: {origin}: expected {allowed} from 0 as {kind} of {cell}, got '{text}'")
    return value


def _adding_up(cells: dict[tuple[str, ...], Fraction], origin: str) -> dict[tuple[str, ...], Fraction]:
    """Shares of 1 or of 100, which add up exactly."""
    total = sum(cells.values(), Fraction(0))
    if not any(abs(total - whole) <= ROUNDING * whole for whole in (Fraction(1), Fraction(100))):
        raise SettingsError(
            f"--target match: {origin}: expected shares that add up to 1 (or 100), got {float(total):g}"
        )
    return {cell: share / total for cell, share in cells.items()}


MAX_ROWS = 1_000_000  # of a plan
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
        return _copy(rest, text)
    if kind == "parity":
        return _parity(rest, text)
    if kind == "equal":
        return Target("equal", text, _names(rest, text))
    names, equals, number = rest.partition("=")
    if not equals:
        raise SettingsError(f"--target: expected {kind}:A,B=N with the number of every cell, got '{text}'")
    return Target("total" if kind == "total" else "make", text, _names(names, text), number=_number(number, text))


def _copy(rest: str, text: str) -> Target:
    number = _number(rest, text) if rest.strip() else None
    if number is not None and number > MAX_ROWS:
        raise SettingsError(f"--target: {text} needs {number} synthetic subjects; at most {MAX_ROWS} can be planned")
    return Target("copy", text, number=number)


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


def cell_totals(target: Target, crossing: Crossing) -> dict[Cell, int]:
    """How many subjects, real and synthetic together, every cell shall have; never fewer than it has.

    Args:
        target: any but copies.
        crossing: of the counted subjects.

    Raises:
        SettingsError: the target cannot be reached by adding subjects.
    """
    real = crossing.counts()
    if target.kind == "parity":
        totals = _parity_totals(target, crossing, real)
    elif target.kind == "match" and target.reference is not None:
        totals = _match(target.reference, crossing, real)
    elif target.kind == "make":
        totals = {cell: n + int(target.number or 0) for cell, n in real.items()}
    elif target.kind == "total":
        totals = _fixed(crossing, real, int(target.number or 0))
    else:
        totals = _equal(crossing, real)
    rows = sum(totals.values()) - sum(real[cell] for cell in totals)
    if rows > MAX_ROWS:
        raise SettingsError(
            f"--target: {target.text} needs {rows} synthetic subjects; at most {MAX_ROWS} can be planned: cross fewer attributes"
        )
    return totals


def _equal(crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    if len(real) < 2:
        raise SettingsError(
            f"--target equal: expected at least two cells to make equal, but all {sum(real.values())} subjects are of one: "
            f"{in_words(crossing.attributes, next(iter(real)))}"
        )
    return dict.fromkeys(real, max(real.values()))


def _fixed(crossing: Crossing, real: dict[Cell, int], number: int) -> dict[Cell, int]:
    over = {cell: n for cell, n in real.items() if n > number}
    if over:
        raise SettingsError(
            f"--target total: expected a total of at least {max(over.values())}, got {number}; {_some(crossing, over)}, "
            "and a plan removes no subject"
        )
    return dict.fromkeys(real, number)


def _parity_totals(target: Target, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    """Every group as large as its most over-represented label demands: N_g = max over d of n_gd / p_d."""
    labels = sorted({cell[-1] for cell in real})
    groups = [g for g in dict.fromkeys(cell[:-1] for cell in real) if any(real[(*g, d)] for d in labels)]
    if len(labels) < 2 or len(groups) < 2:
        what, few = (
            ("labels", labels)
            if len(labels) < 2
            else ("groups", [in_words(crossing.attributes[:-1], g) for g in groups])
        )
        raise SettingsError(
            f"--target parity: expected at least two {what} among the counted subjects, got one: {few[0]}"
        )
    n = sum(real.values())
    share = {d: Fraction(sum(real[(*g, d)] for g in groups), n) for d in labels}
    size = {g: max(real[(*g, d)] / share[d] for d in labels) for g in groups}
    return {(*g, d): max(real[(*g, d)], round(share[d] * size[g])) for g in groups for d in labels}


def _match(reference: Reference, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, int]:
    wanted = _placed(reference, crossing, real)
    absent = {cell: n for cell, n in real.items() if n and not wanted.get(cell)}
    if absent:
        raise SettingsError(
            f"--target match: {_some(crossing, absent)}, of which the reference has none; a plan removes no subject: "
            "give these cells a share, or leave the subjects out of the cohort"
        )
    if reference.amount == "share":
        size = max(n / wanted[cell] for cell, n in real.items() if n)
        return {cell: max(real[cell], round(share * size)) for cell, share in wanted.items()}
    over = {cell: real[cell] for cell, count in wanted.items() if real[cell] > count}
    if over:
        raise SettingsError(
            f"--target match: {_some(crossing, over)}, more than the reference's count; a plan removes no subject"
        )
    return {cell: int(count) for cell, count in wanted.items()}


def _placed(reference: Reference, crossing: Crossing, real: dict[Cell, int]) -> dict[Cell, Fraction]:
    """The reference's cells that are wanted or occupied; its groups must be the cohort's."""
    observed = [{cell[k] for cell in real} for k in range(len(crossing.attributes))]
    wanted = {}
    for cell, amount in reference.cells.items():
        strange = [k for k, group in enumerate(cell) if group not in observed[k]]
        if strange and amount:
            name, group = crossing.attributes[strange[0]], cell[strange[0]]
            raise SettingsError(
                f"--target match: no subject that is counted is '{group}' ({name}), so no subject can be drawn after; "
                f"there are: {', '.join(sorted(observed[strange[0]]))}"
            )
        if not strange:
            wanted[cell] = amount
    return wanted


def _some(crossing: Crossing, counts: Mapping[Cell, int]) -> str:
    """Cells with what they have already, in words."""
    listed = sorted(counts, key=lambda cell: -counts[cell])
    text = "; ".join(f"{in_words(crossing.attributes, cell)}: {counts[cell]}" for cell in listed[:NAMED])
    return f"the cohort has subjects ({text}{'; ...' if len(listed) > NAMED else ''})"
