"""The subjects of a cohort as a reader would hand them over, so that they can be labelled like files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import Label
from synthcmr.cohort.preprocess import preprocess
from synthcmr.cohort.raw_subject import Stack
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.tables import IMAGE_TYPES, is_present
from synthcmr.config import PreprocessSettings
from synthcmr.errors import ReadError
from synthcmr.labelling.labeller import CUT, LabelledStack, Labeller, subject_measures
from synthcmr.labelling.settings import LabelSettings
from synthcmr.privacy.ledger import STAMP

SOURCE = "source_slice"  # column of a stack while it is labelled: which slice of the cohort it was
INTENSITY_COLUMNS = ("intensity_low", "intensity_high")  # what a row says that its pixels do not


@dataclass(frozen=True)
class Member:
    """One subject of a cohort, by its images."""

    subject_id: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """Rows of one stack put together, and which frames belonged to one row."""

    stack: Stack
    number: int
    groups: tuple[tuple[int, ...], ...]


def members(cohort: Cohort) -> list[Member]:
    """The subjects of a cohort or of a selection."""
    ids = cohort.images.groupby("subject_id")["image_id"].agg(tuple)
    return [Member(str(name), ids[name]) for name in cohort.subjects["subject_id"] if name in ids.index]


@lru_cache(maxsize=2)
def opened_once(path: Path) -> Cohort:
    """A cohort, once per process."""
    return Cohort.open(path)


def label_member(member: Member, path: Path, labeller: Labeller, settings: LabelSettings, dtype: str) -> SubjectRecord:
    """Read, label and crop one subject of a cohort. Never raises for bad data: what is wrong comes back as rejects."""
    cohort = opened_once(path)
    own = cohort.with_images(member.images)
    name = member.subject_id
    joined = [part for group in _by_number(own.stacks(name)) for part in _joined(group)]
    outcomes = labeller.outcomes([one.stack for one in joined])
    rejects = [
        Reject(name, f"stack {j.number}", str(one))
        for j, one in zip(joined, outcomes, strict=True)
        if isinstance(one, ReadError)
    ]
    labelled = [(j, one) for j, one in zip(joined, outcomes, strict=True) if isinstance(one, LabelledStack)]
    rejects += [Reject(name, f"stack {j.number}", text, "note") for j, one in labelled for text in one.remarks]
    if not labelled:
        return SubjectRecord(name, None, rejects=tuple(rejects))
    origin = str(own.images["origin"].iloc[0])
    rows = {(int(row["stack"]), int(row["slice_index"])): row for row in own.images.to_dict("records")}
    images = [
        _with_source_columns(image, rows, dtype, CUT in one.remarks)
        for j, one in labelled
        for image in _rows(one.stack, j, name, origin, settings)
    ]
    attributes = _present(own.subjects.iloc[0].to_dict())
    truth = _present(cohort.truth.set_index("subject_id").loc[name].to_dict()) if cohort.has_truth else {}
    measures = subject_measures([one for _, one in labelled])
    return SubjectRecord(name, name, attributes, tuple(images), tuple(rejects), truth, measures)


def _present(row: dict[Any, Any]) -> dict[str, Value]:
    return {str(k): v for k, v in row.items() if k != "subject_id" and is_present(v)}


def _by_number(stacks: Sequence[SubjectStack]) -> list[list[SubjectStack]]:
    """Stacks of one number and the same slices: single frames of one acquisition."""
    groups: dict[tuple[object, ...], list[SubjectStack]] = {}
    for one in stacks:
        groups.setdefault((one.stack, one.slice_indices, one.spacing_mm, one.image.shape[2:]), []).append(one)
    return list(groups.values())


def _joined(group: Sequence[SubjectStack]) -> list[Joined]:
    """One stack of all their frames, where no frame is there twice."""
    numbers = [n for one in group for n in one.frame_indices]
    if len(set(numbers)) < len(numbers):
        return [part for one in group for part in _joined([one])] if len(group) > 1 else [_as_read(group)]
    return [_as_read(sorted(group, key=lambda one: one.frame_indices))]


def _as_read(group: Sequence[SubjectStack]) -> Joined:
    first = group[0]
    mask = np.concatenate([one.mask for one in group])
    labelled = tuple(tuple(part for part in text.split(",") if part) for one in group for text in one.labelled)
    sizes = [len(one.phases) for one in group]
    starts = np.cumsum([0, *sizes])
    slices = np.array(first.slice_indices, dtype=object)
    stack = Stack(
        image=np.concatenate([one.image for one in group]),
        mask=mask if any(labelled) else None,
        spacing_mm=first.spacing_mm,
        slice_step_mm=first.slice_step_mm,
        phases=tuple(phase for one in group for phase in one.phases),
        labelled=labelled if any(labelled) else (),
        affine=first.affine,
        slice_thickness_mm=first.slice_thickness_mm,
        frame_indices=tuple(n for one in group for n in one.frame_indices),
        trigger_ms=tuple(t for one in group for t in one.trigger_ms),
        slice_indices=first.slice_indices,
        slices_ordered=any((one.mask == Label.LV).any() for one in group),  # ingest has turned them base first
        columns={SOURCE: np.broadcast_to(slices, (sum(sizes), len(slices)))},
    )
    groups = tuple(tuple(range(a, b)) for a, b in pairwise(int(n) for n in starts))
    return Joined(stack, first.stack, groups)


def _rows(stack: Stack, joined: Joined, subject_id: str, origin: str, settings: LabelSettings) -> list[ImageRecord]:
    """Image rows, cropped around the heart where the images are larger than that; pixels are never resampled."""
    larger = settings.size is not None and max(stack.image.shape[-2:]) > settings.size
    frames = "auto" if settings.frames == "keep" else settings.frames
    asis = PreprocessSettings.lossless().model_copy(
        update={"size": settings.size if larger else None, "centre": "mask" if larger else "middle", "frames": frames}
    )
    groups = joined.groups if settings.frames == "keep" else None
    return preprocess(stack, subject_id, joined.number, origin, asis, groups)


def _with_source_columns(
    image: ImageRecord, rows: dict[tuple[int, int], dict[Any, Any]], dtype: str, cut: bool
) -> ImageRecord:
    """A row with what its source said of it, which its pixels do not: intensities, areas of a person's masks, seeds."""
    extra = dict(image.extra)
    source = extra.pop(SOURCE)
    assert isinstance(source, tuple)
    row = rows[(image.stack, int(str(source[0])))]
    left = [*IMAGE_TYPES, *extra]
    further = {
        str(k): _plain(v) for k, v in row.items() if k not in left and not str(k).startswith(STAMP) and is_present(v)
    }
    kept = {name: _plain(row[name]) for name in INTENSITY_COLUMNS if is_present(row[name])}
    return replace(
        image,
        image=image.image.astype(dtype),
        heart_cut=cut or image.heart_cut or bool(row["heart_cut"]),
        extra={**further, **extra},
        **kept,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, list)):
        return tuple(_plain(v) for v in value)
    return value.item() if isinstance(value, np.generic) else value
