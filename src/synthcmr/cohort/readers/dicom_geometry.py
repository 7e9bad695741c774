"""Where a stack of slices lies: DICOM's left-posterior-superior millimetres, and the RAS affine the cohort uses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.readers.dicom_files import Vector
from synthcmr.cohort.readers.dicom_headers import Frame

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
# The heart's long axis from base to apex points left, forward and down (LPS), give or take some 30 degrees.
APEX_DIRECTION = np.array([0.6, -0.6, -0.5]) / np.linalg.norm([0.6, -0.6, -0.5])
PLAUSIBLE_COSINE = float(np.cos(np.radians(45)))  # a plane axial, coronal or sagittal to the body lies beyond it
ORDERED_COSINE = 0.6  # below it the geometry does not tell which end is the apex; a plain axial stack lies at 0.51


@dataclass(frozen=True)
class Geometry:
    """The grid of a stack."""

    affine: npt.NDArray[np.float64]  # (column, row, slice, 1) -> RAS+ millimetres
    spacing_mm: tuple[float, float]  # row, column
    step_mm: float | None  # between slice centres; None: one slice of unknown thickness
    thickness_mm: float | None
    slice_indices: tuple[int, ...]  # gaps show where a slice is missing
    ordered: bool  # slices run base -> apex for certain


def apex_cosine(frame: Frame) -> float:
    """Cosine between a frame's normal and the usual base-to-apex direction."""
    return float(frame.normal @ APEX_DIRECTION)


def is_short_axis_like(frame: Frame) -> bool:
    """Whether a plane cuts the long axis of a heart that lies as hearts do."""
    return abs(apex_cosine(frame)) >= PLAUSIBLE_COSINE


def towards_apex(frame: Frame) -> Vector:
    """The normal of a stack, signed so that it points from base to apex where that can be told."""
    return frame.normal if apex_cosine(frame) >= 0 else -frame.normal


def stack_geometry(slices: Sequence[Frame], steps: Sequence[int]) -> Geometry:
    """The grid of parallel slices.

    Args:
        slices: one frame per slice, in order along `towards_apex`.
        steps: whole-numbered position of each slice, from 0.
    """
    first = slices[0]
    step = _slice_vector(slices, steps)
    affine = np.eye(4)
    affine[:3, 0] = first.along_columns * first.spacing_mm[1]
    affine[:3, 1] = first.along_rows * first.spacing_mm[0]
    affine[:3, 2] = step if step is not None else towards_apex(first)
    affine[:3, 3] = first.position
    return Geometry(
        affine=LPS_TO_RAS @ affine,
        spacing_mm=first.spacing_mm,
        step_mm=None if step is None else float(np.linalg.norm(step)),
        thickness_mm=first.thickness_mm,
        slice_indices=tuple(steps),
        ordered=len(slices) > 1 and abs(apex_cosine(first)) >= ORDERED_COSINE,
    )


def slice_affine(frame: Frame) -> npt.NDArray[np.float64]:
    """(column, row, 0, 1) -> RAS+ millimetres of one frame, from its own position."""
    affine = np.eye(4)
    affine[:3, 0] = frame.along_columns * frame.spacing_mm[1]
    affine[:3, 1] = frame.along_rows * frame.spacing_mm[0]
    affine[:3, 2] = frame.normal
    affine[:3, 3] = frame.position
    return LPS_TO_RAS @ affine


def _slice_vector(slices: Sequence[Frame], steps: Sequence[int]) -> Vector | None:
    """From one slice to the next (LPS mm): from positions; the header's words count only where there is one slice."""
    if len(slices) > 1:
        vector: Vector = (slices[-1].position - slices[0].position) / (steps[-1] - steps[0])
        return vector
    nominal = slices[0].nominal_step_mm or slices[0].thickness_mm
    return None if nominal is None or nominal <= 0 else towards_apex(slices[0]) * nominal
