"""Image files of any known type (NIfTI, PNG, JPEG, TIFF, NPY, NPZ) as volumes, and the checks every file must pass.

Rows go down and columns right, as they are displayed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask, remap
from synthcmr.cohort.readers.nifti_file import MOST_VOXELS, SPARE_BYTES, read_nifti
from synthcmr.cohort.reasons import why
from synthcmr.cohort.source_links import expect_file
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from PIL.Image import Image

SAME_SIZE = 0.01  # relative: headers round
SAME_PLACE = 0.5  # voxels
NIFTI_SUFFIXES = (".nii.gz", ".nii")
LONGEST_FRAME_S = 0.3  # many files say "1 s between frames" who mean "unknown"
RASTERS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
ARRAYS = {".npy", ".npz"}
KNOWN = ".nii, .nii.gz, .png, .jpg, .tif, .npy or .npz"


@dataclass(frozen=True)
class Volume:
    """One file: pixels with their geometry, as far as the file knows it."""

    pixels: npt.NDArray[np.generic]  # (frames, slices, rows, columns)
    affine: npt.NDArray[np.float64] | None = None  # (column, row, slice, 1) -> RAS mm
    spacing_mm: tuple[float, float] | None = None  # (row, column)
    slice_step_mm: float | None = None
    trigger_ms: tuple[float, ...] = ()  # per frame; empty: unknown


def check_intensities(volume: Volume, name: str) -> None:
    """Refuse volumes that hold no image.

    Raises:
        ReadError: NaN, infinite or constant intensities.
    """
    pixels = volume.pixels
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        bad = int((~np.isfinite(pixels)).sum())
        raise ReadError(f"{name}: expected finite intensities, got {bad} NaN or infinite voxels")
    if pixels.size == 0:
        raise ReadError(f"{name}: expected an image, got one without pixels, {_xyz(volume)}")
    if (low := pixels.min()) == pixels.max():
        raise ReadError(f"{name}: expected an image, got the same value everywhere ({low})")


def check_same_grid(volume: Volume, image: Volume, name: str, image_name: str) -> None:
    """Refuse a mask, or another frame, that does not lie on its image.

    Raises:
        ReadError: shapes, voxel sizes or places differ.
    """
    if volume.pixels.shape[1:] != image.pixels.shape[1:]:
        raise ReadError(f"{name}: expected the shape of {image_name}, {_xyz(image)}, got {_xyz(volume)}")
    for what, own, other in (
        ("pixel size", volume.spacing_mm, image.spacing_mm),
        ("slice step", volume.slice_step_mm, image.slice_step_mm),
    ):
        if own is not None and other is not None and not np.allclose(own, other, rtol=SAME_SIZE):
            raise ReadError(
                f"{name}: expected the {what} of {image_name}, {_lengths(other)} mm, got {_lengths(own)} mm"
            )
    if (apart := _voxels_apart(volume, image)) > SAME_PLACE:
        raise ReadError(
            f"{name}: expected the place of {image_name} in the scanner, got one {apart:.1f} voxels away; resample it to the image"
        )


def _lengths(lengths: float | tuple[float, float]) -> str:
    return " x ".join(f"{one:g}" for one in np.atleast_1d(lengths))


def _voxels_apart(volume: Volume, image: Volume) -> float:
    """How far the corners of a volume lie from those of its image, in voxels of the image; 0 where one does not say its place."""
    if volume.affine is None or image.affine is None or not (_is_placed(volume.affine) and _is_placed(image.affine)):
        return 0.0
    if abs(np.linalg.det(image.affine[:3, :3])) < 1e-9:
        return 0.0
    ends = [(0, n - 1) for n in reversed(image.pixels.shape[1:])]
    corners = np.array([[*corner, 1] for corner in product(*ends)], dtype=np.float64).T
    return float(np.abs((np.linalg.inv(image.affine) @ volume.affine @ corners - corners)[:3]).max())


def _is_placed(affine: npt.NDArray[np.float64]) -> bool:
    """Whether an affine says more than voxel sizes: many programs write masks without a place."""
    axes = affine[:3, :3]
    return bool(affine[:3, 3].any() or (axes - np.diag(np.diag(axes))).any())


def canonical_mask(pixels: npt.NDArray[np.generic], labels: Mapping[int, int], name: str) -> Mask:
    """Foreign label values to canonical ones.

    Raises:
        ReadError: a value that `labels` does not name.
    """
    try:
        return remap(pixels, labels, name)
    except ValueError as error:
        raise ReadError(str(error)) from error


def _xyz(volume: Volume) -> str:
    return " x ".join(str(n) for n in reversed(volume.pixels.shape[1:]))


def existing(folder: Path, stem: str) -> Path | None:
    """The file of that name with either NIfTI suffix, if there is one."""
    return next((folder / f"{stem}{s}" for s in NIFTI_SUFFIXES if (folder / f"{stem}{s}").is_file()), None)


def required(folder: Path, stem: str) -> Path:
    """The file of that name with either NIfTI suffix.

    Raises:
        ReadError: it is not there.
    """
    path = existing(folder, stem)
    if path is None:
        raise ReadError(f"{stem}.nii.gz: expected this file, but it is not there")
    return path


def nifti_stem(path: Path) -> str | None:
    """The file's name without its NIfTI suffix; None where it has another one."""
    return next((path.name.removesuffix(s) for s in NIFTI_SUFFIXES if path.name.endswith(s)), None)


