"""The subjects that a plan counts, the cells they form, and what a planned row takes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.grouping import BOOKKEEPING, Bin, bins, group_name, grouped, in_order
from synthcmr.conditioning.vocabulary import FOLLOWED
from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "train"
MAX_CELLS = 2000
SUFFIX = "_class"  # bmi_class is bmi, as groups
UNKNOWN = "not known"

Cell = tuple[str, ...]
SCANNER = ("field_strength_t",)  # numbers of the machine: what lies between them does not exist
MAX_DECIMALS = 3

Floats = npt.NDArray[np.float64]
Person = dict[str, Value]


@dataclass(frozen=True)
class Crossing:
    """Cells of some attributes' groups."""

    attributes: tuple[str, ...]
    of: dict[int, Cell]  # position of a subject -> its cell; who misses an attribute has none
    cells: tuple[Cell, ...]
    unknown: int  # subjects that miss one of the attributes

    def counts(self) -> dict[Cell, int]:
        """Real subjects in every cell."""
        result = dict.fromkeys(self.cells, 0)
        for cell in self.of.values():
            result[cell] += 1
        return result

    def members(self) -> dict[Cell, list[int]]:
        """Positions of the subjects of every cell."""
        results: dict[Cell, list[int]] = {cell: [] for cell in self.cells}
        for position, cell in self.of.items():
            results[cell].append(position)
        return results


@dataclass(frozen=True)
class Groups:
    """How the attributes of the counted subjects form groups; planned values are put into the same ones."""

    table: pd.DataFrame  # per subject and attribute: its group, or null
    bins: dict[str, dict[str, Bin] | None]

    @classmethod
    def of(cls, subjects: pd.DataFrame) -> Groups:
        """Of all attributes."""
        names = [str(c) for c in subjects.columns if c not in BOOKKEEPING]
        return cls(grouped(subjects, tuple(names)), {name: bins(subjects[name], name) for name in names})

    def group(self, name: str, value: object) -> str:
        """The group of a value."""
        cut = self.bins[name]
        if cut is None:
            return group_name(value)
        return next((group for group, b in cut.items() if b.holds(float(str(value)))), "")


def training_subjects(subjects: pd.DataFrame, origin: str) -> tuple[pd.DataFrame, str]:
    """Those that may be counted and drawn from, and a sentence that says who they are.

    Raises:
        SettingsError: the cohort has splits, but no training split.
    """
    split = subjects["split"].dropna() if "split" in subjects else subjects.iloc[:, 0].iloc[:0]
    split = split[split != ""]
    if split.empty:
        return subjects.reset_index(drop=True), f"The cohort has no splits: all {len(subjects)} subjects are counted."
    train = subjects[subjects["split"] == TRAIN].reset_index(drop=True)
    if train.empty:
        there = ", ".join(f"{n} of {name}" for name, n in split.value_counts().items())
        raise SettingsError(
            f"{origin}: expected subjects of the training split to plan from, got {there}; validation and test subjects never reach a plan"
        )
    return (
        train,
        f"Only the {len(train)} subjects of the training split are counted; validation and test subjects are not used.",
    )


def resolve(names: tuple[str, ...], subjects: pd.DataFrame, flag: str) -> tuple[str, ...]:
    """Names of columns, each with a value in some subject; `bmi_class` is another name of `bmi`.

    Raises:
        SettingsError: a name is no attribute, or no subject has a value of it.
    """
    usable = [str(c) for c in subjects.columns if c not in BOOKKEEPING and subjects[c].notna().any()]
    chosen = tuple(n.removesuffix(SUFFIX) if n not in usable and n.endswith(SUFFIX) else n for n in names)
    for name in chosen:
        if name in usable:
            continue
        exists = name in subjects.columns and name not in BOOKKEEPING
        wrong = f"no subject that is counted has a value of '{name}'" if exists else f"no attribute '{name}'"
        raise SettingsError(f"{flag}: {wrong}; there are: {', '.join(usable)}")
    if len(set(chosen)) < len(chosen):
        raise SettingsError(f"{flag}: expected different attributes, got {', '.join(names)}")
    return chosen


def cross(groups: Groups, attributes: tuple[str, ...], flag: str) -> Crossing:
    """All cells of the observed groups, occupied or not.

    Raises:
        SettingsError: there are too many of them to be groups.
    """
    of = _known(groups, attributes)
    observed = [in_order({cell[k] for cell in of.values()}) for k in range(len(attributes))]
    count = 1
    for names in observed:
        count *= len(names)
    if count > MAX_CELLS:
        raise SettingsError(
            f"{flag}: expected attributes that form groups, got {count} cells of {', '.join(attributes)}; at most {MAX_CELLS} can be"
        )
    if not of:
        raise SettingsError(f"{flag}: no subject that is counted has a value of all of {', '.join(attributes)}")
    return Crossing(attributes, of, tuple(product(*observed)), len(groups.table) - len(of))


def occupied(groups: Groups, attributes: tuple[str, ...]) -> Crossing:
    """The cells that have subjects; what is missing is a group of its own, because copies leave no subject out."""
    of = {
        i: tuple(g if isinstance(g, str) else UNKNOWN for g in row) for i, row in enumerate(_rows(groups, attributes))
    }
    return Crossing(attributes, of, tuple(sorted(set(of.values()))), 0)


def _known(groups: Groups, attributes: tuple[str, ...]) -> dict[int, Cell]:
    return {i: row for i, row in enumerate(_rows(groups, attributes)) if all(isinstance(g, str) for g in row)}


def _rows(groups: Groups, attributes: tuple[str, ...]) -> list[Cell]:
    return [tuple(row) for row in groups.table[list(attributes)].to_numpy(dtype=object)]


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
