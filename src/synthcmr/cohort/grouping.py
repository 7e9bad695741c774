"""Attributes as groups: continuous ones are cut where readers expect it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

from synthcmr.cohort.attributes import DRAWN

if TYPE_CHECKING:
    import pandas as pd


BMI_EDGES, BMI_NAMES = [0, 18.5, 25, 30, 200], ["underweight", "normal weight", "overweight", "obese"]  # WHO
DECADES = [40, 50, 60, 70, 80]  # the sparse young and old decades are joined
QUARTILES = ["lowest quarter", "second quarter", "third quarter", "highest quarter"]
MAX_GROUPS = 12
BOOKKEEPING = {"subject_id", "split", "subject_id_given", DRAWN}


@dataclass(frozen=True)
class Bin:
    """The numbers that form one group."""

    low: float
    high: float
    closed: str = "low"  # which edge belongs to it

    def holds(self, value: float) -> bool:
        """Whether a number is of this group."""
        return self.low <= value < self.high if self.closed == "low" else self.low < value <= self.high


def grouped(subjects: pd.DataFrame, names: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Every usable attribute as groups (strings; null where missing).

    Args:
        subjects: rows of subjects.parquet.
        names: attributes to use; None takes those that describe people or scanners and form groups.

    Raises:
        ValueError: a named attribute does not exist.
    """
    import pandas as pd

    if names is not None:
        unknown = [n for n in names if n not in subjects.columns]
        if unknown:
            raise ValueError(f"--by: expected one of {', '.join(subjects.columns)}; got '{unknown[0]}'")
    chosen = names if names is not None else tuple(c for c in subjects.columns if c not in BOOKKEEPING)
    columns = {name: _groups(subjects[name], name) for name in chosen}
    if names is None:
        columns = {
            n: g
            for n, g in columns.items()
            if g.notna().any() and g.nunique() <= MAX_GROUPS and not _redundant(n, columns)
        }
    return pd.DataFrame(columns, index=subjects.index)


def _redundant(name: str, columns: dict[str, pd.Series]) -> bool:
    """Height and weight follow from BMI; a centre that is the scanner by another name follows from the vendor."""
    if name in ("height_cm", "weight_kg"):
        return "bmi" in columns and bool(columns["bmi"].notna().any())
    if name in ("centre", "scanner") and "vendor" in columns:
        pairs = columns[name].astype(str) + "|" + columns["vendor"].astype(str)
        return bool(pairs.nunique() == columns["vendor"].nunique() == columns[name].nunique())
    return False


def bins(values: pd.Series, name: str) -> dict[str, Bin] | None:
    """Where a continuous attribute is cut, from low to high; None for one that forms groups by its own values."""
    import pandas as pd

    present = values.dropna()
    if (
        present.empty
        or present.dtype.kind in "bOUS"
        or not pd.api.types.is_numeric_dtype(present)
        or present.nunique() <= 5
    ):
        return None
    if name == "bmi":
        return {n: Bin(low, high) for n, (low, high) in zip(BMI_NAMES, pairwise(BMI_EDGES), strict=True)}
    if name == "age":
        names = [f"under {DECADES[0]}", *(f"{a}-{a + 9}" for a in DECADES[:-1]), f"{DECADES[-1]} and over"]
        return {n: Bin(low, high) for n, (low, high) in zip(names, pairwise([-inf, *DECADES, inf]), strict=True)}
    edges = [float(e) for e in present.quantile([0.25, 0.5, 0.75]).unique()]
    return {n: Bin(low, high, "high") for n, (low, high) in zip(QUARTILES, pairwise([-inf, *edges, inf]), strict=False)}


def _groups(values: pd.Series, name: str) -> pd.Series:
    import pandas as pd

    cut = bins(values, name)
    if cut is None:
        return values.map(group_name, na_action="ignore").astype(object)
    edges = [next(iter(cut.values())).low, *(b.high for b in cut.values())]
    right = any(b.closed == "high" for b in cut.values())
    return pd.cut(values, edges, right=right, labels=list(cut)).astype(object)


def in_order(names: Iterable[str]) -> list[str]:
    """Groups in the order a reader expects: cut numbers from low to high, names by the alphabet."""
    known = [*BMI_NAMES, *QUARTILES]
    return sorted(
        names, key=lambda g: (known.index(g), "") if g in known else (g == "80 and over", "" if g == "under 40" else g)
    )


def group_name(value: object) -> str:
    """The group of a value that is not cut: itself, as a reader writes it."""
    if isinstance(value, float) and value.is_integer():
        return f"{value:g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
