"""Numbers of images on disk: computed once for a cohort and an extractor, and continued where they were cut short."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import numpy as np

from synthcmr.cohort.parallel import cores
from synthcmr.evaluation.features.stream import Extractor, FrameBatch, Values, ahead, batches

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
    return features_together(cohort, (extractor,), frames, out, report)[0]


def features_together(
    cohort: Cohort, extractors: Sequence[Extractor], frames: int, out: Path, report: Report | None = None
) -> list[Values]:
    """The same of several extractors: images are read once for all that lack numbers, since reading is half of the work."""
    files = [out / FOLDER / f"{_name(cohort, one, frames)}.npy" for one in extractors]
    lacking = [(one, file) for one, file in zip(extractors, files, strict=True) if not file.exists()]
    if lacking:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        _compute(cohort, [_Filling.begun(one, file, len(cohort)) for one, file in lacking], frames, report)
    return [np.load(file, mmap_mode="r") for file in files]


def _name(cohort: Cohort, extractor: Extractor, frames: int) -> str:
    return f"{extractor.name}-{cohort_key(cohort)[:16]}-{_of_both(extractor.hash, str(frames))[:16]}"


def cohort_key(cohort: Cohort) -> str:
    """Hash of the images of a cohort or of a selection from it."""
    return _of_both(cohort.hash, "\n".join(cohort.images["image_id"]))


def _of_both(a: str, b: str) -> str:
    return hashlib.sha256(f"{a}\n{b}".encode()).hexdigest()


@dataclass
class _Filling:
    """A file that is filled batch by batch; a note beside it says how many are in it."""

    extractor: Extractor
    file: Path
    values: Values
    done: int

    @classmethod
    def begun(cls, extractor: Extractor, file: Path, images: int) -> Self:
        """A new file, or one that was cut short."""
        part, note = file.with_suffix(".part"), file.with_suffix(".done")
        done = int(note.read_text()) if note.exists() and part.exists() else 0
        shape = (images, len(extractor.columns))
        return cls(
            extractor,
            file,
            np.lib.format.open_memmap(part, mode="r+" if done else "w+", dtype=np.float32, shape=shape),
            done,
        )

    def add(self, k: int, batch: FrameBatch) -> None:
        """The k-th batch."""
        if k >= self.done:
            self.values[batch.rows] = self.extractor.of(batch)
            cast(np.memmap, self.values).flush()
            self.file.with_suffix(".done").write_text(str(k + 1))

    def finish(self) -> None:
        """Give the file its name."""
        del self.values
        self.file.with_suffix(".part").replace(self.file)
        self.file.with_suffix(".done").unlink(missing_ok=True)


def _compute(cohort: Cohort, fillings: list[_Filling], frames: int, report: Report | None) -> None:
    names = " and ".join(filling.extractor.name for filling in fillings)
    seen = 0
    with ThreadPoolExecutor(cores()) as pool:
        for k, batch in enumerate(ahead(batches(cohort, frames))):
            for done in [pool.submit(filling.add, k, batch) for filling in fillings]:
                done.result()
            seen += len(batch.rows)
            if report is not None:
                report(seen, len(cohort), f"{names} of {cohort.path.name}")
    for filling in fillings:
        filling.finish()
