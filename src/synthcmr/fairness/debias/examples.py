"""The images of an experiment: a slice of ED and ES each, whose it is, and where the heart lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.errors import CohortError
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
    found = load_images(chosen.select(image_id=chosen.images["image_id"][keep].tolist()), None, FRAMES)
    place = {name: i for i, name in enumerate(people["subject_id"])}
    return Examples(found.image, np.array([place[name] for name in found.subject]), _centres(found.mask))


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
    found: npt.NDArray[np.int64] = np.where(size[:, None] > 0, np.stack(at, axis=1), middle).astype(np.int64)
    return found