def load_volume(path: Path, most: int = MOST_VOXELS) -> Volume:
    """Load a 2D, 3D or 4D NIfTI file; integers stay integers, other values become float32.

    nibabel's (x, y, z, t) becomes (t, z, y, x), so that the usual display has rows = y and columns = x.

    Args:
        path: the file.
        most: voxels that it may have; no cine comes near the usual limit.

    Raises:
        ReadError: the file is missing, empty, cut short, too large, or no NIfTI.
    """
    stored, header = read_nifti(path, most)
    if stored.dtype.kind not in "biuf":
        raise ReadError(f"{path.name}: expected one real number per voxel, got values of type {stored.dtype}")
    try:
        pixels = scaled(stored, *header.get_slope_inter())
        zooms = [float(z) for z in header.get_zooms()]
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        unit, start = header.get_xyzt_units()[1], float(header["toffset"])
    except Exception as error:  # nibabel raises many kinds on damaged bytes, all with one meaning here
        raise ReadError(
            f"{path.name}: cannot be read as NIfTI, probably cut short or damaged ({why(error)})"
        ) from error
    display = _display(pixels, path)
    one_slice = display.shape[1] == 1 and zooms[2:3] == [0.0]
    if one_slice:  # which has no step to the next one
        zooms[2] = 1.0
    if not all(np.isfinite(z) and z > 0 for z in zooms[:3]):
        raise ReadError(f"{path.name}: expected voxel sizes above 0 in the header, got {zooms[:3]}")
    return Volume(
        pixels=display,
        affine=_in_millimetres(affine, zooms) if np.isfinite(affine).all() else None,
        spacing_mm=(zooms[1], zooms[0]),
        slice_step_mm=zooms[2] if len(zooms) > 2 and not one_slice else None,
        trigger_ms=_times(display.shape[0], zooms, unit, start),
    )


def _in_millimetres(affine: npt.NDArray[np.float64], zooms: list[float]) -> npt.NDArray[np.float64]:
    """Give the axes the lengths that the voxel sizes say.

    Some archives (ACDC among them) state voxel sizes beside an affine of unit steps; sizes are what volumes rest on.
    """
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    wanted = np.array([*zooms[:3], *(1.0,) * (3 - len(zooms[:3]))])
    if (lengths == 0).any() or np.allclose(lengths, wanted, rtol=1e-3):
        return affine
    scaled = affine.copy()
    scaled[:3, :3] *= wanted / lengths
    return scaled


def scaled(raw: npt.NDArray[np.generic], slope: float | None, intercept: float | None) -> npt.NDArray[np.generic]:
    """Stored values times slope plus intercept, without the float64 that nibabel would make of them."""
    slope, intercept = 1.0 if slope is None else slope, intercept or 0.0
    if (slope, intercept) == (1.0, 0.0):
        return raw.astype(
            np.float32 if raw.dtype.itemsize > 4 and raw.dtype.kind == "f" else raw.dtype.newbyteorder("="), copy=False
        )
    values = raw.astype(np.float32)
    values *= np.float32(slope)
    values += np.float32(intercept)
    return values


def _display(pixels: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.generic]:
    shape = pixels.shape
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if not 2 <= len(shape) <= 4:
        raise ReadError(f"{path.name}: expected a 2D, 3D or 4D image, got {pixels.ndim} dimensions, {pixels.shape}")
    return pixels.reshape(*shape, *(1,) * (4 - len(shape)), order="F").transpose(3, 2, 1, 0)


