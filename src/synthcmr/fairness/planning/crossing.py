"""The subjects that a plan counts, and the cells they form."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from synthcmr.cohort.grouping import BOOKKEEPING, Bin, bins, group_name, grouped, in_order
from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "train"
MAX_CELLS = 2000
SUFFIX = "_class"  # bmi_class is bmi, as groups
UNKNOWN = "not known"

Cell = tuple[str, ...]


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
    """The cells in which there is somebody; what is missing is a group of its own, because copies leave no subject out."""
    of = {
        i: tuple(g if isinstance(g, str) else UNKNOWN for g in row) for i, row in enumerate(_rows(groups, attributes))
    }
    return Crossing(attributes, of, tuple(sorted(set(of.values()))), 0)


def _known(groups: Groups, attributes: tuple[str, ...]) -> dict[int, Cell]:
    return {i: row for i, row in enumerate(_rows(groups, attributes)) if all(isinstance(g, str) for g in row)}


def _rows(groups: Groups, attributes: tuple[str, ...]) -> list[Cell]:
    return [tuple(row) for row in groups.table[list(attributes)].to_numpy(dtype=object)]
