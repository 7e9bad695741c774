"""What a reader hands over: one subject as it was acquired, before any preprocessing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import ALL_STRUCTURES, Mask

Column = Value | npt.NDArray[np.object_]  # of a whole stack, or (frames, slices)


@dataclass(frozen=True)
class Stack:
    """Short-axis frames of one subject that share a geometry.

    Rows run down the displayed image, columns to the right. Slices may come in either order; ingest turns them base to
    apex where masks tell which end is which.
    """

    image: npt.NDArray[np.generic]  # (frames, slices, rows, columns), any real dtype
    mask: Mask | None  # same shape, canonical labels; None: nothing is labelled
    spacing_mm: tuple[float, float] | None  # (row, column) pixel size; None: unknown
    slice_step_mm: float | None  # between slice centres
    phases: tuple[str, ...]  # per frame: "ED", "ES" or "" (another phase, or unknown)
    labelled: tuple[
        tuple[str, ...], ...
    ] = ()  # per frame: structures its mask draws; default: all, where a mask is given
    affine: npt.NDArray[np.float64] | None = None  # (column, row, slice, 1) -> RAS+ millimetres
    slice_thickness_mm: float | None = None
    frame_indices: tuple[int, ...] = ()  # 0-based position of each frame in the whole cine
    trigger_ms: tuple[float, ...] = ()  # time after the R wave; empty: unknown
    slice_indices: tuple[int, ...] = ()  # positions of these slices in the subject's whole stack; default 0..n-1
    slices_ordered: bool = False  # True: slices are known to run base -> apex
    columns: Mapping[str, Column] = field(default_factory=dict)  # further columns of images.parquet

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.image.shape[0])

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return int(self.image.shape[1])

    def labelled_in(self, frame: int) -> tuple[str, ...]:
        """Structures that the mask of a frame draws."""
        if self.mask is None:
            return ()
        return self.labelled[frame] if self.labelled else ALL_STRUCTURES


@dataclass(frozen=True)
class RawSubject:
    """One subject: who it is and its stacks."""

    subject_id: str
    attributes: dict[str, object] = field(
        default_factory=dict
    )  # canonical names (see attributes.py) and any further ones
    stacks: tuple[Stack, ...] = ()
    origin: str = "real"  # "real", "phantom" or "synthetic"
    rejects: tuple[tuple[str, str], ...] = ()  # (part, reason): slices or files of this subject that could not be read
    notes: tuple[str, ...] = ()  # what the reader had to assume; recorded beside the rejects as level "note"
    official_split: str | None = None  # train, validation or test, where the makers of the data set drew it
    remarks: tuple[tuple[str, str], ...] = ()  # (part, text): further notes, of a part of the subject
    measures: Mapping[str, Value] = field(default_factory=dict)  # what a judge measured; one row of measures.parquet


@dataclass(frozen=True)
class Case:
    """One subject as a reader found it: enough to read it later in another process. Must pickle small."""

    case_id: str  # name shown in progress and rejects: a path relative to the source
    payload: dict[str, Any] = field(default_factory=dict)
