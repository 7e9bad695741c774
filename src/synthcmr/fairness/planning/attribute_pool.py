"""What a planned row takes from real subjects: which attributes, which of them are numbers to be smoothed, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.fairness.planning.crossing import Groups
from synthcmr.sampling.requests import FOLLOWED

if TYPE_CHECKING:
    import pandas as pd

SCANNER = ("field_strength_t",)  # numbers of the machine: what lies between them does not exist
MAX_DECIMALS = 3

Floats = npt.NDArray[np.float64]
Person = dict[str, Value]


@dataclass(frozen=True)
class AttributePool:
    """The counted subjects as plain people, and the numbers among their attributes."""

    names: tuple[str, ...]  # of all attributes
    people: tuple[Person, ...]
    groups: Groups
    numbers: tuple[str, ...]  # to be smoothed
    decimals: Mapping[str, int]  # as the cohort writes them
    ranges: Mapping[str, Mapping[str, tuple[float, float]]]  # sex, or "" for all -> number -> where there are people

    @classmethod
    def of(cls, subjects: pd.DataFrame, groups: Groups, also: tuple[str, ...]) -> AttributePool:
        """Take what generators follow, and the attributes that are planned for."""
        names = [n for n in dict.fromkeys((*FOLLOWED, *also)) if n in groups.table and subjects[n].notna().any()]
        people = tuple(_plain(row) for row in subjects[names].to_dict("records"))
        numbers = tuple(n for n in names if groups.bins[n] is not None and n not in SCANNER)
        return cls(
            tuple(names),
            people,
            groups,
            numbers,
            {n: _decimals(subjects[n]) for n in numbers},
            _ranges(people, numbers),
        )

    def values(self, people: list[Person]) -> Floats:
        """Their numbers, (people, numbers)."""
        rows = [[float(p.get(n, np.nan)) for n in self.numbers] for p in people]
        return np.array(rows, dtype=float).reshape(len(people), len(self.numbers))

    def rounded(self, values: Floats) -> Floats:
        """As the cohort writes them."""
        written = [round(float(v), self.decimals[n]) for n, v in zip(self.numbers, values, strict=True)]
        return np.array(written, dtype=float)

    def within(self, person: Person, fixed: Sequence[str]) -> bool:
        """Whether numbers lie where the cohort has people of this sex, or people at all for those that a cell fixes.

        A weight that follows from BMI and height may leave the cohort's range: both of them lie within theirs.
        """
        everyone = self.ranges[""]
        alike = self.ranges.get(str(person.get("sex", "")), everyone)
        follows = {"weight_kg"} if {"bmi", "height_cm"} <= person.keys() else set()
        checked = {n: (everyone if n in fixed else alike)[n] for n in self.numbers if n in person and n not in follows}
        return all(low <= float(person[n]) <= high for n, (low, high) in checked.items())

    def with_numbers(self, person: Person, values: Floats) -> Person:
        """A person with other numbers; weight follows from BMI and height."""
        new: Person = {n: float(v) for n, v in zip(self.numbers, values, strict=True) if not np.isnan(v)}
        generated = person | new
        if "bmi" in generated and "height_cm" in generated and "weight_kg" in self.names:
            kilos = float(generated["bmi"]) * (float(generated["height_cm"]) / 100.0) ** 2
            generated["weight_kg"] = round(kilos, max(1, self.decimals.get("weight_kg", 1)))
        return generated


def _plain(row: Mapping[Any, Any]) -> Person:
    import pandas as pd

    return {str(k): v.item() if hasattr(v, "item") else v for k, v in row.items() if not pd.isna(v)}


def _ranges(people: Sequence[Person], numbers: Sequence[str]) -> dict[str, dict[str, tuple[float, float]]]:
    """Least and greatest of every number among all people and among those of each sex; all people's, where none of a sex has it."""
    results: dict[str, dict[str, tuple[float, float]]] = {}
    for sex in ("", *sorted({str(p["sex"]) for p in people if "sex" in p})):
        there = [p for p in people if not sex or p.get("sex") == sex]
        values = {n: [float(p[n]) for p in there if n in p] for n in numbers}
        results[sex] = {n: (min(v), max(v)) if v else results[""][n] for n, v in values.items()}
    return results


def _decimals(values: pd.Series) -> int:
    present = values.dropna().to_numpy(dtype=float)
    return next((d for d in range(MAX_DECIMALS) if np.allclose(present, present.round(d), atol=1e-9)), MAX_DECIMALS)
