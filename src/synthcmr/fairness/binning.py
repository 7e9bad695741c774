"""Attributes as groups: continuous ones cut where readers expect it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BMI_EDGES, BMI_NAMES = [0, 18.5, 25, 30, 200], ["underweight", "normal weight", "overweight", "obese"]  # WHO
QUARTILES = ["lowest quarter", "second quarter", "third quarter", "highest quarter"]
MAX_GROUPS = 12
BOOKKEEPING = {"subject_id", "split", "subject_id_given"}


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
            raise ValueError(f"--by: no attribute {', '.join(unknown)}; there are: {', '.join(subjects.columns)}")
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
    """Height and weight are told by BMI; a centre that is the scanner by another name is told by the vendor."""
    if name in ("height_cm", "weight_kg"):
        return "bmi" in columns and bool(columns["bmi"].notna().any())
    if name in ("centre", "scanner") and "vendor" in columns:
        pairs = columns[name].astype(str) + "|" + columns["vendor"].astype(str)
        return bool(pairs.nunique() == columns["vendor"].nunique() == columns[name].nunique())
    return False


def _groups(values: pd.Series, name: str) -> pd.Series:
    import pandas as pd

    present = values.dropna()
    if (
        present.empty
        or present.dtype.kind in "bOUS"
        or not pd.api.types.is_numeric_dtype(present)
        or present.nunique() <= 5
    ):
        return values.map(_name, na_action="ignore").astype(object)
    if name == "bmi":
        return pd.cut(values, BMI_EDGES, right=False, labels=BMI_NAMES).astype(object)
    if name == "age":
        return _decades(values)
    edges = present.quantile([0.25, 0.5, 0.75]).unique()
    cut = pd.cut(values, [-float("inf"), *edges, float("inf")], labels=QUARTILES[: len(edges) + 1])
    return cut.astype(object)


def _decades(age: pd.Series) -> pd.Series:
    """Decades, with the sparse young and old ones joined."""
    return age.map(
        lambda a: (
            "under 40" if a < 40 else "80 and over" if a >= 80 else f"{int(a // 10) * 10}-{int(a // 10) * 10 + 9}"
        ),
        na_action="ignore",
    )


def in_order(names: Iterable[str]) -> list[str]:
    """Groups in the order a reader expects: cut numbers from low to high, names by the alphabet."""
    known = [*BMI_NAMES, *QUARTILES]
    return sorted(
        names, key=lambda g: (known.index(g), "") if g in known else (g == "80 and over", "" if g == "under 40" else g)
    )


def _name(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
