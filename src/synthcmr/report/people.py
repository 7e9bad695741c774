"""Who a cohort holds, as counts and ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.attributes import ATTRIBUTES, DRAWN

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 8  # of an attribute that is counted; of more, the rest is summed up


def people(subjects: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Attribute, how it is distributed, and how many subjects do not tell it."""
    found = []
    for name in subjects.columns:
        if name not in ATTRIBUTES:
            continue
        known = subjects[name].dropna()
        if len(known):
            found.append((name.replace("_", " "), _told(known), len(subjects) - len(known)))
    return found


def drawn(subjects: pd.DataFrame) -> str:
    """Attributes that were drawn for some of them because nobody asked for them; empty where there are none."""
    lists = subjects[DRAWN].dropna() if DRAWN in subjects else []
    names = {name for text in lists for name in text.split(",")}
    return ", ".join(name for name in ATTRIBUTES if name in names)


def _told(known: pd.Series) -> str:
    if known.dtype.kind in "fiu":
        low, middle, high = np.percentile(known.to_numpy(dtype=float), (5, 50, 95))
        return f"median {middle:.4g}, 90 % between {low:.4g} and {high:.4g}"
    counts = known.astype(str).value_counts()
    shown = ", ".join(f"{value} {count}" for value, count in counts.head(MOST_VALUES).items())
    return shown + (f", {len(counts) - MOST_VALUES} others" if len(counts) > MOST_VALUES else "")
