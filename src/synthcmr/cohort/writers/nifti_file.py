"""NIfTI files of a volume: array order (x, y, z[, t]) and a header that says where the pixels lie."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.errors import WriteError

ORTHOGONAL_COSINE = 0.01
UNSTATED, SCANNER = 0, 1  # NIfTI form codes


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


def save_nifti(
    path: Path,
    array: npt.NDArray[np.generic],
    stack: SubjectStack,
    scale: tuple[float, float] | None = None,
    frame_ms: float | None = None,
) -> None:
    """Write (slices, rows, columns) or (frames, slices, rows, columns) of a stack's geometry.

    Args:
        path: ending in .nii.gz.
        array: the values as they are stored.
        stack: says where they lie.
        scale: (slope, intercept) from stored values to intensities; None: they are the same.
        frame_ms: time between frames.
    """
    nib: Any = import_module("nibabel")  # most of its functions carry no types
    affine = nifti_affine(stack)
    image = nib.Nifti1Image(array.T, affine)  # (t, z, y, x) reversed is (x, y, z, t)
    code = SCANNER if stack.affine is not None else UNSTATED
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    zooms = [stack.spacing_mm[1] if stack.spacing_mm else 1.0, stack.spacing_mm[0] if stack.spacing_mm else 1.0]
    image.header.set_zooms((*zooms, slice_step(stack), *((frame_ms or 0.0,) if array.ndim == 4 else ())))
    image.header.set_xyzt_units("mm", "msec" if array.ndim == 4 and frame_ms else None)
    if scale is not None:
        image.header.set_slope_inter(*scale)
    nib.save(image, path)


def frame_interval_ms(stack: SubjectStack) -> float | None:
    """Mean time between frames."""
    times = stack.trigger_ms
    return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else None
