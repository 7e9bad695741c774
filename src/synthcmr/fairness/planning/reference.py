"""A reference population: the shares or counts that a table gives to every cell."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from synthcmr.errors import SettingsError, in_words

AMOUNTS = ("share", "count")
ROUNDING = Fraction(1, 100)  # how far shares may be from adding up: printed tables are rounded


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
            f"--target match: expected a readable CSV table at {path}, got: {in_words(error)}"
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
        told = {str(k).strip(): (v or "").strip() for k, v in row.items()}
        cell = tuple(told[name] for name in names)
        if cell in cells or not all(cell):
            raise SettingsError(
                f"--target match: {origin}: expected every cell once and complete, got {cell} again or with gaps"
            )
        cells[cell] = _amount(told[amounts[0]], amounts[0], cell, origin)
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
    """Shares of 1 or of 100, made to add up exactly."""
    total = sum(cells.values(), Fraction(0))
    if not any(abs(total - whole) <= ROUNDING * whole for whole in (Fraction(1), Fraction(100))):
        raise SettingsError(
            f"--target match: {origin}: expected shares that add up to 1 (or 100), got {float(total):g}"
        )
    return {cell: share / total for cell, share in cells.items()}
