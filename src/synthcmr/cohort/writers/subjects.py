"""A subject as writers see it: its attributes and its stacks with all slices and frames, streamed from a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.labels import Label
from synthcmr.cohort.subject_stack import SubjectStack, assemble
from synthcmr.cohort.tables import is_present
from synthcmr.cohort.writer import ARRAYS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Subject:
    """One subject with its stacks in memory."""

    subject_id: str
    split: str | None
    attributes: dict[str, Any]  # those that are present
    stacks: tuple[SubjectStack, ...]


def without_gaps(stack: SubjectStack) -> tuple[SubjectStack, int]:
    """The stack with an empty, unlabelled slice wherever one is missing, and how many were put in.

    A file that stores one slice after another has no other way to keep the places of those behind the gap.
    """
    first, last = stack.slice_indices[0], stack.slice_indices[-1]
    count = last - first + 1
    if count == len(stack.slice_indices):
        return stack, 0
    at = [i - first for i in stack.slice_indices]
    image = np.zeros((stack.frame_count, count, *stack.image.shape[2:]), dtype=stack.image.dtype)
    mask = np.full(image.shape, Label.UNLABELLED, dtype=np.uint8)
    image[:, at], mask[:, at] = stack.image, stack.mask

    def spread(values: Sequence[Any], empty: Any) -> tuple[Any, ...]:
        own = dict(zip(at, values, strict=True))
        return tuple(own.get(z, empty) for z in range(count))

    filled = replace(
        stack,
        image=image,
        mask=mask,
        slice_indices=tuple(range(first, last + 1)),
        slice_labelled=tuple(spread(names, ()) for names in stack.slice_labelled),
        slice_levels=spread(stack.slice_levels, None),
        slice_counts=spread(stack.slice_counts, count),
    )
    return filled, count - len(at)


def iter_subjects(cohort: Cohort) -> Iterator[Subject]:
    """Every subject of a cohort or selection, one in memory at a time."""
    places = cohort.images.groupby("subject_id", sort=False).indices
    frames = FrameReader(cohort.path / ARRAYS)
    for row in cohort.subjects.to_dict("records"):
        subject_id = str(row["subject_id"])
        attributes = {str(k): v for k, v in row.items() if k not in ("subject_id", "split") and is_present(v)}
        split = row.get("split")
        stacks = _stacks(cohort.images.iloc[places.get(subject_id, [])], frames)
        yield Subject(subject_id, str(split) if is_present(split) else None, attributes, stacks)


def _stacks(rows: pd.DataFrame, frames: FrameReader) -> tuple[SubjectStack, ...]:
    """Image rows of one subject; those that hold different frames of one acquisition become one stack again."""
    if rows.empty:
        return ()
    image, mask = _block(rows, "image", frames), _block(rows, "mask", frames)
    merged: list[SubjectStack] = []
    for _, part in rows.groupby(["stack", rows["frame_indices"].map(tuple)], sort=True):
        stack = assemble(part, list(rows.index.get_indexer(part.index)), image, mask)
        if merged and _same_acquisition(merged[-1], stack):
            merged[-1] = _joined(merged[-1], stack)
        else:
            merged.append(stack)
    return tuple(merged)


def _block(rows: pd.DataFrame, name: str, frames: FrameReader) -> Callable[[int], Any]:
    """All frames of a subject in one read: they lie side by side, and a read costs far more than its pixels."""
    start, end = int(rows["first_frame"].min()), int((rows["first_frame"] + rows["n_frames"]).max())
    block = frames.read(name, start, end - start, int(rows["height"].max()), int(rows["width"].max()))
    kind = np.float32 if name == "image" else np.uint8

    def of_row(position: int) -> npt.NDArray[np.generic]:
        row = rows.iloc[position]
        first = int(row["first_frame"]) - start
        frames_of_row = block[first : first + int(row["n_frames"]), : int(row["height"]), : int(row["width"])]
        return frames_of_row.astype(kind, copy=False)

    return of_row


def _same_acquisition(a: SubjectStack, b: SubjectStack) -> bool:
    return (
        a.stack == b.stack
        and a.slice_indices == b.slice_indices
        and a.image.shape[1:] == b.image.shape[1:]
        and not set(a.frame_indices) & set(b.frame_indices)
        and bool(a.trigger_ms) == bool(b.trigger_ms)
        and _same_place(a, b)
    )


def _same_place(a: SubjectStack, b: SubjectStack) -> bool:
    if a.affine is None or b.affine is None:
        return a.affine is b.affine and a.spacing_mm == b.spacing_mm
    return np.allclose(a.affine, b.affine, atol=1e-6)


def _joined(a: SubjectStack, b: SubjectStack) -> SubjectStack:
    """The frames of both in the order of the cine."""
    order = np.argsort((*a.frame_indices, *b.frame_indices), kind="stable")

    def ordered(name: str) -> tuple[Any, ...]:
        values = (*getattr(a, name), *getattr(b, name))
        return tuple(values[i] for i in order)

    return replace(
        a,
        image=np.concatenate([a.image, b.image])[order],
        mask=np.concatenate([a.mask, b.mask])[order],
        phases=ordered("phases"),
        frame_indices=ordered("frame_indices"),
        trigger_ms=ordered("trigger_ms") if a.trigger_ms else (),
        slice_labelled=ordered("slice_labelled"),
    )
