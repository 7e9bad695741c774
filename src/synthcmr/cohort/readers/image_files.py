"""Loading images and masks of any known file type: NIfTI, PNG, JPEG, TIFF, NPY, NPZ."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.readers.nifti import MAX_BYTES, load_volume, nifti_stem
from synthcmr.cohort.readers.volume import Volume
from synthcmr.errors import ReadError

if TYPE_CHECKING:
    from PIL.Image import Image

RASTERS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"}
ARRAYS = {".npy", ".npz"}
KNOWN = ".nii, .nii.gz, .png, .jpg, .tif, .npy or .npz"


def is_raster(path: Path) -> bool:
    """Whether it is a picture file, whose grey values have no meaning of their own."""
    return path.suffix.lower() in RASTERS


def load_image(path: Path, role: str = "image") -> Volume:
    """Load a file as (frames, slices, rows, columns).

    Pictures are one slice (pages of a TIFF are slices); arrays are (rows, columns), (slices, rows, columns) or (frames,
    slices, rows, columns); an NPZ holds one array, or arrays named `image` and `mask`.

    Args:
        path: the file.
        role: "image" or "mask", to choose from an NPZ.

    Raises:
        ReadError: the file is missing, empty, damaged, coloured, or of an unknown type.
    """
    if nifti_stem(path) is not None:
        return load_volume(path)
    suffix = path.suffix.lower()
    if suffix not in RASTERS | ARRAYS:
        raise ReadError(f"{path.name}: expected a file ending in {KNOWN}")
    if not path.is_file():
        raise ReadError(f"{path.name}: expected this file, but it is not there")
    if path.stat().st_size == 0:
        raise ReadError(f"{path.name}: the file is empty (0 bytes); copy it again")
    try:
        pixels = _raster(path) if suffix in RASTERS else _array(path, role)
    except ReadError:
        raise
    except Exception as error:  # decoders raise many kinds on damaged bytes, all with one meaning here
        raise ReadError(f"{path.name}: cannot be read, probably cut short or damaged ({error})") from error
    if pixels.dtype.kind not in "biuf":
        raise ReadError(f"{path.name}: expected one real number per pixel, got values of type {pixels.dtype}")
    return Volume(pixels)


def _raster(path: Path) -> npt.NDArray[np.generic]:
    from PIL import Image, ImageSequence

    with Image.open(path) as picture:
        pages = [_grey(page, path) for page in ImageSequence.Iterator(picture)]
    return np.stack(pages)[np.newaxis]


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


def _array(path: Path, role: str) -> npt.NDArray[np.generic]:
    array = _from_npz(path, role) if path.suffix.lower() == ".npz" else np.load(path, allow_pickle=False)
    if not 2 <= array.ndim <= 4:
        raise ReadError(
            f"{path.name}: expected (rows, columns), (slices, rows, columns) or (frames, slices, rows, columns), "
            f"got shape {array.shape}"
        )
    return array.reshape(*(1,) * (4 - array.ndim), *array.shape)


def _from_npz(path: Path, role: str) -> npt.NDArray[np.generic]:
    with zipfile.ZipFile(path) as archive:
        if sum(item.file_size for item in archive.infolist()) > MAX_BYTES:
            raise ReadError(f"{path.name}: expected an image, got a file that unpacks to over {MAX_BYTES >> 30} GiB")
    with np.load(path, allow_pickle=False) as arrays:
        name = role if role in arrays.files else arrays.files[0] if len(arrays.files) == 1 else None
        if name is None:
            raise ReadError(f"{path.name}: expected one array or one named '{role}', got {', '.join(arrays.files)}")
        return arrays[name]
