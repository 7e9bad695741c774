"""ACDC: `patientNNN/Info.cfg` with ED and ES volumes, their masks, and perhaps the whole cine."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import ACDC_LABELS, ALL_STRUCTURES, Label, Mask, remap
from synthcmr.cohort.raw import Case, RawSubject, Stack
from synthcmr.cohort.readers.nifti import Volume, check_intensities, check_same_grid, load_volume
from synthcmr.errors import ReadError

PATIENT = re.compile(r"patient\d+")
SUFFIXES = (".nii.gz", ".nii")
INFO = "Info.cfg"
MAX_DEPTH = 3


@dataclass(frozen=True)
class Info:
    """What Info.cfg says. Frames are 1-based there and 0-based here."""

    ed: int
    es: int
    attributes: dict[str, object]


class AcdcReader:
    """Reads the ACDC challenge's layout, the database root, `training/`, `testing/` or one patient folder."""

    name = "acdc"
    about = "patientNNN/ folders with Info.cfg, patientNNN_frameXX.nii.gz and patientNNN_frameXX_gt.nii.gz"

    def recognises(self, source: Path) -> bool:
        """Whether patient folders with ACDC's frame names are there."""
        folders = _patients(source)
        return any((f / INFO).exists() or any(f.glob(f"{f.name}_frame*")) for f in folders[:20])

    def cases(self, source: Path) -> list[Case]:
        """Every patient folder."""
        return [
            Case(str(f.relative_to(source)) if f != source else f.name, {"folder": str(f)}) for f in _patients(source)
        ]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one patient."""
        folder = Path(str(case.payload["folder"]))
        info = read_info(folder / INFO)
        cine = _existing(folder, f"{folder.name}_4d")
        stack = _cine_stack(folder, info, cine) if cine is not None else _pair_stack(folder, info)
        return RawSubject(folder.name, info.attributes, (stack,))


def _patients(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    if PATIENT.fullmatch(source.name):
        return [source]
    for depth in range(1, MAX_DEPTH + 1):
        found = sorted(p for p in source.glob("/".join(["*"] * depth)) if p.is_dir() and PATIENT.fullmatch(p.name))
        if found:
            return found
    return []


def read_info(path: Path) -> Info:
    """Read Info.cfg.

    Raises:
        ReadError: it is missing, or lacks a usable ED or ES.
    """
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise ReadError(f"{path.name}: expected this file with ED, ES and Group, but it is not there") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(
            f"{path.name}: expected text with lines such as 'ED: 1', got something unreadable ({error})"
        ) from error
    values = dict(match.groups() for match in re.finditer(r"^\s*(\w+)\s*:\s*(.*?)\s*$", text, re.MULTILINE))
    frames = [_frame(values, name, path) for name in ("ED", "ES")]
    attributes: dict[str, object] = {}
    if values.get("Group"):
        attributes["diagnosis"] = values["Group"]
    for name, column in (("Height", "height_cm"), ("Weight", "weight_kg")):
        if _positive(values.get(name)):
            attributes[column] = float(values[name])
    return Info(frames[0] - 1, frames[1] - 1, attributes)


def _frame(values: dict[str, str], name: str, path: Path) -> int:
    text = values.get(name)
    if text is None or not text.isdigit() or int(text) < 1:
        got = f"'{name}: {text}'" if text is not None else "no such line"
        raise ReadError(f"{path.name}: expected a line '{name}: <frame number from 1>', got {got}")
    return int(text)


def _positive(text: str | None) -> bool:
    try:
        return text is not None and float(text) > 0
    except ValueError:
        return False


def _existing(folder: Path, stem: str) -> Path | None:
    return next((folder / f"{stem}{s}" for s in SUFFIXES if (folder / f"{stem}{s}").exists()), None)


def _pair_stack(folder: Path, info: Info) -> Stack:
    images, masks = [], []
    for frame in (info.ed, info.es):
        stem = f"{folder.name}_frame{frame + 1:02d}"
        path = _existing(folder, stem) or folder / f"{stem}.nii.gz"
        volume = load_volume(path)
        check_intensities(volume, path.name)
        images.append(volume)
        masks.append(_mask(folder, stem, volume, path.name))
    ed, es = images
    if ed.pixels.shape != es.pixels.shape:
        raise ReadError(
            f"ED and ES differ in shape: {ed.pixels.shape[1:]} and {es.pixels.shape[1:]} (slices, rows, columns)"
        )
    pixels = np.concatenate([ed.pixels, es.pixels])
    return _stack(ed, pixels, masks, ("ED", "ES"), (info.ed, info.es))


def _cine_stack(folder: Path, info: Info, path: Path) -> Stack:
    volume = load_volume(path)
    check_intensities(volume, path.name)
    count = volume.pixels.shape[0]
    if max(info.ed, info.es) >= count:
        raise ReadError(
            f"{INFO}: expected ED and ES within the {count} frames of {path.name}, got {info.ed + 1} and {info.es + 1}"
        )
    masks: list[Mask | None] = [None] * count
    for frame in {info.ed, info.es}:
        masks[frame] = _mask(folder, f"{folder.name}_frame{frame + 1:02d}", volume, path.name)
    phases = tuple("ED" if k == info.ed else "ES" if k == info.es else "" for k in range(count))
    return _stack(volume, volume.pixels, masks, phases, tuple(range(count)))


def _mask(folder: Path, stem: str, image: Volume, image_name: str) -> Mask | None:
    path = _existing(folder, f"{stem}_gt")
    if path is None:
        return None
    volume = load_volume(path)
    check_same_grid(volume, image, path.name, image_name)
    try:
        return remap(volume.pixels, ACDC_LABELS, path.name)[0]
    except ValueError as error:
        raise ReadError(str(error)) from error


def _stack(
    geometry: Volume, pixels: np.ndarray, masks: list[Mask | None], phases: tuple[str, ...], frames: tuple[int, ...]
) -> Stack:
    shape = pixels.shape[1:]
    unknown = np.full(shape, Label.UNLABELLED, dtype=np.uint8)
    known = any(m is not None for m in masks)
    return Stack(
        image=pixels,
        mask=np.stack([unknown if m is None else m for m in masks]) if known else None,
        spacing_mm=geometry.spacing_mm,
        slice_step_mm=geometry.slice_step_mm,
        phases=phases,
        labelled=tuple(() if m is None else ALL_STRUCTURES for m in masks) if known else (),
        affine=geometry.affine,
        frame_indices=frames,
    )
