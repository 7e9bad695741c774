"""Cells of CSV files that a spreadsheet shows and does not run: text that looks like a formula gets an apostrophe before it.

Every CSV file of the package is written with these, and its readers take the apostrophe away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
MARK = "'"


def harmless(value: Any) -> Any:
    """A cell as it is written: empty where there is no value, and marked where a spreadsheet would take text for a formula."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA) and not _is_number(value):
        return MARK + value
    return value


def harmless_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """All cells of a row."""
    return {name: harmless(value) for name, value in row.items()}


def unmarked(text: str) -> str:
    """The cell that `harmless` was given."""
    return text[1:] if text.startswith(MARK) and text[1:].startswith(FORMULA) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
