"""What an experiment works on: the people and images of the real cohort and of the synthetic sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.fairness.debias.examples import Examples, read_examples
from synthcmr.fairness.debias.people import at_prevalence, check_scored, people_of
from synthcmr.fairness.debias.settings import DebiasSettings

if TYPE_CHECKING:
    import pandas as pd

REAL = "real"
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Some people with their images."""

    people: pd.DataFrame
    examples: Examples

    def of(self, split: str) -> Part:
        """Those of a split."""
        rows = np.flatnonzero((self.people["split"] == split).to_numpy())
        return Part(self.people.iloc[rows].reset_index(drop=True), self.examples.of(rows))

    @property
    def label(self) -> Indices:
        """1 for the sick."""
        return self.people["label"].to_numpy(dtype=np.int64)


@dataclass(frozen=True)
class Data:
    """The real cohort, and the synthetic sets by name."""

    real: Part
    sets: Mapping[str, Part]
    spacing_mm: float


def read_data(cohort: Path, sets: Mapping[str, Path], settings: DebiasSettings) -> Data:
    """Read everything once in each process."""
    return _read(cohort, tuple(sorted(sets.items())), settings.model_dump_json())


@lru_cache(maxsize=1)
def _read(cohort: Path, sets: tuple[tuple[str, Path], ...], told: str) -> Data:
    settings = DebiasSettings.model_validate_json(told)
    opened = {REAL: Cohort.open(cohort)} | {name: Cohort.open(path) for name, path in sets}
    people = all_people(opened, settings)
    parts = {name: Part(rows, read_examples(opened[name], rows, settings.slices)) for name, rows in people.items()}
    parts = {name: _with_images(part, opened[name]) for name, part in parts.items()}
    spacing = float(opened[REAL].images["spacing_row_mm"].median())
    return Data(parts.pop(REAL), parts, spacing)


def all_people(cohorts: Mapping[str, Cohort], settings: DebiasSettings) -> dict[str, pd.DataFrame]:
    """The people of each cohort; groups are formed over all of them together, so that they mean the same."""
    import pandas as pd

    tables = [cohort.subjects.assign(source=name) for name, cohort in cohorts.items()]
    everyone = pd.concat(tables, ignore_index=True)
    lacking = [n for n, t in zip(cohorts, tables, strict=True) if settings.label not in t.columns]
    if lacking:
        raise CohortError(
            f"{', '.join(lacking)}: expected the label '{settings.label}' among the attributes, found none"
        )
    source = everyone[everyone[settings.label].notna()]["source"].reset_index(drop=True)
    found = people_of(everyone, settings)
    each = {name: found[(source == name).to_numpy()].reset_index(drop=True) for name in cohorts}
    each[REAL] = at_prevalence(each[REAL], settings.prevalence, settings.seed)
    check_scored(each[REAL])
    return each


def _with_images(part: Part, cohort: Cohort) -> Part:
    """Only those people of whom there is an image."""
    seen = np.unique(part.examples.person)
    if not len(seen):
        raise CohortError(f"{cohort.path}: none of the subjects has an image that can be used")
    return Part(part.people.iloc[seen].reset_index(drop=True), part.examples.of(seen))
