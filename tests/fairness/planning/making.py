"""Random tables of subjects and random targets."""

from collections import Counter

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from synthcmr.fairness.planning.crossing import Groups
from synthcmr.fairness.planning.plan import Plan

VALUES = {
    "sex": ["female", "male"],
    "diagnosis": ["NOR", "DCM", "HCM"],
    "vendor": ["Siemens", "Philips", "GE"],
    "bmi": [17.2, 22.4, 27.1, 33.8],
}
LETTERS = tuple(VALUES)


@st.composite
def cohorts(draw: st.DrawFn) -> pd.DataFrame:
    """Two subjects or more; small numbers, so that many cells are empty; some values are missing."""
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns: dict[str, object] = {"subject_id": [f"s{i}" for i in range(n)]}
    for name, values in VALUES.items():
        favour = rng.dirichlet(np.full(len(values), 0.7))
        column = np.array(values, dtype=object)[rng.choice(len(values), n, p=favour)]
        if name == "bmi":
            column = (column.astype(float) + rng.normal(0, 0.3, n)).round(2)
        else:
            column[rng.random(n) < draw(st.sampled_from([0.0, 0.0, 0.2]))] = None
        columns[name] = column
    columns |= {"age": rng.uniform(30, 85, n).round(1), "height_cm": rng.normal(170, 9, n).clip(145, 200).round(1)}
    return pd.DataFrame(columns)


@st.composite
def crossings(draw: st.DrawFn) -> tuple[str, ...]:
    """One to three attributes."""
    return tuple(draw(st.permutations(LETTERS))[: draw(st.integers(1, 3))])


def observed(subjects: pd.DataFrame, names: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Subjects per cell, counted by other means than the plan's."""
    table = Groups.of(subjects).table[list(names)].dropna()
    return Counter(tuple(row) for row in table.to_numpy(dtype=object))


def made(subjects: pd.DataFrame, plan: Plan, names: tuple[str, ...]) -> Counter[tuple[str, ...]]:
    """Planned rows per cell, counted on what the rows say of themselves."""
    groups = Groups.of(subjects)
    return Counter(tuple(groups.group(n, row.attributes[n]) for n in names) for row in plan.rows)
