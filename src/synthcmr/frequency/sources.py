"""Cohorts, arrays, and bare folders of PNG, TIFF, NIfTI or NPY files as images; files are read and written in their own type and range."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import fingerprint
from synthcmr.cohort.readers.image_files import ARRAYS, RASTERS, load_image, nifti_stem
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.errors import CohortError, ReadError
from synthcmr.frequency.images import Images, Item, limits, percentile_range

LOSSY = {".jpg", ".jpeg"}  # would change what is measured when it is written again
KNOWN = ".png, .tif, .bmp, .nii, .nii.gz, .npy"
ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Loaded:
    """One file: its planes in a scale from 0 to 1, and what is needed to write it again."""

    path: Path
    stored: npt.NDArray[np.generic]  # (planes, rows, columns) as the file has them
    low: float
    high: float
    spacing_mm: tuple[float, float] | None

    @property
    def scaled(self) -> npt.NDArray[np.float64]:
        """Planes with robust range 0 to 1; as they are where there is no range."""
        x = np.asarray(self.stored, dtype=np.float64)
        return (x - self.low) / (self.high - self.low) if self.high > self.low else x

    def restored(self, planes: npt.NDArray[np.floating]) -> npt.NDArray[np.generic]:
        """Changed planes in the file's own range and type."""
        values = planes * (self.high - self.low) + self.low
        kind = self.stored.dtype
        if kind.kind in "iu":
            ends = np.iinfo(kind.name)
            values = np.rint(values).clip(ends.min, ends.max)
        elif self.stored.min() >= 0:
            values = values.clip(0, None)
        return values.astype(kind)


def load(path: Path, spacing_mm: tuple[float, float] | None) -> Loaded:
    """Read a file.

    Raises:
        ReadError: it cannot be read.
    """
    if path.suffix.lower() in LOSSY:
        raise ReadError(f"{path.name}: JPEG changes high frequencies when it is written; give PNG, or one of {KNOWN}")
    volume = load_image(path)
    if volume.pixels.dtype == bool:
        raise ReadError(f"{path.name}: expected grey values, got true and false alone")
    stored = volume.pixels.reshape(-1, *volume.pixels.shape[-2:])
    finite = stored.dtype.kind != "f" or bool(np.isfinite(stored).all())
    low, high = percentile_range(stored) if finite and stored.size else (0.0, 1.0)
    return Loaded(path, stored, low, high, spacing_mm or volume.spacing_mm)


def write(path: Path, original: Path, planes: npt.NDArray[np.generic]) -> None:
    """Write planes as the file that they came from: its format, shape, header and type."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if nifti_stem(original) is not None:
        _write_nifti(path, original, planes)
    elif original.suffix.lower() == ".npy":
        shape = np.load(original, mmap_mode="r", allow_pickle=False).shape
        np.save(path, planes.reshape(shape))
    elif original.suffix.lower() == ".npz":
        with np.load(original, allow_pickle=False) as held:
            name = "image" if "image" in held.files else held.files[0]
            kept: dict[str, Any] = {k: held[k] for k in held.files}
            np.savez_compressed(path, **kept | {name: planes.reshape(held[name].shape)})
    else:
        _write_raster(path, planes)


def _write_nifti(path: Path, original: Path, planes: npt.NDArray[np.generic]) -> None:
    """With the header of the original; stored values are scaled as they were."""
    nib: Any = import_module("nibabel")  # most of its functions carry no types
    old = nib.load(original)
    kind, (slope, intercept) = old.get_data_dtype(), (old.dataobj.slope, old.dataobj.inter)
    values: npt.NDArray[np.generic] = planes.reshape(old.shape[::-1]).T  # (t, z, y, x) reversed is (x, y, z, t)
    if (slope, intercept) != (1.0, 0.0) and kind.kind in "iu":
        ends = np.iinfo(kind)
        values = np.rint((values - intercept) / slope).clip(ends.min, ends.max)
    new = old.__class__(values.astype(kind), old.affine, old.header)
    if kind.kind in "iu":
        new.header.set_slope_inter(slope, intercept)
    nib.save(new, path)


def _write_raster(path: Path, planes: npt.NDArray[np.generic]) -> None:
    from PIL import Image

    pages = [Image.fromarray(np.ascontiguousarray(p)) for p in planes]
    more: dict[str, Any] = {"save_all": True, "append_images": pages[1:]} if len(pages) > 1 else {}
    pages[0].save(path, **more)


@dataclass(frozen=True)
class FolderImages:
    """The image files below a folder. A subfolder is a subject; files beside each other are one each."""

    folder: Path
    files: tuple[Path, ...]
    spacing_mm: tuple[float, float] | None = None
    rejects: dict[str, str] = field(default_factory=dict)  # files that could not be read, with the reason

    @classmethod
    def open(cls, folder: Path, spacing_mm: tuple[float, float] | None = None) -> Self:
        """Find the files.

        Raises:
            CohortError: there is none.
        """
        kinds = RASTERS | ARRAYS
        everything = sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else []
        files = tuple(p for p in everything if p.suffix.lower() in kinds or nifti_stem(p) is not None)
        if not files:
            raise CohortError(
                f"{folder}: expected a cohort folder, or a folder with image files ({KNOWN}), found neither; make a cohort with "
                "'synthcmr ingest' or 'synthcmr generate'"
            )
        return cls(folder, files, spacing_mm)

    def __len__(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def hash(self) -> str:
        """Of names and sizes."""
        return fingerprint(self.folder)

    def __iter__(self) -> Iterator[Item]:
        """One file after another; what cannot be read goes to the rejects."""
        for path in self.files:
            try:
                loaded = load(path, self.spacing_mm)
            except ReadError as error:
                self.rejects[self.name(path)] = str(error).removeprefix(f"{path.name}: ")
                continue
            yield self.item(loaded)

    def name(self, path: Path) -> str:
        """Path of a file within the folder."""
        return path.relative_to(self.folder).as_posix()

    def item(self, loaded: Loaded) -> Item:
        """A file as an image."""
        name = self.name(loaded.path)
        return Item(name, name.split("/")[0], loaded.scaled, loaded.spacing_mm, ends=range_of(loaded))


def range_of(loaded: Loaded) -> tuple[float, float]:
    """The range, in the scale from 0 to 1, that a file's type and values allow."""
    kind, width = loaded.stored.dtype, loaded.high - loaded.low
    if not width > 0:  # no image: it is refused before its range matters
        return -np.inf, np.inf
    if kind.kind in "iu":
        ends = np.iinfo(kind.name)
        return (ends.min - loaded.low) / width, (ends.max - loaded.low) / width
    low, high = limits(loaded.stored.astype(np.float64))
    return (low - loaded.low) / width, (high - loaded.low) / width


