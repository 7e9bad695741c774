"""Sunnybrook as PNG slices with LV-cavity masks, described by manifest.csv."""

from collections import defaultdict
from pathlib import Path

from synthcmr.cohort.raw import Case, RawSubject
from synthcmr.cohort.readers.csv_rows import Row, read_columns, read_rows
from synthcmr.cohort.readers.row_files import read_rows_of_subject
from synthcmr.cohort.readers.table import shared
from synthcmr.errors import SettingsError

MANIFEST = "manifest.csv"
COLUMNS = {"subject", "image", "mask", "slice", "phase_index", "phase_guess"}
ATTRIBUTES = {"sex": "sex", "age": "age", "pathology": "diagnosis"}
CELLS = {"image": "image", "mask": "mask", "slice": "slice_index", "phase_index": "frame", "phase_guess": "phase"}
LABELS = {"labels": "255=lv,1=lv", "labelled": "lv"}  # only the cavity was drawn: the rest is not background


class SunnybrookPngReader:
    """One subject per name in the manifest. There is no pixel spacing."""

    name = "sunnybrook-png"
    about = "manifest.csv with subject, image, mask, slice, phase_index, phase_guess, and PNG slices"

    def recognises(self, source: Path) -> bool:
        """Whether the manifest is there with its columns."""
        return set(read_columns(_manifest(source))) >= COLUMNS

    def cases(self, source: Path) -> list[Case]:
        """Every subject of the manifest."""
        rows = read_rows(_manifest(source))
        if missing := sorted(COLUMNS - set(rows[0] if rows else ())):
            raise SettingsError(f"{_manifest(source)}: expected rows with columns {', '.join(missing)}")
        subjects: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            subjects[row["subject"]].append(row)
        return [Case(subject, {"rows": found}) for subject, found in subjects.items()]

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject: ED and ES of the same slices as one stack, slices of one phase as another."""
        rows = case.payload["rows"]
        listed = rows if isinstance(rows, list) else []
        folder = _manifest(source).parent
        stacks, rejects = read_rows_of_subject(
            (folder, {**{ours: row[theirs] for theirs, ours in CELLS.items()}, **LABELS}) for row in listed
        )
        attributes, notes = shared(
            [{ours: row[theirs] for theirs, ours in ATTRIBUTES.items() if row.get(theirs)} for row in listed]
        )
        return RawSubject(case.case_id, attributes, stacks, rejects=rejects, notes=notes)


def _manifest(source: Path) -> Path:
    return source if source.is_file() else source / MANIFEST
