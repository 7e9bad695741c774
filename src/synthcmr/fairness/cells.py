"""Counts of groups and crossings, what they are worth, and who is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.grouping import in_order

if TYPE_CHECKING:
    import pandas as pd

FEW = 0.25  # a cell is near-empty when it holds less than this share of what independence would give
MIN_EXPECTED = 2.0  # cells of which fewer were to be expected say nothing by being empty
MAX_MISSING_CELLS = 12
SPEAKING = {"sex", "bmi", "age"}  # whose groups say what they are of


@dataclass(frozen=True)
class AttributeCounts:
    """One attribute: how many subjects in every group."""

    name: str
    n: int
    missing: int
    groups: dict[str, int]
    effective_groups: float  # inverse Simpson index: so many equal groups is it worth
    imbalance: float  # largest over smallest group
    effective_n: float  # Kish's, when groups are weighted to count the same


@dataclass(frozen=True)
class MissingCell:
    """A crossing with far fewer subjects than its margins promise."""

    attributes: tuple[str, ...]
    groups: tuple[str, ...]
    count: int
    expected: float


def count_attribute(groups: pd.Series) -> AttributeCounts:
    """Counts of one attribute's groups."""
    present = groups.dropna().astype(str)
    sizes_of = present.value_counts()
    counts = {group: int(sizes_of[group]) for group in in_order(sizes_of.index)}
    sizes = np.array(list(counts.values()), dtype=float)
    return AttributeCounts(
        name=str(groups.name),
        n=len(present),
        missing=int(groups.isna().sum()),
        groups=counts,
        effective_groups=inverse_simpson(sizes),
        imbalance=float(sizes.max() / sizes.min()) if sizes.size else 0.0,
        effective_n=kish_equal_groups(sizes),
    )


def inverse_simpson(sizes: np.ndarray) -> float:
    """How many groups of equal size have the same diversity."""
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.sum() else 0.0


def kish_equal_groups(sizes: np.ndarray) -> float:
    """Effective sample size when every subject is weighted by the inverse of its group's size."""
    sizes = sizes[sizes > 0]
    return float(sizes.size**2 / (1.0 / sizes).sum()) if sizes.size else 0.0


def crossing(groups: pd.DataFrame, a: str, b: str) -> dict[str, dict[str, int]]:
    """Counts of a crossing of two attributes, empty cells included."""
    both = groups[[a, b]].dropna().astype(str)
    table = both.groupby([a, b], observed=True).size()
    rows, columns = in_order(both[a].unique()), in_order(both[b].unique())
    return {r: {c: int(table.get((r, c), 0)) for c in columns} for r in rows}


def missing_cells(groups: pd.DataFrame, label: str | None) -> list[MissingCell]:
    """Crossings that are empty or nearly so though their margins are not, those most to be expected first.

    Pairs of attributes, and where there is a label, the label within pairs.
    """
    names = list(groups.columns)
    sets: list[tuple[str, ...]] = list(combinations(names, 2))
    if label in names:
        sets += [(str(label), a, b) for a, b in combinations([n for n in names if n != label], 2)]
    results: list[MissingCell] = []
    for chosen in sets:  # pairs first: a triple that a missing pair already implies is not repeated
        results += [cell for cell in _short_of(groups, chosen) if not any(_implied(cell, known) for known in results)]
    results.sort(key=lambda c: -(c.expected - c.count))
    return results[:MAX_MISSING_CELLS]


def in_words(attributes: Iterable[str], groups: Iterable[str]) -> str:
    """A crossing in words: "female, diagnosis DCM, obese"."""
    return ", ".join(
        g if a in SPEAKING else f"{a.replace('_', ' ')} {g}" for a, g in zip(attributes, groups, strict=True)
    )


def _implied(cell: MissingCell, known: MissingCell) -> bool:
    own = set(zip(cell.attributes, cell.groups, strict=True))
    return len(known.attributes) < len(cell.attributes) and set(zip(known.attributes, known.groups, strict=True)) <= own


def _short_of(groups: pd.DataFrame, names: tuple[str, ...]) -> list[MissingCell]:
    present = groups[list(names)].dropna().astype(str)
    n = len(present)
    if n == 0:
        return []
    shares = [present[k].value_counts(normalize=True) for k in names]
    counts = present.value_counts()
    results = []
    for cell in product(*(s.index for s in shares)):
        expected = n * float(np.prod([s[g] for s, g in zip(shares, cell, strict=True)]))
        count = int(counts.get(cell, 0))
        if expected >= MIN_EXPECTED and count < FEW * expected:
            results.append(MissingCell(names, tuple(map(str, cell)), count, expected))
    return results
