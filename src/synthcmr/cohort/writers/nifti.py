"""NIfTI volumes with a table: for everyone who reads NIfTI."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.export import (
    SUBJECTS_FILE,
    ExportRun,
    Progress,
    WriteSummary,
    cine_cells,
    each_subject,
    export,
    frame_cells,
    subject_cells,
    table_columns,
    write_csv,
)
from synthcmr.cohort.writers.pixels import nifti_affine, slice_step
from synthcmr.cohort.writers.subjects import Subject

TABLE = "images.csv"
UNSTATED, SCANNER = 0, 1  # NIfTI form codes
MOST_SINGLE_FRAMES = 2  # a pair is two files; more frames are one cine


@dataclass(frozen=True)
class NiftiWriter:
    """`images/SUBJECT_STACK_PHASE.nii.gz`, `masks/` by the same names, images.csv and subjects.csv.

    Pixels are those of the cohort, masks have canonical labels (255: nobody labelled it). Cines are one file in four
    dimensions.
    """

    name = "nifti"
    about = "NIfTI images/ and masks/ with images.csv and subjects.csv"

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write the volumes and both tables."""
        with export(cohort, dest, {"writer": self.name}, overwrite) as summary:
            run = _NiftiExport(dest, summary)
            for subject in each_subject(cohort, summary, progress):
                run.add(subject)
            write_csv(dest / TABLE, run.images, table_columns(cohort))
            summary.files += 1
            run.write_table(dest / SUBJECTS_FILE, ["subject_id", "split"], cohort)
        return summary


@dataclass
class _NiftiExport(ExportRun):
    images: list[dict[str, Any]] = field(default_factory=list)  # rows of the table of images

    def add(self, subject: Subject) -> None:
        """Write every stack of a subject."""
        if self.write_stacks(subject, lambda stack: self._add_stack(subject, stack)):
            self.summary.subjects += 1
            self.add_row(subject)

    def _add_stack(self, subject: Subject, stack: SubjectStack) -> None:
        stack = self.filled(subject, stack, f"stack {stack.stack}", "unlabelled")
        shared = subject_cells(subject, stack)
        base = f"{subject.subject_id}_{stack.stack}"
        if stack.frame_count > MOST_SINGLE_FRAMES:
            mask = stack.mask if stack.is_labelled() else None
            self._save(f"{base}_cine", stack, stack.image, mask, {**shared, **cine_cells(stack)})
            return
        for t in range(stack.frame_count):
            mask = stack.mask[t] if stack.labelled_in(t) else None
            name = f"{base}_{stack.frame_name(t)}"
            self._save(name, stack, stack.image[t], mask, {**shared, **frame_cells(stack, t)})

    def _save(self, base: str, stack: SubjectStack, image: Any, mask: Mask | None, cells: dict[str, Any]) -> None:
        file = f"{self.names.give(base)}.nii.gz"
        parts = {"images": image} | ({} if mask is None else {"masks": mask})
        for folder, array in parts.items():
            (self.root / folder).mkdir(exist_ok=True)
            save_nifti(self.root / folder / file, array, stack, frame_ms=frame_interval_ms(stack))
            self.summary.files += 1
        if mask is None:
            self.summary.leave_out(str(cells["subject_id"]), f"mask of {file}", "nobody labelled it")
        self.images.append({**cells, "image": f"images/{file}", "mask": None if mask is None else f"masks/{file}"})


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
