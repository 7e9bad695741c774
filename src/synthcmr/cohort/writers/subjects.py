"""A subject as writers see it: its attributes and its acquisitions with all slices and frames, streamed from a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.frame_store import FrameReader
from synthcmr.cohort.labels import Label, Mask, in_canonical_order
from synthcmr.cohort.subject_stack import SubjectStack, assemble
from synthcmr.cohort.writer import ARRAYS

if TYPE_CHECKING:
    import pandas as pd


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
        return in_canonical_order({name for names in self.slice_labelled[frame] for name in names})

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


def iter_subjects(cohort: Cohort) -> Iterator[Subject]:
    """Every subject of a cohort or selection, one in memory at a time."""
    places = cohort.images.groupby("subject_id", sort=False).indices
    frames = FrameReader(cohort.path / ARRAYS)
    for person in cohort.subjects.to_dict("records"):
        subject_id = str(person["subject_id"])
        attributes = {str(k): v for k, v in person.items() if k not in ("subject_id", "split") and is_present(v)}
        split = person.get("split")
        volumes = _volumes(cohort.images.iloc[places.get(subject_id, [])], frames)
        yield Subject(subject_id, str(split) if is_present(split) else None, attributes, volumes)


def _volumes(rows: pd.DataFrame, frames: FrameReader) -> tuple[Volume, ...]:
    """Image rows of one subject; those that hold different frames of one acquisition become one volume again."""
    if rows.empty:
        return ()
    image, mask = _block(rows, "image", frames), _block(rows, "mask", frames)
    merged: list[Volume] = []
    for _, part in rows.groupby(["stack", rows["frame_indices"].map(tuple)], sort=True):
        ordered = part.iloc[np.argsort(part["slice_index"].to_numpy(), kind="stable")]
        volume = _volume(ordered, list(rows.index.get_indexer(ordered.index)), image, mask)
        if merged and _same_acquisition(merged[-1].stack, volume.stack):
            merged[-1] = _joined(merged[-1], volume)
        else:
            merged.append(volume)
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


def _volume(
    rows: pd.DataFrame, positions: list[int], image: Callable[[int], Any], mask: Callable[[int], Any]
) -> Volume:
    stack = assemble(rows, positions, image, mask)
    per_slice = [tuple(_names(text) for text in labelled) for labelled in rows["labelled"]]
    return Volume(stack, tuple(rows.to_dict("records")), tuple(zip(*per_slice, strict=True)))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


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


def _joined(a: Volume, b: Volume) -> Volume:
    frames = (*a.stack.frame_indices, *b.stack.frame_indices)
    order = np.argsort(frames, kind="stable")
    stack = replace(
        a.stack,
        image=np.concatenate([a.stack.image, b.stack.image])[order],
        mask=_ordered_mask(a.stack.mask, b.stack.mask, order),
        phases=_ordered((*a.stack.phases, *b.stack.phases), order),
        labelled=_ordered((*a.stack.labelled, *b.stack.labelled), order),
        frame_indices=_ordered(frames, order),
        trigger_ms=_ordered((*a.stack.trigger_ms, *b.stack.trigger_ms), order) if a.stack.trigger_ms else (),
    )
    return Volume(stack, a.slice_rows, _ordered((*a.slice_labelled, *b.slice_labelled), order))


def _ordered_mask(a: Mask, b: Mask, order: npt.NDArray[np.intp]) -> Mask:
    return np.concatenate([a, b])[order]


def _ordered(values: tuple[Any, ...], order: npt.NDArray[np.intp]) -> tuple[Any, ...]:
    return tuple(values[i] for i in order)
