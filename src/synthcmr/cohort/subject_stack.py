"""A subject's slices put together again: what writers and volume models need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask, in_canonical_order

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
    labelled: tuple[str, ...]  # per frame, e.g. "lv,myo,rv"; the union over slices
    frame_indices: tuple[int, ...]
    slice_indices: tuple[int, ...]
    spacing_mm: tuple[float, float] | None
    slice_step_mm: float | None
    slice_thickness_mm: float | None
    affine: (
        npt.NDArray[np.float64] | None
    )  # (column, row, slice index, 1) -> RAS mm; counts slices from slice_indices[0]
    trigger_ms: tuple[float, ...]
    origin: str


def assemble(
    rows: pd.DataFrame,
    positions: list[int],
    image: Callable[[int], npt.NDArray[np.float32]],
    mask: Callable[[int], Mask],
) -> SubjectStack:
    """Put the rows of one stack together.

    Args:
        rows: rows of images.parquet of one stack and one set of frames.
        positions: where these rows stand in the cohort, in the same order.
        image: reads the pixels of a position, (frames, rows, columns).
        mask: reads the labels of a position.
    """
    order = np.argsort(rows["slice_index"].to_numpy(), kind="stable")
    ordered = rows.iloc[order]
    first = ordered.iloc[0]
    where = [positions[i] for i in order]
    spacing = (first["spacing_row_mm"], first["spacing_column_mm"])
    return SubjectStack(
        subject_id=str(first["subject_id"]),
        stack=int(first["stack"]),
        image=np.stack([image(i) for i in where], axis=1),
        mask=np.stack([mask(i) for i in where], axis=1),
        phases=tuple(first["phases"]),
        labelled=tuple(_union(column) for column in zip(*ordered["labelled"], strict=True)),
        frame_indices=tuple(int(i) for i in first["frame_indices"]),
        slice_indices=tuple(int(i) for i in ordered["slice_index"]),
        spacing_mm=(float(spacing[0]), float(spacing[1])) if spacing[0] == spacing[0] else None,
        slice_step_mm=_present(first["slice_step_mm"]),
        slice_thickness_mm=_present(first["slice_thickness_mm"]),
        affine=_affine(first["affine"], int(first["slice_index"])),
        trigger_ms=tuple(float(t) for t in first["trigger_ms"]) if first["trigger_ms"] is not None else (),
        origin=str(first["origin"]),
    )


def _union(labelled: tuple[str, ...]) -> str:
    return ",".join(in_canonical_order({name for text in labelled for name in text.split(",")}))


def _present(value: float) -> float | None:
    return float(value) if value is not None and value == value else None


def _affine(flat: object, first_slice: int) -> npt.NDArray[np.float64] | None:
    """The stored affine counts by slice_index; the assembled stack counts from its own first slice."""
    if flat is None:
        return None
    affine = np.asarray(flat, dtype=np.float64).reshape(4, 4)
    shift = np.eye(4)
    shift[2, 3] = first_slice
    return affine @ shift
