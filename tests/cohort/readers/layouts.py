"""Tiny data sets in the layouts that readers know, with a heart of known shape."""

import csv
import gzip
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pydicom

from synthcmr.cohort import Cohort
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.readers import get_reader
from synthcmr.cohort.writers import get_writer
from tests.cohort.making import disc_mask

SHAPE = (4, 24, 20)  # slices, rows, columns
SPACING = (1.5, 1.25)  # row, column: unequal, so that swapped axes are noticed
STEP = 9.0
AFFINE = np.array([[-1.25, 0, 0, 30.0], [0, -1.5, 0, 20.0], [0, 0, 9.0, -5.0], [0, 0, 0, 1.0]])
ACDC = np.array([0, 3, 2, 1], dtype=np.uint8)  # canonical label -> ACDC's

Pixels = npt.NDArray[np.generic]


def heart(frames: int = 1, slices: int = SHAPE[0]) -> npt.NDArray[np.uint8]:
    """Canonical masks (frames, slices, rows, columns), smaller in later frames."""
    mask = disc_mask((frames, slices, *SHAPE[1:]), (4.0, 4.0), range(slices), (12.0, 11.0))
    for t in range(frames):
        mask[t, :, : 4 + t % 3] = 0
    return mask


def picture(mask: npt.NDArray[np.uint8], seed: int = 0) -> npt.NDArray[np.int16]:
    """Intensities that follow a mask, with noise."""
    rng = np.random.default_rng(seed)
    brightness = np.array([40, 400, 120, 380])[mask]
    return (brightness + rng.integers(0, 60, mask.shape)).astype(np.int16)


def save(path: Path, pixels: Pixels, affine: npt.NDArray[np.float64] = AFFINE) -> None:
    """Write (..., slices, rows, columns) as NIfTI in its own axis order (x, y, z[, t])."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(pixels).T, affine)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as a table with the columns of all of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_all(format_: str, source: Path) -> dict[str, RawSubject]:
    """Every subject that a reader finds, by its id; the reader must recognise the source."""
    reader = get_reader(format_)
    assert reader.recognises(source)
    return {raw.subject_id: raw for raw in (reader.read(source, case) for case in reader.cases(source))}


def read_one(format_: str, source: Path) -> RawSubject:
    """The only subject of a source."""
    (raw,) = read_all(format_, source).values()
    return raw


def acdc_patient(root: Path, name: str = "patient001", info: str | None = None, masks: bool = True) -> Path:
    """A patient folder with frames 1 (ED) and 5 (ES)."""
    folder = root / name
    drawn = heart(2)
    for t, frame in enumerate((1, 5)):
        save(folder / f"{name}_frame{frame:02d}.nii.gz", picture(drawn[t]))
        if masks:
            save(folder / f"{name}_frame{frame:02d}_gt.nii.gz", ACDC[drawn[t]])
    text = "ED: 1\nES: 5\nGroup: HCM\nHeight: 184.0\nNbFrame: 8\nWeight: 95.0\n" if info is None else info
    (folder / "Info.cfg").write_text(text)
    return folder


# What can be wrong with a file: name -> (how to spoil it, what the reason must say)
def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("this is no image, whatever its name says " * 20)


def _nan(path: Path) -> None:
    image = nib.load(path)
    pixels = np.ascontiguousarray(image.dataobj, dtype=np.float32)
    pixels.ravel()[-1] = np.nan
    nib.save(nib.Nifti1Image(pixels, image.affine), path)


def _infinite(path: Path) -> None:
    image = nib.load(path)
    pixels = np.ascontiguousarray(image.dataobj, dtype=np.float32)
    pixels.ravel()[0] = np.inf
    nib.save(nib.Nifti1Image(pixels, image.affine), path)


def _constant(path: Path) -> None:
    image = nib.load(path)
    nib.save(nib.Nifti1Image(np.full(image.shape, 7, dtype=np.int16), image.affine), path)


def _short_payload(path: Path) -> None:
    """A header that claims more pixels than the file holds."""
    image = nib.load(path)
    content = bytearray(nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine).to_bytes())
    content[46:48] = (image.shape[2] * 50).to_bytes(2, "little")  # dim[3]
    path.write_bytes(gzip.compress(bytes(content)))


def _colours(path: Path) -> None:
    image = nib.load(path)
    pixels = np.zeros(image.shape, dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(pixels, image.affine), path)


def _flipped_bits(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for i in range(len(content) // 2, len(content) // 2 + 40):
        content[i] ^= 0xFF
    path.write_bytes(bytes(content))


SPOILED_IMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut short": (_cut, "cut short"),
    "zero bytes": (_empty, "0 bytes"),
    "text": (_text, "expected a NIfTI file"),
    "NaN": (_nan, "1 NaN or infinite"),
    "infinite": (_infinite, "1 NaN or infinite"),
    "constant": (_constant, "same value everywhere"),
    "header claims more": (_short_payload, "cut short or damaged"),
    "colours": (_colours, "one real number per voxel"),
    "flipped bits": (_flipped_bits, "damaged"),
    "gone": (Path.unlink, "not there"),
}


def with_shape(pixels: Any, affine: npt.NDArray[np.float64] = AFFINE) -> Callable[[Path], None]:
    """A spoiler that puts other pixels in place of a file's."""
    return lambda path: save(path, pixels, affine)


def mr_instances(cohort: Cohort, out: Path) -> Path:
    """The MR instances of a cohort as a hospital would store them: one folder, flat, without masks."""
    get_writer("dicom").write(cohort, out / "written")
    (out / "flat").mkdir()
    for k, path in enumerate(sorted((out / "written").rglob("*.dcm"))):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.Modality == "MR":
            shutil.copy(path, out / "flat" / f"{(k * 37) % 997:04d}.dcm")  # names say nothing about the order
    return out / "flat"
