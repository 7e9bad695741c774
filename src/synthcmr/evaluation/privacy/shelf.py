"""Rows of one shape in a file: read by stretches or one by one, so that memory does not grow with the number of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Shelf:
    """A file of rows. Plain reads, as pages of a mapped file would count as memory of the process."""

    path: Path
    shape: tuple[int, ...]  # of a row
    kind: str = "float16"

    def append(self, rows: npt.NDArray[np.floating]) -> None:
        """Put rows behind those that are there."""
        with self.path.open("ab") as file:
            file.write(np.ascontiguousarray(rows, dtype=self.kind).tobytes())

    def __len__(self) -> int:
        """Number of rows."""
        return self.path.stat().st_size // self._bytes if self.path.exists() else 0

    def stretches(self, size: int) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """All rows, so many at once, with where they stand."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            yield slice(start, stop), self.stretch(start, stop)

    def stretch(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Neighbouring rows."""
        count = (stop - start) * self._numbers
        flat = np.fromfile(self.path, dtype=self.kind, count=count, offset=start * self._bytes)
        return flat.reshape(-1, *self.shape).astype(np.float32)

    def rows(self, places: Sequence[int] | npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """Rows from anywhere."""
        found = np.empty((len(places), self._numbers), dtype=self.kind)
        with self.path.open("rb", buffering=0) as file:
            for row, place in zip(found, places, strict=True):
                file.seek(int(place) * self._bytes)
                file.readinto(row.data)
        return found.reshape(-1, *self.shape).astype(np.float32)

    @property
    def _numbers(self) -> int:
        return int(np.prod(self.shape))

    @property
    def _bytes(self) -> int:
        return self._numbers * np.dtype(self.kind).itemsize
