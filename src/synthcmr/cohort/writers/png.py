"""PNG: one file per slice and frame, and a table that says what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.export import FileNames, Progress, WriteSummary, csv_table, each_subject, export
from synthcmr.cohort.writers.subjects import Subject
from synthcmr.cohort.writers.table_rows import (
    INTENSITY_COLUMNS,
    SLICE_COLUMNS,
    slice_cells,
    subject_cells,
    table_columns,
)
from synthcmr.errors import SettingsError

TABLE = "metadata.csv"
COMPRESSION = 3  # noise hardly compresses; higher levels cost time and save next to nothing


@dataclass(frozen=True)
class PngWriter:
    """`images/SUBJECT/*.png` in grey, `masks/SUBJECT/*.png` with label values (255: nobody labelled it), metadata.csv."""

    bits: int = 16

    name = "png"
    about = "PNG images/ and masks/, a file per slice and frame, with metadata.csv"

    def __post_init__(self) -> None:
        """Check what PNG can hold."""
        check_bits(self.bits)

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write the slices and their table."""
        columns = table_columns(cohort, SLICE_COLUMNS, INTENSITY_COLUMNS)
        with (
            export(cohort, dest, {"writer": self.name, "bits": self.bits}, overwrite) as summary,
            csv_table(dest / TABLE, columns) as add_row,
        ):
            names = FileNames()
            for subject in each_subject(cohort, summary, progress):
                folder = names.give(subject.subject_id)
                places = (dest / "images" / folder, dest / "masks" / folder)
                for file, labelled, row in write_slices(subject, *places, self.bits, summary):
                    mask = f"masks/{folder}/{file}" if labelled else None
                    add_row({**row, "image": f"images/{folder}/{file}", "mask": mask})
                summary.subjects += 1
            summary.files += 1
        return summary


def write_slices(
    subject: Subject, images: Path, masks: Path, bits: int, summary: WriteSummary
) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Write every slice of every frame of a subject.

    Yields:
        File name (the same for image and mask), whether it has a mask, and the cells of its table row.
    """
    names = FileNames()
    for stack in subject.stacks:
        grey = Grey.of(stack.image, bits)
        scale = {"intensity_low": grey.low, "intensity_high": grey.high}
        shared = {**subject_cells(subject, stack), **scale}
        for t, z in _places(stack):
            file = f"{names.give(_name(stack, t, z))}.png"
            labelled = bool(stack.slice_labelled[t][z])
            grey.save(images / file, stack.image[t, z])
            if labelled:
                save_mask(masks / file, stack.mask[t, z])
            summary.files += 1 + labelled
            yield file, labelled, {**shared, **slice_cells(stack, z, t)}
        _list_unlabelled(subject, stack, summary)


def _places(stack: SubjectStack) -> Iterator[tuple[int, int]]:
    for t in range(stack.frame_count):
        for z in range(len(stack.slice_indices)):
            yield t, z


def _name(stack: SubjectStack, frame: int, position: int) -> str:
    return f"{stack.stack}_s{stack.slice_indices[position]:02d}_{stack.frame_name(frame)}"


def _list_unlabelled(subject: Subject, stack: SubjectStack, summary: WriteSummary) -> None:
    count = sum(not names for per_slice in stack.slice_labelled for names in per_slice)
    if count:
        summary.leave_out(subject.subject_id, f"{count} mask(s) of stack {stack.stack}", "nobody labelled them")


@dataclass(frozen=True)
class Grey:
    """How intensities become grey values: `low` is stored as 0 and `high` as the largest value."""

    low: float
    high: float
    bits: int

    @classmethod
    def of(cls, image: npt.NDArray[np.floating], bits: int) -> Grey:
        """One scale for a whole volume, so that its slices and frames stay comparable; 0..1 where it lies inside."""
        return cls(min(0.0, float(image.min())), max(1.0, float(image.max())), bits)

    def save(self, path: Path, plane: npt.NDArray[np.floating]) -> None:
        """Write one slice, (rows, columns)."""
        top = (1 << self.bits) - 1
        stored = np.rint((plane.astype(np.float64) - self.low) / (self.high - self.low) * top)
        _save_png(path, stored.astype(np.uint8 if self.bits == 8 else np.uint16))


def save_mask(path: Path, plane: Mask) -> None:
    """Write labels of one slice as 8-bit values; 255 where nobody labelled."""
    _save_png(path, plane)


def check_bits(bits: int) -> None:
    """Refuse what PNG cannot hold (SettingsError)."""
    if bits not in (8, 16):
        raise SettingsError(f"--bits: expected 8 or 16, got {bits}")


def _save_png(path: Path, values: npt.NDArray[np.generic]) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(values)).save(path, compress_level=COMPRESSION)
