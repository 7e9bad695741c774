"""A subject as writers see it: its attributes and its acquisitions, each with all slices and frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthcmr.cohort.labels import ALL_STRUCTURES, Label
from synthcmr.cohort.subject_stack import SubjectStack

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Volume:
    """One acquisition: a stack, and the rows of images.parquet it came from."""

    stack: SubjectStack
    slice_rows: tuple[Row, ...]  # per slice, of the first image row that holds it
    slice_labelled: tuple[tuple[tuple[str, ...], ...], ...]  # per frame and slice: structures that the mask draws

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.stack.image.shape[0])

    def labelled_in(self, frame: int) -> tuple[str, ...]:
        """Structures drawn in any slice of a frame."""
        found = {name for names in self.slice_labelled[frame] for name in names}
        return tuple(name for name in ALL_STRUCTURES if name in found)

    def is_labelled(self) -> bool:
        """Whether any frame has a mask."""
        return any(self.labelled_in(t) for t in range(self.frame_count))

    def frame_name(self, frame: int) -> str:
        """Phase of a frame ("ED", "ES"), or its 0-based place in the cine such as "f07"."""
        return self.stack.phases[frame] or f"f{self.stack.frame_indices[frame]:02d}"


@dataclass(frozen=True)
class Subject:
    """One subject with its acquisitions in memory."""

    subject_id: str
    split: str | None
    attributes: dict[str, Any]  # those that are present
    volumes: tuple[Volume, ...]


def is_present(value: object) -> bool:
    """Whether a table's value says something; missing is None or NaN."""
    return value is not None and value == value


def without_gaps(volume: Volume) -> tuple[Volume, int]:
    """The volume with an empty, unlabelled slice wherever one is missing, and how many were put in.

    A file that stores one slice after another has no other way to keep the places of those behind the gap.
    """
    stack = volume.stack
    first, last = stack.slice_indices[0], stack.slice_indices[-1]
    count = last - first + 1
    if count == len(stack.slice_indices):
        return volume, 0
    at = [i - first for i in stack.slice_indices]
    image = np.zeros((stack.image.shape[0], count, *stack.image.shape[2:]), dtype=stack.image.dtype)
    mask = np.full(image.shape, Label.UNLABELLED, dtype=np.uint8)
    image[:, at], mask[:, at] = stack.image, stack.mask
    filled = replace(stack, image=image, mask=mask, slice_indices=tuple(range(first, last + 1)))
    rows = dict(zip(at, volume.slice_rows, strict=True))
    labelled = tuple(
        tuple(dict(zip(at, names, strict=True)).get(z, ()) for z in range(count)) for names in volume.slice_labelled
    )
    return Volume(filled, tuple(rows.get(z, {}) for z in range(count)), labelled), count - len(at)