@dataclass(frozen=True)
class CohortImages:
    """The images of a cohort, or of one split of it."""

    cohort: Cohort
    split: str = "all"

    def __len__(self) -> int:
        """Number of images."""
        return len(self.cohort)

    @property
    def hash(self) -> str:
        """The cohort's."""
        return self.cohort.hash

    def __iter__(self) -> Iterator[Item]:
        """In the order of the table."""
        native, table = scale_is_native(self.cohort), self.cohort.table.to_dict("records")
        for rows in _stretches(table):
            image, _ = self.cohort.read_many(rows)
            for k, frames in zip(rows, image, strict=True):
                yield cohort_item({str(n): v for n, v in table[k].items()}, frames.astype(np.float32), native)


def _stretches(table: Sequence[dict[Any, Any]]) -> Iterator[list[int]]:
    """Rows that follow each other and have one size, some dozens at a time."""

    def size(k: int) -> tuple[Any, ...]:
        return tuple(table[k][name] for name in ("n_frames", "height", "width"))

    for _, alike in groupby(range(len(table)), key=size):
        rows = list(alike)
        yield from (rows[k : k + ROWS_AT_ONCE] for k in range(0, len(rows), ROWS_AT_ONCE))


def scale_is_native(cohort: Cohort) -> bool:
    """Whether intensities are the scanner's, without a scale of their own, as lossless ingest leaves them."""
    preprocess: dict[str, Any] = cohort.info.get("settings", {}).get("preprocess", {})
    return preprocess.get("intensity") == "none"


def scale_of(frames: npt.NDArray[np.floating], native: bool) -> tuple[float, float]:
    """The values that become 0 and 1: of native intensities the ends of their robust range."""
    if not native or not frames.size or not np.isfinite(frames).all():
        return 0.0, 1.0
    low, high = percentile_range(frames)
    return (low, high) if high > low else (0.0, 1.0)


def cohort_item(row: dict[str, Any], frames: npt.NDArray[np.floating], native: bool) -> Item:
    """One image of a cohort, in the scale in which images are compared."""
    dy, dx = (row.get(f"spacing_{axis}_mm", np.nan) for axis in ("row", "column"))
    known = dy is not None and dx is not None and dy == dy and dx == dx
    low, high = scale_of(frames, native)
    ends = tuple((end - low) / (high - low) for end in limits(frames)) if frames.size else (-np.inf, np.inf)
    return Item(
        str(row["image_id"]),
        str(row["subject_id"]),
        (frames - low) / (high - low),
        (float(dy), float(dx)) if known else None,
        dict(row),
        (ends[0], ends[1]),
    )


@dataclass(frozen=True)
class ArrayImages:
    """Arrays in memory: (images, rows, columns), (images, frames, rows, columns), or a list of images of any sizes."""

    arrays: npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]
    spacing_mm: tuple[float, float] | None = None
    subjects: Sequence[str] | None = None
    attributes: Sequence[dict[str, Any]] | None = None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.arrays)

    @property
    def hash(self) -> str:
        """Of the pixels."""
        digest = hashlib.blake2b(digest_size=16)
        for image in self.arrays:
            digest.update(np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    def __iter__(self) -> Iterator[Item]:
        """In the order given."""
        for k, image in enumerate(self.arrays):
            frames = np.asarray(image)
            frames = frames[None] if frames.ndim == 2 else frames
            attributes = self.attributes[k] if self.attributes is not None else {}
            subject = str(self.subjects[k]) if self.subjects is not None else str(k)
            yield Item(str(k), subject, frames, self.spacing_mm, dict(attributes))


def open_images(path: Path, split: str | None = None, spacing_mm: tuple[float, float] | None = None) -> Images:
    """A cohort, or a folder of PNG, NIfTI, TIFF or NPY files.

    Args:
        path: of either.
        split: of a cohort: this split alone, where it has any.
        spacing_mm: pixels of a folder whose files do not tell them.

    Raises:
        CohortError: neither is there, or the split has no image.
    """
    if (path / COHORT_FILE).exists():
        return cohort_images(Cohort.open(path), split)
    return FolderImages.open(path, spacing_mm)


def cohort_images(cohort: Cohort, split: str | None = None) -> CohortImages:
    """The images of a cohort, or of one split where it has any.

    Raises:
        CohortError: the split has no image.
    """
    if split is None or "split" not in cohort.table or not cohort.table["split"].notna().any():
        return CohortImages(cohort)
    chosen = cohort.select(split=split)
    if not len(chosen):
        there = ", ".join(sorted(map(str, cohort.table["split"].dropna().unique())))
        raise CohortError(f"{cohort.path}: expected images of the split '{split}', found none; there are: {there}")
    return CohortImages(chosen, split)
