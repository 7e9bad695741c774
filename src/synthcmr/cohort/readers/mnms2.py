"""M&Ms-2: `NNN/NNN_SA_ED.nii.gz` and `_SA_ES`, their masks, perhaps the cine, and dataset_information.csv."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import MNMS_LABELS, Mask
from synthcmr.cohort.phases import phase_names
from synthcmr.cohort.raw import Case, RawSubject, Stack
from synthcmr.cohort.readers.image_files import existing, load_volume, required
from synthcmr.cohort.readers.tables.files import Row, find_table, named_as_in_cohort, read_rows
from synthcmr.cohort.readers.volume import (
    Volume,
    canonical_mask,
    check_intensities,
    check_same_grid,
    labelled_stack,
)
from synthcmr.cohort.splits import OFFICIAL, set_in_row, set_of_case
from synthcmr.errors import ReadError

CODE = re.compile(r"\d{3}")
COLUMNS = {"subject_code", "disease"}
ATTRIBUTES = {"disease": "diagnosis", "vendor": "vendor", "scanner": "scanner", "field": "field_strength_t"}
LAST_OF = {"train": 160, "validation": 200}  # subject codes; the rest are for testing
NO_ROW = "dataset_information.csv does not describe this subject"
NOT_IN_CINE = "ED and ES are not frames of the cine, which was left out"


class Mnms2Reader:
    """Reads the short-axis part of the M&Ms-2 challenge: its root or `dataset/`. Long-axis files are not read."""

    name = "mnms2"
    about = "dataset/NNN/NNN_SA_{ED,ES}.nii.gz and _gt, perhaps NNN_SA_CINE.nii.gz, with dataset_information.csv"

    def recognises(self, source: Path) -> bool:
        """Whether folders with the challenge's file names are there."""
        return bool(_folders(source))

    def cases(self, source: Path) -> list[Case]:
        """Every subject's folder, and what the table says of it."""
        table = find_table([source, source.resolve().parent], COLUMNS)
        rows = named_as_in_cohort(read_rows(table)) if table is not None else []
        by_code = {row["subject_code"].removesuffix(".0").zfill(3): row for row in rows}
        return [
            Case(
                str(f.relative_to(source)),
                {
                    "row": by_code.get(f.name),
                    OFFICIAL: set_in_row(by_code.get(f.name, {})) or _set_of_code(f.name),
                },
            )
            for f in _folders(source)
        ]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject: the cine where ED and ES are frames of it, else ED and ES."""
        folder, row = source / case.case_id, case.payload["row"]
        ed, es = (_load(folder, phase) for phase in ("ED", "ES"))
        check_same_grid(es, ed, f"{folder.name}_SA_ES", f"{folder.name}_SA_ED")
        stack, notes = _stack(folder, ed, es)
        notes += () if isinstance(row, dict) else (NO_ROW,)
        official = set_of_case(case)
        attributes = {**(_attributes(row) if isinstance(row, dict) else {}), "partition": official}
        return RawSubject(folder.name, attributes, (stack,), official_split=official, notes=notes)


def _folders(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    for parent in (source, source / "dataset"):
        found = [f for f in sorted(parent.glob("[0-9]" * 3)) if any(f.glob(f"{f.name}_SA_E[DS].nii*"))]
        if found:
            return found
    return []


def _load(folder: Path, phase: str) -> Volume:
    path = required(folder, f"{folder.name}_SA_{phase}")
    volume = load_volume(path)
    check_intensities(volume, path.name)
    if len(volume.pixels) != 1:
        raise ReadError(f"{path.name}: expected one frame, got {len(volume.pixels)}")
    return volume


def _stack(folder: Path, ed: Volume, es: Volume) -> tuple[Stack, tuple[str, ...]]:
    masks = {"ED": _mask(folder, "ED", ed), "ES": _mask(folder, "ES", es)}
    path = existing(folder, f"{folder.name}_SA_CINE")
    notes: tuple[str, ...] = ()
    if path is not None:
        cine = load_volume(path)
        check_intensities(cine, path.name)
        ed_frame, es_frame = _frame_of(ed, cine), _frame_of(es, cine)
        if ed_frame is not None and es_frame is not None and ed_frame != es_frame:
            count = len(cine.pixels)
            drawn = _present({ed_frame: masks["ED"], es_frame: masks["ES"]})
            return labelled_stack(cine, phase_names(count, ed_frame, es_frame), drawn, tuple(range(count))), notes
        notes = (NOT_IN_CINE,)
    pair = replace(ed, pixels=np.concatenate([ed.pixels, es.pixels]))
    return labelled_stack(pair, ("ED", "ES"), _present({0: masks["ED"], 1: masks["ES"]})), notes


def _frame_of(still: Volume, cine: Volume) -> int | None:
    """The frame of the cine that has the same pixels."""
    if still.pixels.shape[1:] != cine.pixels.shape[1:]:
        return None
    return next((t for t, frame in enumerate(cine.pixels) if np.array_equal(frame, still.pixels[0])), None)


def _mask(folder: Path, phase: str, image: Volume) -> Mask | None:
    path = existing(folder, f"{folder.name}_SA_{phase}_gt")
    if path is None:
        return None
    volume = load_volume(path)
    check_same_grid(volume, image, path.name, f"{folder.name}_SA_{phase}")
    return canonical_mask(volume.pixels[0], MNMS_LABELS, path.name)


def _present(masks: dict[int, Mask | None]) -> dict[int, Mask]:
    return {t: mask for t, mask in masks.items() if mask is not None}


def _attributes(row: Row) -> dict[str, object]:
    return {ours: row[theirs] for theirs, ours in ATTRIBUTES.items() if row.get(theirs)}


def _set_of_code(code: str) -> str:
    return next((name for name, last in LAST_OF.items() if int(code) <= last), "test")
