"""From rendered images to the records of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.preprocess.orient import slice_levels
from synthcmr.cohort.raw import RawSubject, Stack
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.config import PreprocessSettings
from synthcmr.generators.anatomy import Anatomy

PAIR = 2  # frames
AS_IT_IS = PreprocessSettings(spacing_mm=None, size=None, intensity="none", centre="middle", frames="auto")


def generated_record(
    name: str,
    anatomy: Anatomy,
    image: npt.NDArray[np.float32] | None,
    only: int | None,
    attributes: Mapping[str, Value],
    extra: Mapping[str, Value],
) -> SubjectRecord:
    """The record of one generated subject.

    Args:
        name: subject id.
        anatomy: whose masks were asked for.
        image: (frames, slices, rows, columns); one slice where only one was made.
        only: which slice of the anatomy that one is; None for a whole stack.
        attributes: of the subject.
        extra: further columns of every image.
    """
    if image is None:
        raise ValueError("no image was rendered")
    mask = anatomy.mask if only is None else anatomy.mask[:, only : only + 1]
    stack = Stack(
        image=image,
        mask=mask,
        spacing_mm=anatomy.spacing_mm,
        slice_step_mm=anatomy.slice_step_mm,
        phases=anatomy.phases,
        affine=_affine(anatomy),
        slice_thickness_mm=anatomy.slice_thickness_mm,
        slice_indices=() if only is None else (only,),
        slices_ordered=True,
    )
    grid = AS_IT_IS if len(anatomy.phases) <= PAIR else AS_IT_IS.model_copy(update={"frames": "cine"})
    record = to_record(RawSubject(name, dict(attributes), (stack,), "synthetic"), name, grid)
    levels = slice_levels(anatomy.mask)
    return replace(record, images=tuple(_told(i, levels, anatomy, extra) for i in record.images))


def _told(
    image: ImageRecord, levels: list[tuple[str | None, float | None]], anatomy: Anatomy, extra: Mapping[str, Value]
) -> ImageRecord:
    level, fraction = levels[image.slice_index]
    return replace(
        image,
        slice_level=level,
        slice_fraction=fraction,
        slice_count=anatomy.mask.shape[1],
        extra={k: v for k, v in extra.items() if v != ""},
    )


def _affine(anatomy: Anatomy) -> npt.NDArray[np.float64]:
    """(column, row, slice, 1) -> RAS+ mm: the middle of the base at the origin, rows towards the feet of the image."""
    rows, columns = anatomy.mask.shape[2:]
    dy, dx = anatomy.spacing_mm
    affine = np.diag([-dx, -dy, -anatomy.slice_step_mm, 1.0])
    affine[:2, 3] = dx * (columns - 1) / 2, dy * (rows - 1) / 2
    return affine
