"""Numbers of images on disk: computed once for a cohort and an extractor, and continued where they were cut short."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.evaluation.features.extractor import Extractor, Values
from synthcmr.evaluation.features.stream import batches

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort

Report = Callable[[int, int, str], None]
FOLDER = "features"


def features_of(cohort: Cohort, extractor: Extractor, frames: int, out: Path, report: Report | None = None) -> Values:
    """The numbers of every image of a cohort, (images, columns), mapped from disk.

    Args:
        cohort: any cohort or selection.
        extractor: what is asked of every image.
        frames: shown of each image.
        out: folder of the evaluation.
        report: called with (done, total, what).
    """
    name = f"{extractor.name}-{cohort_key(cohort)[:16]}-{_of_both(extractor.hash, str(frames))[:16]}"
    file = out / FOLDER / f"{name}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        _compute(cohort, extractor, frames, file, report)
    return np.load(file, mmap_mode="r")


def cohort_key(cohort: Cohort) -> str:
    """Hash of the images of a cohort or of a selection from it."""
    return _of_both(cohort.hash, "\n".join(cohort.images["image_id"]))


def _of_both(a: str, b: str) -> str:
    return hashlib.sha256(f"{a}\n{b}".encode()).hexdigest()


def _compute(cohort: Cohort, extractor: Extractor, frames: int, file: Path, report: Report | None) -> None:
    """Fill a file batch by batch; a note beside it says how many are in it."""
    part, note = file.with_suffix(".part"), file.with_suffix(".done")
    done = int(note.read_text()) if note.exists() and part.exists() else 0
    shape = (len(cohort), len(extractor.columns))
    values = np.lib.format.open_memmap(part, mode="r+" if done else "w+", dtype=np.float32, shape=shape)
    seen = 0
    for k, batch in enumerate(batches(cohort, frames)):
        if k >= done:
            values[batch.rows] = extractor.of(batch)
            values.flush()
            note.write_text(str(k + 1))
        seen += len(batch.rows)
        if report is not None:
            report(seen, len(cohort), f"{extractor.name} of {cohort.path.name}")
    del values
    part.replace(file)
    note.unlink(missing_ok=True)
