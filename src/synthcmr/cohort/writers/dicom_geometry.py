"""Where DICOM slices lie: the cohort's RAS affine as positions and orientations in DICOM's LPS millimetres."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.readers.dicom_geometry import APEX_DIRECTION, LPS_TO_RAS
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.nifti_file import nifti_affine, slice_step

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
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


def plane_of(stack: SubjectStack) -> Plane:
    """The planes of a stack; WriteError where its spacing is unknown or its affine skewed."""
    affine = LPS_TO_RAS @ nifti_affine(stack)  # the same mirror leads back
    if stack.affine is not None:
        return Plane(affine, slice_step(stack), False)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    affine[:3, :3] = _short_axis() * lengths
    middle = (np.array([stack.image.shape[3], stack.image.shape[2], stack.image.shape[1]]) - 1) / 2.0
    affine[:3, 3] = -affine[:3, :3] @ middle
    return Plane(affine, slice_step(stack), True)


def _short_axis() -> npt.NDArray[np.float64]:
    """Directions of column, row and slice of a usual short axis: slices go from base to apex, rows point downwards."""
    slices = APEX_DIRECTION
    towards_left = np.array([1.0, 0.0, 0.0])
    columns = towards_left - (towards_left @ slices) * slices
    columns /= np.linalg.norm(columns)
    return np.stack([columns, np.cross(slices, columns), slices], axis=1)
