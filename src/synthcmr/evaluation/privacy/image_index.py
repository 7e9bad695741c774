"""Images as descriptors, and an index of them in files, so that memory does not grow with their number.

Descriptors are a band-passed thumbnail of edges and shapes, and a signature, which does not know where things lie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from synthcmr.evaluation.privacy.image_selection import Images, ImageSelection, MemberSplit, Names, Vectors

SIDE = 64  # rows and columns of a thumbnail
FINE, COARSE = 1.0, 4.0  # pixels of a thumbnail: what is smaller is noise, what is larger every chest has in common
HIGHEST = 12  # cycles per image that a signature holds
PIXELS = 32  # rows and columns of what plain pixels are compared on
EMPTY = 1e-3  # contrast below which there is nothing to compare
Features = Callable[[Images], npt.NDArray[np.floating]]  # -> (images, numbers)
Report = Callable[[int, int, str], None]  # called with (done, total, what)


def thumbnails(images: npt.NDArray[np.floating]) -> Tensor:
    """Band-passed small pictures.

    Args:
        images: (images, frames, rows, columns).

    Returns:
        (images, frames, SIDE, SIDE), of unit spread.
    """
    small = functional.interpolate(_tensor(images), (SIDE, SIDE), mode="area")
    band = _blurred(small, FINE) - _blurred(small, COARSE)
    return band / (band.std(dim=(1, 2, 3), keepdim=True) + EMPTY)


def signature(thumbnail: Tensor) -> Tensor:
    """Square roots of low-frequency amplitudes, (images, numbers): hardly changed by shifts, and not at all by half a turn."""
    amplitude = torch.fft.rfft2(thumbnail * _window()).abs()[:, :, _kept()]
    return (amplitude / (amplitude.square().mean(dim=2, keepdim=True).sqrt() + EMPTY)).sqrt().flatten(1)


def mirrored_signature(signatures: Tensor, frames: int) -> Tensor:
    """The signature of images mirrored left to right, from that of the images."""
    return signatures.reshape(len(signatures), frames, -1)[:, :, _mirrored()].flatten(1)


def pixel_vectors(images: npt.NDArray[np.floating]) -> Tensor:
    """Small pictures of unit length around their mean, (images, numbers)."""
    small = functional.interpolate(_tensor(images), (PIXELS, PIXELS), mode="area").flatten(1)
    return functional.normalize(small - small.mean(dim=1, keepdim=True), dim=1, eps=EMPTY)


def _tensor(images: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.nan_to_num(images).astype(np.float32))


def _blurred(x: Tensor, spread: float) -> Tensor:
    """Through a Gaussian."""
    blur = _gaussian(spread)
    return blur @ x @ blur.T


@lru_cache(maxsize=2)
def _gaussian(spread: float) -> Tensor:
    """As a matrix, (SIDE, SIDE); at the borders the rest of the bell counts as much as the whole."""
    place = torch.arange(SIDE).float()
    bell = torch.exp(-(place[:, None] - place).square() / (2 * spread**2))
    return bell / bell.sum(dim=1, keepdim=True)


@lru_cache(maxsize=1)
def _window() -> Tensor:
    """The root of Hann's window: what enters and leaves at the borders counts little."""
    side = torch.hann_window(SIDE, periodic=False).sqrt()
    return side[:, None] * side