def _times(count: int, zooms: list[float], unit: str, start: float) -> tuple[float, ...]:
    scale = {"msec": 1.0, "sec": 1000.0, "usec": 0.001}.get(unit)
    if count < 2 or len(zooms) < 4 or scale is None or not 0 < zooms[3] * scale <= LONGEST_FRAME_S * 1000:
        return ()
    return tuple((start + t * zooms[3]) * scale for t in range(count))


def is_raster(path: Path) -> bool:
    """Whether it is a picture file, whose grey values have no meaning of their own."""
    return path.suffix.lower() in RASTERS


def load_image(path: Path, role: str = "image", most: int = MOST_VOXELS) -> Volume:
    """Load a file as (frames, slices, rows, columns).

    Pictures are one slice (pages of a TIFF are slices); arrays are (rows, columns), (slices, rows, columns) or (frames,
    slices, rows, columns); an NPZ holds one array, or arrays named `image` and `mask`.

    Args:
        path: the file.
        role: "image" or "mask", to choose from an NPZ.
        most: pixels that it may have.

    Raises:
        ReadError: the file is missing, empty, damaged, coloured, or of an unknown type.
    """
    if nifti_stem(path) is not None:
        return load_volume(path, most)
    suffix = path.suffix.lower()
    if suffix not in RASTERS | ARRAYS:
        raise ReadError(f"{path.name}: expected a file ending in {KNOWN}")
    expect_file(path)
    if path.stat().st_size == 0:
        raise ReadError(f"{path.name}: the file is empty (0 bytes); copy it again")
    try:
        pixels = _raster(path, most) if suffix in RASTERS else _array(path, role, most)
    except ReadError:
        raise
    except Exception as error:  # decoders raise many kinds on damaged bytes, all with one meaning here
        raise ReadError(f"{path.name}: cannot be read, probably cut short or damaged ({why(error)})") from error
    if pixels.dtype.kind not in "biuf":
        raise ReadError(f"{path.name}: expected one real number per pixel, got values of type {pixels.dtype}")
    return Volume(pixels)


def _raster(path: Path, most: int) -> npt.NDArray[np.generic]:
    from PIL import Image, ImageSequence

    pages, left = [], most
    with Image.open(path) as picture:
        for page in ImageSequence.Iterator(picture):
            left -= page.width * page.height  # as the header says, before anything is unpacked
            if left < 0:
                raise ReadError(_too_large(path, most))
            pages.append(_grey(page, path))
    return np.stack(pages)[np.newaxis]


def _too_large(path: Path, most: int) -> str:
    return f"{path.name}: expected at most {most} pixels, more than any short-axis cine has, got more"


def _grey(page: Image, path: Path) -> npt.NDArray[np.generic]:
    """(rows, columns); a palette keeps its indices, for that is how masks are drawn with one."""
    values = np.asarray(page)
    if values.dtype == bool:
        values = values.astype(np.uint8)
    if values.ndim == 3:
        colours = values[..., : 1 if page.mode == "LA" else 3]
        if (colours != colours[..., :1]).any():
            raise ReadError(f"{path.name}: expected a grey image, got a coloured one ({page.mode})")
        values = colours[..., 0]
    return np.ascontiguousarray(values)


def _array(path: Path, role: str, most: int) -> npt.NDArray[np.generic]:
    if path.stat().st_size > 8 * most + SPARE_BYTES:
        raise ReadError(_too_large(path, most))
    packed = path.suffix.lower() == ".npz"
    array = _from_npz(path, role, most) if packed else np.load(path, allow_pickle=False)
    if not 2 <= array.ndim <= 4:
        raise ReadError(
            f"{path.name}: expected (rows, columns), (slices, rows, columns) or (frames, slices, rows, columns), "
            f"got shape {array.shape}"
        )
    return array.reshape(*(1,) * (4 - array.ndim), *array.shape)


def _from_npz(path: Path, role: str, most: int) -> npt.NDArray[np.generic]:
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > 8 * most + SPARE_BYTES:
            raise ReadError(_too_large(path, most))
    with np.load(path, allow_pickle=False) as arrays:
        name = role if role in arrays.files else arrays.files[0] if len(arrays.files) == 1 else None
        if name is None:
            raise ReadError(f"{path.name}: expected one array or one named '{role}', got {len(arrays.files)} others")
        return arrays[name]
