"""ACDC: `patientNNN/Info.cfg` with ED and ES volumes, their masks, and perhaps the whole cine."""

import re
from dataclasses import dataclass
from pathlib import Path

from synthcmr.cohort.labels import ACDC_LABELS, Mask
from synthcmr.cohort.raw_subject import Case, RawSubject, Stack
from synthcmr.cohort.readers.image_files import Volume, check_same_grid, existing, required
from synthcmr.cohort.readers.labelled_frames import cine_stack, load_cine, load_frame, load_frame_mask, pair_stack
from synthcmr.cohort.reasons import kind_of, why
from synthcmr.cohort.source_links import expect_within
from synthcmr.cohort.splits import OFFICIAL, set_of_case
from synthcmr.errors import ReadError

PATIENT = re.compile(r"patient\d+")
LINE = re.compile(r"\s*(\w+)\s*[:=]\s*(.*?)\s*")
FRAME_NUMBER = re.compile(r"\d{1,6}")
INFO = "Info.cfg"
SETS = {"training": "train", "testing": "test"}  # folders of the challenge; patients 1 to 100, and 101 to 150
MAX_DEPTH = 3
LOOKED_AT = 20  # folders that decide whether this is ACDC


@dataclass(frozen=True)
class PatientInfo:
    """What Info.cfg says. Frames are 1-based there and 0-based here."""

    ed: int
    es: int
    attributes: dict[str, object]


class AcdcReader:
    """Reads the ACDC challenge's layout: the database root, `training/`, `testing/` or one patient folder."""

    name = "acdc"
    about = "patientNNN/ folders with Info.cfg, patientNNN_frameXX.nii.gz and patientNNN_frameXX_gt.nii.gz"

    def recognises(self, source: Path) -> bool:
        """Whether patient folders with ACDC's file names are there."""
        folders = _patients(source)
        return any((f / INFO).exists() or any(f.glob(f"{f.name}_frame*")) for f in folders[:LOOKED_AT])

    def cases(self, source: Path) -> list[Case]:
        """Every patient folder, also misnamed ones, and the official set that its parent folder is named after."""
        folders = _patients(source)
        return [
            Case(
                str(f.relative_to(source)) if f != source else f.name,
                {OFFICIAL: SETS.get(f.absolute().parent.name.lower())},
            )
            for f in (*folders, *_misnamed(folders, source))
        ]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one patient: the whole cine where it is there, else its ED and ES frames."""
        folder = source if case.case_id == source.name and PATIENT.fullmatch(source.name) else source / case.case_id
        info = read_info(folder / INFO)
        if not PATIENT.fullmatch(folder.name):
            raise ReadError("expected a folder named 'patient' and a number, got another name; rename it and its files")
        cine = existing(folder, f"{folder.name}_4d")
        stack = _pair_stack(folder, info) if cine is None else _cine_stack(folder, info, cine)
        return RawSubject(folder.name, info.attributes, (stack,), official_split=set_of_case(case))


def _patients(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    if PATIENT.fullmatch(source.name):
        return [source]
    for depth in range(1, MAX_DEPTH + 1):
        folders = sorted(p for p in source.glob("/".join(["*"] * depth)) if p.is_dir() and PATIENT.fullmatch(p.name))
        if folders:
            return folders
    return []


def _misnamed(patients: list[Path], source: Path) -> list[Path]:
    """Folders beside those of patients that hold a patient under another name."""
    beside = sorted({p.parent for p in patients if p != source})
    return [
        p
        for folder in beside
        for p in sorted(folder.iterdir())
        if not PATIENT.fullmatch(p.name) and (p / INFO).is_file()
    ]


def read_info(path: Path) -> PatientInfo:
    """Read Info.cfg.

    Raises:
        ReadError: it is missing or garbled, or lacks a usable ED or ES.
    """
    expect_within(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise ReadError(f"{path.name}: expected this file with ED, ES and Group, but it is not there") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(
            f"{path.name}: expected text with lines such as 'ED: 1', got something unreadable ({why(error)})"
        ) from error
    values: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match = LINE.fullmatch(line)
        if match:
            values[match[1].lower()] = match[2]
        elif line.strip():
            raise ReadError(f"{path.name}, line {number}: expected 'Key: value' such as 'ED: 1', got {kind_of(line)}")
    ed, es = _frame(values, "ED", path), _frame(values, "ES", path)
    if ed == es:
        raise ReadError(f"{path.name}: expected ED and ES to be different frames, got {ed} for both")
    return PatientInfo(ed - 1, es - 1, _attributes(values))


def _frame(values: dict[str, str], name: str, path: Path) -> int:
    text = values.get(name.lower())
    if text is None or not FRAME_NUMBER.fullmatch(text) or int(text) < 1:
        got = "no such line" if text is None else kind_of(text)
        raise ReadError(f"{path.name}: expected a line '{name}: <frame number from 1>', got {got}")
    return int(text)


def _attributes(values: dict[str, str]) -> dict[str, object]:
    """Group, height and weight; 0 stands for unknown."""
    texts = {"diagnosis": values.get("group"), "height_cm": values.get("height"), "weight_kg": values.get("weight")}
    return {name: text for name, text in texts.items() if text and not re.fullmatch(r"0*\.?0*", text)}


def _pair_stack(folder: Path, info: PatientInfo) -> Stack:
    frames = (info.ed, info.es)
    paths = [required(folder, _stem(folder, frame)) for frame in frames]
    ed, es = (load_frame(path) for path in paths)
    check_same_grid(es, ed, paths[1].name, paths[0].name)
    return pair_stack(ed, es, {t: _mask(folder, frame, ed) for t, frame in enumerate(frames)}, frames)


def _cine_stack(folder: Path, info: PatientInfo, path: Path) -> Stack:
    cine = load_cine(path)
    count = len(cine.pixels)
    if max(info.ed, info.es) >= count:
        got = f"{info.ed + 1} and {info.es + 1}"
        raise ReadError(f"{INFO}: expected ED and ES within the {count} frames of {path.name}, got {got}")
    masks = {frame: _mask(folder, frame, cine) for frame in (info.ed, info.es)}
    return cine_stack(cine, info.ed, info.es, masks)


def _mask(folder: Path, frame: int, image: Volume) -> Mask | None:
    path = existing(folder, f"{_stem(folder, frame)}_gt")
    return load_frame_mask(path, image, f"frame {frame + 1}", ACDC_LABELS)


def _stem(folder: Path, frame: int) -> str:
    return f"{folder.name}_frame{frame + 1:02d}"
