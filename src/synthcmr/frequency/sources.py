"""Cohorts and arrays as images to be looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.errors import CohortError
from synthcmr.frequency.files import FolderImages
from synthcmr.frequency.images import Images, Item, limits, percentile_range

ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class CohortImages:
    """The images of a cohort, or of one split of it."""

    cohort: Cohort
    split: str = "all"

    def __len__(self) -> int:
        """Number of images."""
        return len(self.cohort)

    @property
    def hash(self) -> str:
        """The cohort's."""
        return self.cohort.hash

    def __iter__(self) -> Iterator[Item]:
        """In the order of the table."""
        native, table = scale_is_native(self.cohort), self.cohort.table.to_dict("records")
        for rows in _stretches(table):
            image, _ = self.cohort.read_many(rows)
            for k, frames in zip(rows, image, strict=True):
                yield cohort_item({str(n): v for n, v in table[k].items()}, frames.astype(np.float32), native)


def _stretches(table: Sequence[dict[Any, Any]]) -> Iterator[list[int]]:
    """Rows that follow each other and have one size, some dozens at a time."""

    def size(k: int) -> tuple[Any, ...]:
        return tuple(table[k][name] for name in ("n_frames", "height", "width"))

    for _, alike in groupby(range(len(table)), key=size):
        rows = list(alike)
        yield from (rows[k : k + ROWS_AT_ONCE] for k in range(0, len(rows), ROWS_AT_ONCE))


def scale_is_native(cohort: Cohort) -> bool:
    """Whether intensities are the scanner's, without a scale of their own, as lossless ingest leaves them."""
    preprocess: dict[str, Any] = cohort.info.get("settings", {}).get("preprocess", {})
    return preprocess.get("intensity") == "none"


def scale_of(frames: npt.NDArray[np.floating], native: bool) -> tuple[float, float]:
    """The values that become 0 and 1: of native intensities the ends of their robust range."""
    if not native or not frames.size or not np.isfinite(frames).all():
        return 0.0, 1.0
    low, high = percentile_range(frames)
    return (low, high) if high > low else (0.0, 1.0)


def cohort_item(row: dict[str, Any], frames: npt.NDArray[np.floating], native: bool) -> Item:
    """One image of a cohort, in the scale in which images are compared."""
    dy, dx = (row.get(f"spacing_{axis}_mm", np.nan) for axis in ("row", "column"))
    known = dy is not None and dx is not None and dy == dy and dx == dx
    low, high = scale_of(frames, native)
    ends = tuple((end - low) / (high - low) for end in limits(frames)) if frames.size else (-np.inf, np.inf)
    return Item(
        str(row["image_id"]),
        str(row["subject_id"]),
        (frames - low) / (high - low),
        (float(dy), float(dx)) if known else None,
        dict(row),
        (ends[0], ends[1]),
    )


@dataclass(frozen=True)
class ArrayImages:
    """Arrays in memory: (images, rows, columns), (images, frames, rows, columns), or a list of images of any sizes."""

    arrays: npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]
    spacing_mm: tuple[float, float] | None = None
    subjects: Sequence[str] | None = None
    attributes: Sequence[dict[str, Any]] | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.arrays)

    @property
    def hash(self) -> str:
        """Of the pixels."""
        digest = hashlib.blake2b(digest_size=16)
        for image in self.arrays:
            digest.update(np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Item]:
        """In the order given."""
        for k, image in enumerate(self.arrays):
            frames = np.asarray(image)
            frames = frames[None] if frames.ndim == 2 else frames
            attributes = self.attributes[k] if self.attributes is not None else {}
            subject = str(self.subjects[k]) if self.subjects is not None else str(k)
            yield Item(str(k), subject, frames, self.spacing_mm, dict(attributes))


def open_images(path: Path, split: str | None = None, spacing_mm: tuple[float, float] | None = None) -> Images:
    """A cohort, or a folder of PNG, NIfTI, TIFF or NPY files.

    Args:
        path: of either.
        split: of a cohort: this split alone, where it has any.
        spacing_mm: pixels of a folder whose files do not tell them.

    Raises:
        CohortError: neither is there, or the split has no image.
    """
    if (path / COHORT_FILE).exists():
        return cohort_images(Cohort.open(path), split)
    return FolderImages.open(path, spacing_mm)


def cohort_images(cohort: Cohort, split: str | None = None) -> CohortImages:
    """The images of a cohort, or of one split where it has any.

    Raises:
        CohortError: the split has no image.
    """
    if split is None or "split" not in cohort.table or not cohort.table["split"].notna().any():
        return CohortImages(cohort)
    chosen = cohort.select(split=split)
    if not len(chosen):
        there = ", ".join(sorted(map(str, cohort.table["split"].dropna().unique())))
        raise CohortError(f"{cohort.path}: expected images of the split '{split}', found none; there are: {there}")
    return CohortImages(chosen, split)
