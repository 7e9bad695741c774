"""The images of a cohort, some subjects at a time, so that memory does not grow with it; and their numbers on disk, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.checksums import is_whole, put_in_place
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.parallel import cores

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

FRAMES_AT_ONCE = 512
IN_CACHE = 32  # images
Rows = npt.NDArray[np.intp]
Report = Callable[[int, int, str], None]
FOLDER = "features"
MOST_DIGITS = 12  # of a note


@dataclass(frozen=True)
class FrameBatch:
    """All images of some subjects that have one size."""

    rows: Rows  # in the cohort
    image: npt.NDArray[np.float32]  # (images, frames, rows, columns)
    mask: Mask
    table: pd.DataFrame  # their rows of images.parquet

    def spacing_mm(self) -> npt.NDArray[np.float64]:
        """Height and width of a pixel, per image; NaN where unknown."""
        return self.table[["spacing_row_mm", "spacing_column_mm"]].to_numpy(dtype=float)

    def parts(self) -> Iterator[FrameBatch]:
        """A few images at a time: numbers that fit into the processor's cache are worked on several times as quickly."""
        for k in range(0, len(self.rows), IN_CACHE):
            some = slice(k, k + IN_CACHE)
            yield FrameBatch(self.rows[some], self.image[some], self.mask[some], self.table.iloc[some])


def batches(cohort: Cohort, frames: int) -> Iterator[FrameBatch]:
    """Every image once, whole subjects together.

    Args:
        cohort: any cohort or selection.
        frames: 2 shows ED and ES (of images that name none, the first and last frame); 1 shows ED or the first.
    """
    for rows in _stretches(cohort.images):
        for same in _of_one_size(cohort.images, rows):
            image, mask = cohort.read_many(same.tolist())
            table = cohort.images.iloc[same]
            where = np.arange(len(same))[:, None], np.array([shown_frames(p, frames) for p in table["phases"]])
            yield FrameBatch(same, image[where].astype(np.float32), mask[where], table)


def ahead(result: Iterator[FrameBatch]) -> Iterator[FrameBatch]:
    """The same batches, each read while the one before it is worked on."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, result, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, result, None)
            yield batch


def _stretches(images: pd.DataFrame) -> Iterator[Rows]:
    """Rows of as many whole subjects as fit into memory."""
    codes = images["subject_id"].factorize()[0]
    order = np.argsort(codes, kind="stable")
    frames = images["n_frames"].to_numpy()[order]
    waiting: list[Rows] = []
    held = 0
    for rows in np.split(np.arange(len(order)), np.flatnonzero(np.diff(codes[order])) + 1):
        waiting.append(order[rows])
        held += int(frames[rows].sum())
        if held >= FRAMES_AT_ONCE:
            yield np.concatenate(waiting)
            waiting, held = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _of_one_size(images: pd.DataFrame, rows: Rows) -> Iterator[Rows]:
    sizes = images.iloc[rows][["height", "width", "n_frames"]].to_numpy()
    _, which = np.unique(sizes, axis=0, return_inverse=True)
    for k in range(int(which.max(initial=-1)) + 1):
        yield rows[which.ravel() == k]


def shown_frames(phases: list[str], frames: int) -> list[int]:
    """Which frames of an image are shown: ED and ES, or the first and the last where none is named."""
    named = list(phases)
    ed = named.index("ED") if "ED" in named else 0
    es = named.index("ES") if "ES" in named else len(named) - 1
    return [ed, es][:frames]


Values = npt.NDArray[np.float32]


class Extractor(Protocol):
    """A row of numbers for each image; NaN where an image has none."""

    @property
    def name(self) -> str:
        """As it is called on the command line and in scores."""

    @property
    def hash(self) -> str:
        """SHA-256 of all that decides its numbers."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What the numbers are."""

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch, (images, columns)."""


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
    # Damaged ones are computed again.
    lacking = [(one, file) for one, file in zip(extractors, files, strict=True) if not is_whole(file)]
    if lacking:
        (out / FOLDER).mkdir(parents=True, exist_ok=True)
        _compute(cohort, [_Filling.begun(one, file, len(cohort)) for one, file in lacking], frames, report)
    return [np.load(file, mmap_mode="r") for file in files]


def _noted(note: Path) -> int:
    """How many batches a note says are done; none where it cannot be read, and all is computed again."""
    text = note.read_text(errors="replace") if note.exists() else ""
    return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else 0


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
        done = _noted(note) if part.exists() else 0
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
            note = self.file.with_suffix(".done")
            note.with_suffix(".noting").write_text(str(k + 1))
            note.with_suffix(".noting").replace(note)  # a note is whole, whenever this is killed

    def finish(self) -> None:
        """Give the file its name."""
        del self.values
        put_in_place(self.file.with_suffix(".part"), self.file)
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
