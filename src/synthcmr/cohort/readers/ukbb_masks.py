"""Masks in the convention of Bai et al.'s ukbb_cardiac, placed on a DICOM cine by world position."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import ALL_STRUCTURES, MNMS_LABELS, Label, Mask, remap
from synthcmr.cohort.phases import MIN_CINE_FRAMES, systole_frames
from synthcmr.cohort.readers.dicom.cine import Cine, CineMasks
from synthcmr.cohort.readers.dicom.short_axis import slice_affine
from synthcmr.cohort.readers.image_files import scaled
from synthcmr.cohort.readers.nifti_file import read_nifti
from synthcmr.cohort.reasons import why
from synthcmr.errors import ReadError

BAI_LABELS = MNMS_LABELS  # 1 LV cavity, 2 myocardium, 3 RV cavity in both
WHOLE_CINE = ("seg_sa.nii.gz", "label_sa.nii.gz")
ONE_PHASE = {"ED": ("label_sa_ED.nii.gz", "seg_sa_ED.nii.gz"), "ES": ("label_sa_ES.nii.gz", "seg_sa_ES.nii.gz")}
SLICE_TOLERANCE = 0.25  # of a slice step: farther off, a mask was drawn on other slices
ORDER_NOTE = "masks carry no usable position; their slices were taken in the order of the images"
ES_NOTE = "the frame of the ES mask was found by where its wall is darkest"


def bai_masks(folder: Path, cine: Cine) -> CineMasks:
    """Masks beside a subject's images, if there are any, and the phases that the files' names say.

    Raises:
        ReadError: a mask is damaged, has foreign labels, or does not fit the images.
    """
    count = cine.image.shape[0]
    mask, drawn, phases = cine.empty_mask(), [False] * count, [""] * count
    notes: list[str] = []
    for phase, placed in _placed(folder, cine, notes):
        if phase == "":
            mask[:], drawn = placed, [True] * count
            continue
        t = 0 if phase == "ED" else _es_frame(cine, placed[0], notes)
        mask[t], drawn[t], phases[t] = placed[0], True, phase
    if not any(drawn):
        return CineMasks(notes=tuple(notes))
    labelled = tuple(ALL_STRUCTURES if d else () for d in drawn)
    return CineMasks(mask, labelled, tuple(phases), tuple(dict.fromkeys(notes)))


def _placed(folder: Path, cine: Cine, notes: list[str]) -> Iterator[tuple[str, Mask]]:
    """(phase, masks on the cine's grid) of each mask file: the whole cine if it is there, else ED and ES."""
    whole_cine = _first_file(folder, WHOLE_CINE)
    if whole_cine is not None:
        yield "", _on_cine(whole_cine, cine, cine.image.shape[0], notes)
        return
    for phase, names in ONE_PHASE.items():
        path = _first_file(folder, names)
        if path is not None:
            yield phase, _on_cine(path, cine, 1, notes)


def _first_file(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _on_cine(path: Path, cine: Cine, frames: int, notes: list[str]) -> Mask:
    """A mask file on the grid of a cine: (frames, slices, rows, columns)."""
    values, affine = _load(path)
    if values.shape[3] != frames:
        raise ReadError(f"{path.name}: expected {frames} frame(s) as the images have, got {values.shape[3]}")
    if _is_unusable(affine):
        notes.append(ORDER_NOTE)
        return _in_order(path, values, cine)
    slices = [_sample(values, np.linalg.inv(affine) @ slice_affine(row[0]), row[0].shape) for row in cine.slices]
    if all((s == Label.UNLABELLED).all() for s in slices):
        raise ReadError(f"{path.name}: expected a mask on the grid of the images, got one that lies elsewhere in space")
    return np.stack(slices, axis=1)


def _load(path: Path) -> tuple[Mask, npt.NDArray[np.float64]]:
    """Canonical labels (columns, rows, slices, frames) and the affine to RAS+ millimetres."""
    try:
        stored, header = read_nifti(path)
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
        values = scaled(stored, *header.get_slope_inter())
    except ReadError:
        raise
    except Exception as error:  # nibabel raises many kinds on damaged bytes, all with one meaning here
        raise ReadError(f"{path.name}: expected a NIfTI mask, got a damaged file ({why(error)})") from error
    if values.ndim not in (3, 4):
        raise ReadError(
            f"{path.name}: expected a mask of 3 or 4 axes (columns, rows, slices, frames), got {values.ndim}"
        )
    try:
        mask = remap(values, BAI_LABELS, path.name)
    except ValueError as error:
        raise ReadError(str(error)) from error
    return (mask if mask.ndim == 4 else mask[..., np.newaxis]), affine


def _is_unusable(affine: npt.NDArray[np.float64]) -> bool:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    is_diagonal = np.array_equal(np.abs(affine[:3, :3]), np.diag(spacing))
    return bool((spacing == 0).any()) or (is_diagonal and not affine[:3, 3].any())


def _in_order(path: Path, values: Mask, cine: Cine) -> Mask:
    _, slices, rows, columns = cine.image.shape
    if values.shape[:3] != (columns, rows, slices):
        wanted = f"{columns} columns x {rows} rows x {slices} slices"
        raise ReadError(f"{path.name}: expected {wanted} as the images have, got {values.shape[:3]}")
    return np.ascontiguousarray(values.transpose(3, 2, 1, 0))


def _sample(values: Mask, to_mask: npt.NDArray[np.float64], shape: tuple[int, int]) -> Mask:
    """(frames, rows, columns) of the mask at the pixels of one image; UNLABELLED where the mask does not reach."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    pixels = np.stack([columns.ravel(), rows.ravel(), np.zeros(rows.size), np.ones(rows.size)])
    where = (to_mask @ pixels)[:3]
    index = np.rint(where).astype(np.int64)
    limits = np.array(values.shape[:3])[:, np.newaxis]
    inside = ((index >= 0) & (index < limits)).all(axis=0) & (np.abs(where - index)[2] <= SLICE_TOLERANCE)
    out = np.full((values.shape[3], rows.size), Label.UNLABELLED, dtype=np.uint8)
    i, j, k = index[:, inside]
    out[:, inside] = values[i, j, k].T
    return out.reshape(values.shape[3], *shape)


def _es_frame(cine: Cine, mask: Mask, notes: list[str]) -> int:
    """The frame an ES mask (slices, rows, columns) belongs to: where its wall is darkest.

    In a fuller ventricle part of that wall is still blood. The cavity says less: trabeculae darken it at end-systole.
    """
    count = cine.image.shape[0]
    if count < 2:
        raise ReadError("expected a cine for the ES mask, got a single frame")
    if count == 2:
        return 1
    notes.append(ES_NOTE)
    candidates = systole_frames(count) if count >= MIN_CINE_FRAMES else range(1, count)
    wall = mask == Label.MYOCARDIUM
    if not wall.any():
        raise ReadError("expected myocardium in the ES mask, got a mask without it")
    return min(candidates, key=lambda t: float(cine.image[t][wall].mean()))
