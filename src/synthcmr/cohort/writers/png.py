"""PNG: one file per slice and frame, and a table that says what they show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.writers.export import (
    INTENSITY_COLUMNS,
    SLICE_COLUMNS,
    FileNames,
    Progress,
    WriteSummary,
    csv_table,
    each_subject,
    export,
    slice_cells,
    subject_cells,
    table_columns,
)
from synthcmr.cohort.writers.subjects import Subject
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
        # One scale for a whole stack, so that its slices and frames stay comparable; 0..1 where they lie inside.
        low, high = min(0.0, float(stack.image.min())), max(1.0, float(stack.image.max()))
        shared = {**subject_cells(subject, stack), "intensity_low": low, "intensity_high": high}
        for t, z in np.ndindex(stack.image.shape[:2]):
            name = f"{stack.stack}_s{stack.slice_indices[z]:02d}_{stack.frame_name(t)}"
            file = f"{names.give(name)}.png"
            labelled = bool(stack.slice_labelled[t][z])
            _save(images / file, _grey(stack.image[t, z], low, high, bits))
            if labelled:
                _save(masks / file, stack.mask[t, z])
            summary.files += 1 + labelled
            yield file, labelled, {**shared, **slice_cells(stack, z, t)}
        if unlabelled := sum(not names for per_slice in stack.slice_labelled for names in per_slice):
            part = f"{unlabelled} mask(s) of stack {stack.stack}"
            summary.leave_out(subject.subject_id, part, "nobody labelled them")


def _grey(plane: npt.NDArray[np.floating], low: float, high: float, bits: int) -> npt.NDArray[np.unsignedinteger]:
    """Grey values of one slice: `low` becomes 0 and `high` the largest value."""
    stored = np.rint((plane.astype(np.float64) - low) / (high - low) * ((1 << bits) - 1))
    return stored.astype(np.uint8 if bits == 8 else np.uint16)


def check_bits(bits: int) -> None:
    """Refuse what PNG cannot hold (SettingsError)."""
    if bits not in (8, 16):
        raise SettingsError(f"--bits: expected 8 or 16, got {bits}")


def _save(path: Path, values: npt.NDArray[np.generic]) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(values)).save(path, compress_level=COMPRESSION)
