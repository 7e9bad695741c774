"""A subject's slices put together again: what writers and volume models need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.labels import Mask, in_canonical_order
from synthcmr.cohort.tables import is_present

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SubjectStack:
    """All slices of one stack with the same frames, base to apex where the order is known."""

    subject_id: str
    stack: int
    image: npt.NDArray[np.float32]  # (frames, slices, rows, columns)
    mask: Mask  # same shape
    phases: tuple[str, ...]
    frame_indices: tuple[int, ...]
    slice_indices: tuple[int, ...]
    slice_labelled: tuple[tuple[tuple[str, ...], ...], ...]  # per frame and slice: structures that the mask draws
    slice_levels: tuple[str | None, ...]  # "basal", "mid", "apical"; None where no mask tells
    slice_counts: tuple[int, ...]  # of the acquisition, as each slice states it
    spacing_mm: tuple[float, float] | None
    slice_step_mm: float | None
    slice_thickness_mm: float | None
    affine: (
        npt.NDArray[np.float64] | None
    )  # (column, row, slice index, 1) -> RAS mm; counts slices from slice_indices[0]
    trigger_ms: tuple[float, ...]
    origin: str

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.image.shape[0])

    @property
    def labelled(self) -> tuple[str, ...]:
        """Per frame the structures drawn in any slice, e.g. "lv,myo,rv"."""
        return tuple(",".join(self.labelled_in(t)) for t in range(self.frame_count))

    def labelled_in(self, frame: int) -> tuple[str, ...]:
        """Structures drawn in any slice of a frame."""
        return in_canonical_order({name for names in self.slice_labelled[frame] for name in names})

    def is_labelled(self) -> bool:
        """Whether any frame has a mask."""
        return any(map(self.labelled_in, range(self.frame_count)))

    def frame_name(self, frame: int) -> str:
        """Phase of a frame ("ED", "ES"), or its 0-based place in the cine such as "f07"."""
        return self.phases[frame] or f"f{self.frame_indices[frame]:02d}"


def read_stacks(rows: pd.DataFrame, frames: FrameReader) -> list[SubjectStack]:
    """The stacks of one subject: all slices that have the same frames, put together from its rows of images.parquet."""
    if rows.empty:
        return []
    image, mask = _block(rows, "image", frames), _block(rows, "mask", frames)
    groups = rows.groupby(["stack", rows["frame_indices"].map(tuple)], sort=True)
    return [_assemble(group.sort_values("slice_index", kind="stable"), image, mask) for _, group in groups]


def _block(rows: pd.DataFrame, name: str, frames: FrameReader) -> Callable[[Any], npt.NDArray[Any]]:
    """All frames of a subject in one read: they lie side by side, and a read costs far more than its pixels."""
    start, end = int(rows["first_frame"].min()), int((rows["first_frame"] + rows["n_frames"]).max())
    block = frames.read(name, start, end - start, int(rows["height"].max()), int(rows["width"].max()))
    kind = np.float32 if name == "image" else np.uint8

    def of_row(row: Any) -> npt.NDArray[Any]:
        first = row.first_frame - start
        return block[first : first + row.n_frames, : row.height, : row.width].astype(kind, copy=False)

    return of_row


def _assemble(
    rows: pd.DataFrame, image: Callable[[Any], npt.NDArray[Any]], mask: Callable[[Any], npt.NDArray[Any]]
) -> SubjectStack:
    """One stack from its rows in the order of slices; `image` and `mask` give the pixels of a row."""
    first = rows.iloc[0]
    spacing = (first["spacing_row_mm"], first["spacing_column_mm"])
    return SubjectStack(
        subject_id=str(first["subject_id"]),
        stack=int(first["stack"]),
        image=np.stack([image(row) for row in rows.itertuples()], axis=1),
        mask=np.stack([mask(row) for row in rows.itertuples()], axis=1),
        phases=tuple(first["phases"]),
        frame_indices=tuple(int(i) for i in first["frame_indices"]),
        slice_indices=tuple(int(i) for i in rows["slice_index"]),
        slice_labelled=tuple(zip(*(map(_names, texts) for texts in rows["labelled"]), strict=True)),
        slice_levels=tuple(level if is_present(level) else None for level in rows["slice_level"]),
        slice_counts=tuple(int(count) for count in rows["slice_count"]),
        spacing_mm=(float(spacing[0]), float(spacing[1])) if is_present(spacing[0]) else None,
        slice_step_mm=_present(first["slice_step_mm"]),
        slice_thickness_mm=_present(first["slice_thickness_mm"]),
        affine=_affine(first["affine"], int(first["slice_index"])),
        trigger_ms=tuple(float(t) for t in first["trigger_ms"]) if first["trigger_ms"] is not None else (),
        origin=str(first["origin"]),
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _present(value: float) -> float | None:
    return float(value) if is_present(value) else None


def _affine(flat: object, first_slice: int) -> npt.NDArray[np.float64] | None:
    """The stored affine counts by slice_index; the assembled stack counts from its own first slice."""
    if flat is None:
        return None
    affine = np.asarray(flat, dtype=np.float64).reshape(4, 4)
    shift = np.eye(4)
    shift[2, 3] = first_slice
    return affine @ shift
