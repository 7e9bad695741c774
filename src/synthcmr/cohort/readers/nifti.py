"""Loading NIfTI volumes as they are displayed: rows down, columns right."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.errors import ReadError


@dataclass(frozen=True)
class Volume:
    """One NIfTI file: pixels with their geometry."""

    pixels: npt.NDArray[np.generic]  # (frames, slices, rows, columns)
    affine: npt.NDArray[np.float64]  # (column, row, slice, 1) -> RAS mm
    spacing_mm: tuple[float, float]  # (row, column)
    slice_step_mm: float


def load_volume(path: Path) -> Volume:
    """Load a 2D, 3D or 4D NIfTI file; integers stay integers.

    nibabel's (x, y, z, t) becomes (t, z, y, x), so that the usual display has rows = y and columns = x.

    Raises:
        ReadError: the file is missing, empty, cut short, or no NIfTI.
    """
    import nibabel as nib

    if not path.is_file():
        raise ReadError(f"{path.name}: expected this file, but it is not there")
    if path.stat().st_size == 0:
        raise ReadError(f"{path.name}: the file is empty (0 bytes); copy it again")
    try:
        image = nib.load(path)
        pixels = np.asanyarray(image.dataobj)
        zooms = [float(z) for z in image.header.get_zooms()]
        affine = np.asarray(image.affine, dtype=np.float64)
    except (OSError, EOFError, ValueError, zlib.error, nib.filebasedimages.ImageFileError) as error:
        raise ReadError(f"{path.name}: cannot be read as NIfTI, probably cut short or damaged ({error})") from error
    if not 2 <= pixels.ndim <= 4:
        raise ReadError(f"{path.name}: expected a 2D, 3D or 4D image, got {pixels.ndim} dimensions")
    pixels = pixels.reshape(*pixels.shape, *(1,) * (4 - pixels.ndim))
    step = zooms[2] if len(zooms) > 2 else 1.0
    return Volume(pixels.transpose(3, 2, 1, 0), affine, (zooms[1], zooms[0]), step)


def check_intensities(volume: Volume, name: str) -> None:
    """Refuse volumes that hold no image.

    Raises:
        ReadError: NaN, infinite or constant intensities.
    """
    pixels = volume.pixels
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ReadError(
            f"{name}: expected finite intensities, got {int((~np.isfinite(pixels)).sum())} NaN or infinite voxels"
        )
    if pixels.size == 0 or pixels.min() == pixels.max():
        raise ReadError(f"{name}: expected an image, got the same value everywhere")


def check_same_grid(mask: Volume, image: Volume, mask_name: str, image_name: str) -> None:
    """Refuse a mask that does not lie on its image.

    Raises:
        ReadError: shapes differ.
    """
    if mask.pixels.shape[1:] != image.pixels.shape[1:]:
        raise ReadError(f"{mask_name}: expected the shape of {image_name}, {_xyz(image)}, got {_xyz(mask)}")


def _xyz(volume: Volume) -> str:
    return " x ".join(str(n) for n in reversed(volume.pixels.shape[1:]))
