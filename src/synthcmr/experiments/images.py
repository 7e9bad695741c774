"""The images of an experiment: a slice at ED and ES each, of the real cohort and of the synthetic sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.errors import CohortError
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.subjects import at_prevalence, check_scored, people_of
from synthcmr.training.images import load_images

if TYPE_CHECKING:
    import pandas as pd


FRAMES = 2  # ED and ES


@dataclass(frozen=True)
class Examples:
    """Images with the subject of each; `person` are rows of a table of people."""

    image: npt.NDArray[np.float16]  # (images, frames, rows, columns), 0 to 1
    person: npt.NDArray[np.int64]
    centre: npt.NDArray[np.int64]  # (images, 2): row and column of the middle of the heart

    def __len__(self) -> int:
        """Number of images."""
        return len(self.image)

    def of(self, people: npt.NDArray[np.int64]) -> Examples:
        """The images of some people, who are renumbered in this order."""
        place = np.full(int(max(self.person.max(initial=0), people.max(initial=0))) + 1, -1)
        place[people] = np.arange(len(people))
        kept = np.flatnonzero(place[self.person] >= 0)
        return Examples(self.image[kept], place[self.person[kept]], self.centre[kept])

    def cropped(self, side: int) -> Examples:
        """A window of so many pixels around each heart."""
        rows, columns = self.image.shape[2:]
        side = min(side, rows, columns)
        top = (self.centre[:, 0] - side // 2).clip(0, rows - side)
        left = (self.centre[:, 1] - side // 2).clip(0, columns - side)
        image = np.stack([one[:, y : y + side, x : x + side] for one, y, x in zip(self.image, top, left, strict=True)])
        return Examples(image, self.person, np.full_like(self.centre, side // 2))


def read_examples(cohort: Cohort, people: pd.DataFrame, slices: str) -> Examples:
    """The images of the people of a cohort.

    Args:
        cohort: has ED and ES of a slice in one image.
        people: rows with subject_id and split.
        slices: mid, central or all.

    Raises:
        CohortError: none of their images fits.
    """
    chosen = cohort.select(subject_id=people["subject_id"].tolist())
    keep = _wanted(chosen.images, dict(zip(people["subject_id"], people["split"], strict=True)), slices)
    if not keep.any():
        raise CohortError(
            f"{cohort.path}: expected slices of level '{slices}', found none; take all with --set slices=all"
        )
    result = load_images(chosen.select(image_id=chosen.images["image_id"][keep].tolist()), None, FRAMES)
    place = {name: i for i, name in enumerate(people["subject_id"])}
    return Examples(result.image, np.array([place[name] for name in result.subject]), _centres(result.mask))


def joined(parts: Sequence[tuple[Examples, int]]) -> Examples:
    """Images of several tables of people that are put below each other; each part comes with the first row of its people.

    Raises:
        CohortError: their images differ in size.
    """
    sizes = {part.image.shape[1:] for part, _ in parts}
    if len(sizes) > 1:
        raise CohortError(
            f"real and synthetic images: expected one size, got {', '.join('x'.join(map(str, s[1:])) for s in sorted(sizes))}; "
            "generate with --size, or ingest with --size"
        )
    return Examples(
        np.concatenate([part.image for part, _ in parts]),
        np.concatenate([part.person + start for part, start in parts]),
        np.concatenate([part.centre for part, _ in parts]),
    )


def _wanted(images: pd.DataFrame, split: dict[str, str], slices: str) -> npt.NDArray[np.bool_]:
    if slices == "all":
        return np.ones(len(images), dtype=bool)
    if slices == "mid":
        return (images["slice_level"] == "mid").to_numpy()
    alone = (images["slice_count"] == 1).to_numpy()  # one slice is the one that was wanted
    off = (images["slice_index"] - images["slice_count"] // 2).abs()
    near = images["subject_id"].map(split).map({"train": 1}).fillna(0)
    return (off <= near).to_numpy() | alone


def _centres(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Middle of what is labelled as heart; of the image where nothing is, as ingest centres images on hearts."""
    heart = ((mask == Label.LV) | (mask == Label.MYOCARDIUM) | (mask == Label.RV)).any(axis=1)
    rows, columns = heart.shape[1:]
    size = heart.sum(axis=(1, 2))
    at = [
        (heart.sum(axis=other) * np.arange(length)).sum(axis=1) / np.maximum(size, 1)
        for other, length in ((2, rows), (1, columns))
    ]
    middle = np.array([rows // 2, columns // 2])
    result: npt.NDArray[np.int64] = np.where(size[:, None] > 0, np.stack(at, axis=1), middle).astype(np.int64)
    return result


REAL = "real"
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledImages:
    """Some people with their images."""

    people: pd.DataFrame
    examples: Examples

    def of(self, split: str) -> LabelledImages:
        """Those of a split."""
        rows = np.flatnonzero((self.people["split"] == split).to_numpy())
        return LabelledImages(self.people.iloc[rows].reset_index(drop=True), self.examples.of(rows))

    @property
    def label(self) -> Indices:
        """1 for the sick."""
        return self.people["label"].to_numpy(dtype=np.int64)


@dataclass(frozen=True)
class ExperimentData:
    """The real cohort, and the synthetic sets by name."""

    real: LabelledImages
    sets: Mapping[str, LabelledImages]
    spacing_mm: float


def read_data(cohort: Path, sets: Mapping[str, Path], settings: DebiasSettings) -> ExperimentData:
    """Read everything once in each process."""
    return _read(cohort, tuple(sorted(sets.items())), settings.model_dump_json())


@lru_cache(maxsize=1)
def _read(cohort: Path, sets: tuple[tuple[str, Path], ...], text: str) -> ExperimentData:
    settings = DebiasSettings.model_validate_json(text)
    opened = {REAL: Cohort.open(cohort)} | {name: Cohort.open(path) for name, path in sets}
    people = all_people(opened, settings)
    parts = {
        name: LabelledImages(rows, read_examples(opened[name], rows, settings.slices)) for name, rows in people.items()
    }
    parts = {name: _with_images(part, opened[name]) for name, part in parts.items()}
    spacing = float(opened[REAL].images["spacing_row_mm"].median())
    return ExperimentData(parts.pop(REAL), parts, spacing)


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
    result = people_of(everyone, settings)
    each = {name: result[(source == name).to_numpy()].reset_index(drop=True) for name in cohorts}
    each[REAL] = at_prevalence(each[REAL], settings.prevalence, settings.seed)
    check_scored(each[REAL])
    return each


def _with_images(part: LabelledImages, cohort: Cohort) -> LabelledImages:
    """Only those people of whom there is an image."""
    seen = np.unique(part.examples.person)
    if not len(seen):
        raise CohortError(f"{cohort.path}: none of the subjects has an image that can be used")
    return LabelledImages(part.people.iloc[seen].reset_index(drop=True), part.examples.of(seen))
