"""A folder of NIfTI files whose names say whose they are, which phase they show and which of them are masks.

    patient001_ED.nii.gz, patient001_ED_gt.nii.gz, patient001_ES.nii.gz, patient001_ES_gt.nii.gz
    1000015/sa_ED.nii.gz, 1000015/label_sa_ED.nii.gz
    images/p01_ED.nii.gz, masks/p01_ED.nii.gz

The names become a table as `table.py` reads it, which is shown and kept. Where they can be read in two ways nothing is guessed:
the files in question are listed instead.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from synthcmr.cohort.raw_subject import Case, RawSubject
from synthcmr.cohort.readers.image_files import NIFTI_SUFFIXES
from synthcmr.cohort.readers.nifti.guessed_table import GuessedTable, Row, guess_table, parse_name
from synthcmr.cohort.readers.tables import TableReader
from synthcmr.errors import SettingsError

MAX_DEPTH = 4  # of folders
SHOWN_PROBLEMS, SHOWN_ROWS = 8, 6


class NiftiFolderReader:
    """Reads NIfTI files by their names."""

    name = "nifti"
    about = "NIfTI files named by subject and phase: SUBJECT_ED.nii.gz and SUBJECT_ED_gt.nii.gz (_seg, _mask, label_), also in subfolders"

    def recognises(self, source: Path) -> bool:
        """Whether NIfTI files are there."""
        return next(_files(source), None) is not None

    def cases(self, source: Path) -> list[Case]:
        """Every subject with its files.

        Raises:
            SettingsError: names can be read in two ways, or shapes do not tell what the masks' values mean.
        """
        table = self.table(source)
        if table.problems:
            raise SettingsError(_refusal(source, table))
        subjects: dict[str, list[Row]] = {}
        for row in table.rows:
            subjects.setdefault(row["subject_id"], []).append(row)
        return [
            Case(subject, {"rows": [_described(row) for row in rows], "notes": table.notes})
            for subject, rows in subjects.items()
        ]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject."""
        raw = TableReader().read(source, case)
        return replace(raw, notes=(*raw.notes, *case.payload["notes"]))

    def table(self, source: Path) -> GuessedTable:
        """What the names of the files say."""
        return guess_table(source, [parse_name(path) for path in sorted(_files(source))])


def _files(source: Path) -> Iterator[PurePosixPath]:
    """NIfTI files below the source, relative to it; hidden ones are no images."""
    if not source.is_dir():
        return
    for depth in range(MAX_DEPTH):
        for path in source.glob("*/" * depth + "*.nii*"):
            below = path.relative_to(source)
            if (
                path.name.endswith(NIFTI_SUFFIXES)
                and path.is_file()
                and not any(p.startswith(".") for p in below.parts)
            ):
                yield PurePosixPath(below.as_posix())


def _described(row: Row) -> dict[str, object]:
    """A row as the table reader hands it to itself."""
    cells = {name: value for name, value in row.items() if name != "split"}
    return {"folder": ".", "cells": cells, "attributes": {"split": row["split"]} if row["split"] else {}}


def _refusal(source: Path, table: GuessedTable) -> str:
    problems = [f"  {problem}" for problem in table.problems[:SHOWN_PROBLEMS]]
    more = len(table.problems) - len(problems)
    lines = [
        f"{source}: expected NIfTI files whose names say subject, phase and mask in one way only; not clear:",
        *problems,
        *([f"  and {more} more"] if more > 0 else []),
        "The table guessed so far begins:",
        *(f"  {line}" for line in table.lines(SHOWN_ROWS)),
        "Add --save-table FILE.csv to write it, mend it there, and ingest FILE.csv.",
    ]
    return "\n".join(lines)
