"""The pixels of a cohort: two sharded zarr arrays, one frame after another."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.checksums import SHARDS, read_checked
from synthcmr.cohort.labels import Label, Mask
from synthcmr.errors import CohortError, in_words

LONGEST_WHY = 300  # characters of what a library says of damage, which may repeat what it found
SHARD_FRAMES = (
    256  # frames per file: some 8 MB of float16 at 128x128, so that a cohort of 100,000 slices is a few hundred files
)
CHUNK_PIXELS = 256  # a chunk holds one frame up to this side, so that random access decodes one frame

Pixels = npt.NDArray[np.floating]


class FrameWriter:
    """Appends frames; whole shards are written as they fill, so memory does not grow with the cohort."""

    def __init__(self, path: Path, dtype: str, canvas: tuple[int, int], start: int = 0) -> None:
        """Open for appending after `start` frames; whatever lies behind them is overwritten.

        Args:
            path: folder of the zarr group.
            dtype: of the images, float16 or float32.
            canvas: rows and columns; grows when a larger frame comes (smaller ones lie in its upper left corner).
            start: number of frames that are already there and stay.
        """
        self._group = _open_or_create(path, dtype, canvas, start > 0)
        self._committed = start - start % SHARD_FRAMES
        self._images: list[Pixels] = []
        self._masks: list[Mask] = []
        if start > self._committed:  # a shard is written whole, so the last partial one is taken up again
            self._images = list(self._group["image"][self._committed : start])
            self._masks = list(self._group["mask"][self._committed : start])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the images that are stored."""
        return np.dtype(self._group["image"].dtype)

    @property
    def count(self) -> int:
        """Frames appended so far, flushed or not."""
        return self._committed + len(self._images)

    def append(self, image: Pixels, mask: Mask) -> int:
        """Append the frames of one image row, each (frames, rows, columns).

        Returns:
            The position of its first frame.
        """
        first = self.count
        self._images.extend(image)
        self._masks.extend(mask)
        return first

    def full(self) -> bool:
        """Whether at least one whole shard waits to be written."""
        return len(self._images) >= SHARD_FRAMES

    def flush(self) -> None:
        """Write everything appended so far; the last partial shard stays in memory to be completed later."""
        while self._images:
            images, masks = self._images[:SHARD_FRAMES], self._masks[:SHARD_FRAMES]
            self._write(images, masks)
            if len(images) < SHARD_FRAMES:
                return
            self._committed += SHARD_FRAMES
            del self._images[:SHARD_FRAMES], self._masks[:SHARD_FRAMES]

    def _write(self, images: list[Pixels], masks: list[Mask]) -> None:
        rows = max(f.shape[0] for f in images)
        columns = max(f.shape[1] for f in images)
        end = self._committed + len(images)
        for name, frames, fill in (("image", images, 0), ("mask", masks, Label.UNLABELLED)):
            array = self._group[name]
            shape = (end, max(rows, array.shape[1]), max(columns, array.shape[2]))
            if shape != array.shape:
                array.resize(shape)
            array[self._committed : end] = _padded(frames, shape[1:], array.dtype, int(fill))


class FrameReader:
    """Random access to the frames of a cohort. Opens lazily, so that it pickles into data-loader workers.

    A chunk carries its checksum, which zarr compares as it decodes it; here only missing shards are looked for, which zarr would
    read as empty images.
    """

    def __init__(self, path: Path, record: Mapping[str, Any]) -> None:
        """Remember where the zarr group is; nothing is read yet.

        Args:
            path: of the group.
            record: of the cohort, which says what the group's files must be.
        """
        self.path, self._record = path, record
        self._arrays: dict[str, Any] = {}  # open ones: opening takes as long as reading a frame
        self._seen: set[tuple[str, int]] = set()  # shards that are there

    def __getstate__(self) -> dict[str, object]:
        """Pickle the path only: an open zarr array does not travel between processes."""
        return {"path": self.path, "_record": self._record, "_arrays": {}, "_seen": set()}

    def read(self, name: str, first: int, count: int, height: int, width: int) -> npt.NDArray[np.generic]:
        """Frames `first` to `first + count` of "image" or "mask", cut to the valid part of the canvas.

        Raises:
            CohortError: they are not there, or not as they were written.
        """
        if name not in self._arrays:
            self._arrays[name] = self._open(name)
        for shard in range(first // SHARD_FRAMES, (first + count - 1) // SHARD_FRAMES + 1):
            if (name, shard) not in self._seen:
                self._check_shard(name, shard)
                self._seen.add((name, shard))
        array = self._arrays[name]
        try:
            if first + count > array.shape[0]:
                raise IndexError(f"it holds {array.shape[0]} frames")
            frames: npt.NDArray[np.generic] = np.asarray(array[first : first + count, :height, :width])
        except Exception as error:  # a damaged chunk can fail anywhere inside a decoder
            changed = "checksum" in str(error)
            why = " have another checksum than when they were written" if changed else f": {in_words(error)}"
            raise self._damaged(name, f"frames {first} to {first + count - 1}{why}") from error
        return frames

    def _open(self, name: str) -> Any:
        import zarr

        for meta in ("zarr.json", f"{name}/zarr.json"):
            read_checked(self.path.parent, f"{self.path.name}/{meta}", self._record)
        try:
            return zarr.open_group(self.path, mode="r")[name]
        except Exception as error:
            raise self._damaged(name, in_words(error)) from error

    def _check_shard(self, name: str, shard: int) -> None:
        start = f"{self.path.name}/{name}/c/{shard}/"
        for file, size in self._record.get(SHARDS, {}).items():
            if file.startswith(start):
                place = self.path.parent / file
                if not place.is_file() or place.stat().st_size != size:
                    got = f"{place.stat().st_size} bytes" if place.is_file() else "nothing"
                    raise self._damaged(name, f"shard {place} has {got}, {size} bytes were written")

    def _damaged(self, name: str, why: str) -> CohortError:
        return CohortError(
            f"{self.path / name}: expected the pixels as synthcmr wrote them, but they are damaged ({why[:LONGEST_WHY]}); restore the "
            "folder from a copy, or make it again"
        )


def _open_or_create(path: Path, dtype: str, canvas: tuple[int, int], kept: bool) -> Any:
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    if kept:
        return zarr.open_group(path, mode="r+")
    shutil.rmtree(path, ignore_errors=True)  # half made by a run that was killed before it kept anything
    group = zarr.create_group(path)
    chunk = (1, min(canvas[0], CHUNK_PIXELS), min(canvas[1], CHUNK_PIXELS))
    for name, kind, fill in (("image", dtype, 0), ("mask", "uint8", int(Label.UNLABELLED))):
        group.create_array(
            name,
            shape=(0, *canvas),
            chunks=chunk,
            shards=(SHARD_FRAMES, *chunk[1:]),
            dtype=kind,
            fill_value=fill,
            compressors=(BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()),
            dimension_names=("frame", "row", "column"),
        )
    return group


def _padded(frames: list[Any], canvas: tuple[int, ...], dtype: Any, fill: int) -> npt.NDArray[np.generic]:
    block = np.full((len(frames), *canvas), fill, dtype=dtype)
    for target, frame in zip(block, frames, strict=True):
        target[: frame.shape[0], : frame.shape[1]] = frame
    return block
