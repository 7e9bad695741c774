"""M&Ms-2: `NNN/NNN_SA_ED.nii.gz` and `_SA_ES`, their masks, perhaps the cine, and dataset_information.csv."""

from pathlib import Path

import numpy as np

from synthcmr.cohort.labels import MNMS_LABELS, Mask
from synthcmr.cohort.raw_subject import Case, RawSubject, Stack
from synthcmr.cohort.readers.image_files import Volume, check_same_grid, existing, required
from synthcmr.cohort.readers.labelled_frames import cine_stack, load_cine, load_frame, load_frame_mask, pair_stack
from synthcmr.cohort.readers.tables.files import find_table, named_as_in_cohort, read_rows, renamed_cells
from synthcmr.cohort.splits import OFFICIAL, set_in_row, set_of_case

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
                {"row": by_code.get(f.name), OFFICIAL: set_in_row(by_code.get(f.name, {})) or _set_of_code(f.name)},
            )
            for f in _folders(source)
        ]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject: the cine where ED and ES are frames of it, else ED and ES."""
        folder, row = source / case.case_id, case.payload["row"]
        ed, es = (load_frame(required(folder, f"{folder.name}_SA_{phase}")) for phase in ("ED", "ES"))
        check_same_grid(es, ed, f"{folder.name}_SA_ES", f"{folder.name}_SA_ED")
        stack, notes = _stack(folder, ed, es)
        notes += () if row is not None else (NO_ROW,)
        official = set_of_case(case)
        attributes = {**renamed_cells(row or {}, ATTRIBUTES), "partition": official}
        return RawSubject(folder.name, attributes, (stack,), official_split=official, notes=notes)


def _folders(source: Path) -> list[Path]:
    if not source.is_dir():
        return []
    for parent in (source, source / "dataset"):
        folders = [f for f in sorted(parent.glob("[0-9]" * 3)) if any(f.glob(f"{f.name}_SA_E[DS].nii*"))]
        if folders:
            return folders
    return []


def _stack(folder: Path, ed: Volume, es: Volume) -> tuple[Stack, tuple[str, ...]]:
    masks = {phase: _mask(folder, phase, image) for phase, image in (("ED", ed), ("ES", es))}
    path = existing(folder, f"{folder.name}_SA_CINE")
    notes: tuple[str, ...] = ()
    if path is not None:
        cine = load_cine(path)
        ed_frame, es_frame = _frame_of(ed, cine), _frame_of(es, cine)
        if ed_frame is not None and es_frame is not None and ed_frame != es_frame:
            return cine_stack(cine, ed_frame, es_frame, {ed_frame: masks["ED"], es_frame: masks["ES"]}), notes
        notes = (NOT_IN_CINE,)
    return pair_stack(ed, es, {0: masks["ED"], 1: masks["ES"]}), notes


def _frame_of(still: Volume, cine: Volume) -> int | None:
    """The frame of the cine that has the same pixels."""
    if still.pixels.shape[1:] != cine.pixels.shape[1:]:
        return None
    return next((t for t, frame in enumerate(cine.pixels) if np.array_equal(frame, still.pixels[0])), None)


def _mask(folder: Path, phase: str, image: Volume) -> Mask | None:
    name = f"{folder.name}_SA_{phase}"
    return load_frame_mask(existing(folder, f"{name}_gt"), image, name, MNMS_LABELS)


def _set_of_code(code: str) -> str:
    return next((name for name, last in LAST_OF.items() if int(code) <= last), "test")
