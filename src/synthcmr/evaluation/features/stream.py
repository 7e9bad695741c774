"""The images of a cohort, some subjects at a time, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort


FRAMES_AT_ONCE = 512
IN_CACHE = 32  # images
Rows = npt.NDArray[np.intp]


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