@lru_cache(maxsize=1)
def _mirrored() -> Tensor:
    """Where in a signature the frequency lies that mirroring brings to each place."""
    place = torch.full((SIDE, SIDE // 2 + 1), -1)
    place[_kept()] = torch.arange(int(_kept().sum()))
    upside = place.roll(-1, 0).flip(0)  # row -k at the place of row k
    return torch.where(upside < 0, place, upside)[_kept()]  # where right is 0 both rows are one


@lru_cache(maxsize=1)
def _kept() -> Tensor:
    """Frequencies of a signature, each once."""
    down, right = torch.fft.fftfreq(SIDE) * SIDE, torch.arange(SIDE // 2 + 1)
    radius = torch.hypot(down[:, None], right[None].float())
    twice = (right == 0)[None] & (down < 0)[:, None]
    return (radius >= 1) & (radius <= HIGHEST) & ~twice


def silent(*progress: object) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class RowStore:
    """A file of rows of one shape. Plain reads, as pages of a mapped file would count as memory of the process."""

    path: Path
    shape: tuple[int, ...]  # of a row
    dtype: str = "float16"

    def append(self, rows: npt.NDArray[np.floating]) -> None:
        """Put rows behind those that are there."""
        with self.path.open("ab") as file:
            file.write(np.ascontiguousarray(rows, dtype=self.dtype).tobytes())

    def __len__(self) -> int:
        """Number of rows."""
        return self.path.stat().st_size // self._bytes if self.path.exists() else 0

    def chunks(self, size: int) -> Iterator[tuple[slice, Vectors]]:
        """All rows, so many at once, with where they stand."""
        for start in range(0, len(self), size):
            stop = min(start + size, len(self))
            count, offset = (stop - start) * self._numbers, start * self._bytes
            flat = np.fromfile(self.path, dtype=self.dtype, count=count, offset=offset)
            yield slice(start, stop), flat.reshape(-1, *self.shape).astype(np.float32)

    def rows(self, places: Sequence[int] | npt.NDArray[np.intp]) -> Vectors:
        """Rows from anywhere."""
        flat = np.empty((len(places), self._numbers), dtype=self.dtype)
        with self.path.open("rb", buffering=0) as file:
            for row, place in zip(flat, places, strict=True):
                file.seek(int(place) * self._bytes)
                file.readinto(row.data)
        return flat.reshape(-1, *self.shape).astype(np.float32)

    @property
    def _numbers(self) -> int:
        return int(np.prod(self.shape))

    @property
    def _bytes(self) -> int:
        return self._numbers * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class ImageIndex:
    """Images as they are compared, with the subjects they are of."""

    subject: Names
    image: Names
    thumbnails: RowStore
    signatures: RowStore
    spaces: dict[str, RowStore]  # vectors whose distances count: pixels and, where an extractor was given, features

    def __len__(self) -> int:
        """Number of images."""
        return len(self.subject)

    @property
    def subjects(self) -> Names:
        """The subjects, each once, in the order of their first image."""
        _, first = np.unique(self.subject, return_index=True)
        return self.subject[np.sort(first)]

    @property
    def subject_number(self) -> npt.NDArray[np.intp]:
        """Of each image, the place of its subject in `subjects`."""
        _, first, number = np.unique(self.subject, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[number]


@dataclass(frozen=True)
class SplitIndexes:
    """Indexes of all images, real and synthetic."""

    members: ImageIndex
    held_out: ImageIndex
    calibrating: npt.NDArray[np.bool_]  # of the held-out images
    reference: ImageIndex  # those held out to calibrate on, by themselves
    synthetic: ImageIndex


def build_index(
    folder: Path,
    blocks: Iterable[Images],
    subject: Names,
    image: Names,
    extractor: Features | None,
    report: Callable[[int], None] = silent,
    features: Vectors | None = None,
) -> ImageIndex:
    """An index of images that come block by block; what lies in the folder is written anew.

    Args:
        folder: for what is compared.
        blocks: the images.
        subject: of each.
        image: name of each.
        extractor: of features.
        report: called with the number done.
        features: of each image, where they need not be extracted again.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.rows"):
        old.unlink()
    stores: dict[str, RowStore] = {}
    done = 0
    for block in blocks:
        with torch.no_grad():
            small = thumbnails(block)
            descriptors = {"thumbnails": small, "signatures": signature(small), "pixels": pixel_vectors(block)}
        vectors = {name: value.numpy() for name, value in descriptors.items()}
        if features is not None:
            vectors["features"] = features[done : done + len(block)]
        elif extractor is not None:
            vectors["features"] = np.asarray(extractor(block), dtype=np.float32)
        for name, rows in vectors.items():
            dtype = "float32" if name == "features" else "float16"
            stores.setdefault(name, RowStore(folder / f"{name}.rows", rows.shape[1:], dtype)).append(rows)
        done += len(block)
        report(done)
    spaces = {name: store for name, store in stores.items() if name in ("pixels", "features")}
    return ImageIndex(subject, image, stores["thumbnails"], stores["signatures"], spaces)


def index_selection(
    selection: ImageSelection,
    folder: Path,
    extractor: Features | None = None,
    report: Callable[[int], None] = silent,
) -> ImageIndex:
    """An index of selected images."""
    return build_index(
        folder, selection.blocks(), selection.subject, selection.image, extractor, report, selection.features
    )


def index_split(
    split: MemberSplit, synthetic: ImageSelection, folder: Path, extractor: Features | None, report: Report = silent
) -> SplitIndexes:
    """Indexes of all images, in a folder."""

    def index(name: str, side: ImageSelection) -> ImageIndex:
        return index_selection(
            side, folder / name, extractor, lambda done: report(done, len(side), f"reading images: {name}")
        )

    return SplitIndexes(
        members=index("members", split.members),
        held_out=index("held-out", split.held_out),
        calibrating=np.arange(len(split.held_out)) < len(split.calibrating),
        reference=index("reference", split.calibrating),
        synthetic=index("synthetic", synthetic),
    )
