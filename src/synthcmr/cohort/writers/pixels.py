"""Pixels of an export: where they lie, and intensities as whole numbers.

They lie where the cohort's RAS affine at right angles says, for NIfTI, and on planes in DICOM's LPS millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.readers.dicom.short_axis import APEX_DIRECTION, LPS_TO_RAS
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.errors import WriteError

ORTHOGONAL_COSINE = 0.01
Vector = npt.NDArray[np.float64]
WHOLE_LIMIT = int(np.iinfo(np.int16).max)  # whole values up to here fit every format as they are


def slice_step(stack: SubjectStack) -> float:
    """Millimetres between slices; a single slice takes its thickness, or 1 where that is unknown too.

    Raises:
        WriteError: several slices at unknown distance.
    """
    if stack.slice_step_mm is not None:
        return stack.slice_step_mm
    if stack.image.shape[1] > 1:
        raise WriteError("the distance between its slices is unknown")
    return stack.slice_thickness_mm or 1.0


def nifti_affine(stack: SubjectStack) -> npt.NDArray[np.float64]:
    """(x, y, z, 1) -> RAS millimetres, x being the stored column and y the stored row.

    Directions come from the cohort's affine; the lengths of its columns from the spacing, which some data sets do not
    keep in step with it. Without an affine the image lies as if it were axial.

    Raises:
        WriteError: the spacing is unknown, or the affine is skewed.
    """
    if stack.spacing_mm is None:
        raise WriteError("its pixel spacing is unknown")
    zooms = np.array([stack.spacing_mm[1], stack.spacing_mm[0], slice_step(stack)])
    affine = np.eye(4)
    affine[:3, :3] = directions(stack) * zooms
    if stack.affine is not None:
        affine[:3, 3] = stack.affine[:3, 3]
    return affine


def directions(stack: SubjectStack) -> npt.NDArray[np.float64]:
    """Unit vectors (as columns, RAS) along which column, row and slice grow.

    Raises:
        WriteError: the affine is skewed.
    """
    if stack.affine is None:
        return np.diag([-1.0, -1.0, 1.0])
    axes = stack.affine[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not (lengths > 0).all():
        raise WriteError("its affine has no extent along some axis")
    unit = axes / lengths
    if np.abs(unit.T @ unit - np.eye(3)).max() > ORTHOGONAL_COSINE:
        raise WriteError("its affine is skewed, and the format holds right angles only")
    return np.asarray(unit, dtype=np.float64)


@dataclass(frozen=True)
class SlicePlane:
    """The planes of a stack."""

    affine: npt.NDArray[np.float64]  # (column, row, slice, 1) -> LPS millimetres
    step_mm: float
    invented: bool  # the cohort does not say how the slices lay; a usual short axis was assumed

    @property
    def orientation(self) -> list[float]:
        """Image Orientation (Patient): the directions in which column and row index grow."""
        unit = self.affine[:3, :2] / np.linalg.norm(self.affine[:3, :2], axis=0)
        return [float(v) for v in unit.T.ravel()]

    def position(self, step: int) -> list[float]:
        """Image Position (Patient) of the slice `step` slices behind the first one."""
        return [float(v) for v in self.affine[:3, 3] + step * self.affine[:3, 2]]


def plane_of(stack: SubjectStack) -> SlicePlane:
    """The planes of a stack; WriteError where its spacing is unknown or its affine skewed."""
    affine = LPS_TO_RAS @ nifti_affine(stack)  # the same mirror leads back
    if stack.affine is not None:
        return SlicePlane(affine, slice_step(stack), False)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    affine[:3, :3] = _short_axis() * lengths
    middle = (np.array([stack.image.shape[3], stack.image.shape[2], stack.image.shape[1]]) - 1) / 2.0
    affine[:3, 3] = -affine[:3, :3] @ middle
    return SlicePlane(affine, slice_step(stack), True)


def _short_axis() -> npt.NDArray[np.float64]:
    """Directions of column, row and slice of a usual short axis: slices go from base to apex, rows point downwards."""
    slices = APEX_DIRECTION
    towards_left = np.array([1.0, 0.0, 0.0])
    columns = towards_left - (towards_left @ slices) * slices
    columns /= np.linalg.norm(columns)
    return np.stack([columns, np.cross(slices, columns), slices], axis=1)


@dataclass(frozen=True)
class Quantised:
    """Whole numbers, and how to get intensities back: stored * slope + intercept."""

    stored: npt.NDArray[np.uint16]
    slope: float
    intercept: float


def quantised(image: npt.NDArray[np.floating], top: int) -> Quantised:
    """Store a volume as whole numbers.

    Whole values that fit are kept as they are. All others are scaled so that the largest takes `top`; images within
    0..1, as ingest scales them, all take the same scale, so that volumes stay comparable.

    Args:
        image: any shape.
        top: largest stored value to use, below 65536.
    """
    low, high = min(float(image.min()), 0.0), float(image.max())
    if low == 0.0 and 1.0 < high <= WHOLE_LIMIT and np.array_equal(np.rint(image), image):
        return Quantised(image.astype(np.uint16), 1.0, 0.0)
    slope = (max(high, 1.0) - low) / top
    return Quantised(np.rint((image - low) / slope).astype(np.uint16), slope, low)
