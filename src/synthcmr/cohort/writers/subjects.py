"""A subject as writers see it: its attributes and its stacks with all slices and frames, streamed from a cohort."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.labels import Label
from synthcmr.cohort.subject_stack import SubjectStack, read_stacks
from synthcmr.cohort.tables import is_present, present_cells
from synthcmr.cohort.writer import ARRAYS


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
    places = [i - first for i in stack.slice_indices]
    image = np.zeros((stack.frame_count, count, *stack.image.shape[2:]), dtype=stack.image.dtype)
    mask = np.full(image.shape, Label.UNLABELLED, dtype=np.uint8)
    image[:, places], mask[:, places] = stack.image, stack.mask

    def spread(values: Sequence[Any], empty: Any) -> tuple[Any, ...]:
        value_at = dict(zip(places, values, strict=True))
        return tuple(value_at.get(z, empty) for z in range(count))

    filled = replace(
        stack,
        image=image,
        mask=mask,
        slice_indices=tuple(range(first, last + 1)),
        slice_labelled=tuple(spread(names, ()) for names in stack.slice_labelled),
        slice_levels=spread(stack.slice_levels, None),
        slice_counts=spread(stack.slice_counts, count),
    )
    return filled, count - len(places)


def iter_subjects(cohort: Cohort) -> Iterator[Subject]:
    """Every subject of a cohort or selection, one in memory at a time."""
    places = cohort.images.groupby("subject_id", sort=False).indices
    frames = FrameReader(cohort.path / ARRAYS, cohort.info)
    for row in cohort.subjects.to_dict("records"):
        subject_id = str(row["subject_id"])
        attributes = present_cells(row, "subject_id", "split")
        split = row.get("split")
        stacks = _acquisitions(read_stacks(cohort.images.iloc[places.get(subject_id, [])], frames))
        yield Subject(subject_id, str(split) if is_present(split) else None, attributes, stacks)


def _acquisitions(stacks: list[SubjectStack]) -> tuple[SubjectStack, ...]:
    """Stacks that hold different frames of one acquisition become one again."""
    merged: list[SubjectStack] = []
    for stack in stacks:
        if merged and _same_acquisition(merged[-1], stack):
            merged[-1] = _joined(merged[-1], stack)
        else:
            merged.append(stack)
    return tuple(merged)


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
