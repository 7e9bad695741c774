"""An export: what a writer offers, the folder it claims, the names and tables it writes there, and what it reports as left out."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.csv_cells import harmless, harmless_row
from synthcmr.cohort.labels import in_canonical_order
from synthcmr.cohort.provenance import FILES, PROVENANCE_FILE, Input, combined_hash, write_provenance
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.cohort.writers.subjects import Subject, iter_subjects, without_gaps
from synthcmr.errors import WriteError
from synthcmr.privacy.ledger import LEDGER

Progress = Callable[[int, int], None]
STEP = "export"
LONGEST_NAME = 100  # of a file; more is put before and behind it, and file systems end at 255
SUBJECTS_FILE, LEFT_OUT_FILE = "subjects.csv", "left_out.csv"
FILE_COLUMNS = (
    "image",
    "mask",
    "subject_id",
    "stack",
    "phase",
    "frame",
    "ed_frame",
    "es_frame",
    "trigger_ms",
    "labelled",
)
GEOMETRY_COLUMNS = ("spacing_row_mm", "spacing_column_mm", "slice_step_mm", "slice_thickness_mm")
SLICE_COLUMNS = ("slice_index", "slice_count", "slice_level")
INTENSITY_COLUMNS = ("intensity_low", "intensity_high")
LAST_COLUMNS = ("origin", "split")
INTEGERS = {"stack", "frame", "ed_frame", "es_frame", "slice_index", "slice_count"}
FLOATS = {"trigger_ms", *GEOMETRY_COLUMNS, *INTENSITY_COLUMNS}


@dataclass(frozen=True)
class LeftOut:
    """Something of a subject that the format cannot hold."""

    subject_id: str
    part: str  # "subject", "mask of ED", "attributes", ...
    reason: str


@dataclass
class WriteSummary:
    """What an export wrote, and what it could not."""

    folder: Path
    files: int = 0
    subjects: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what holds for the whole export

    def leave_out(self, subject_id: str, part: str, reason: str) -> None:
        """Record something that was not written."""
        self.left_out.append(LeftOut(subject_id, part, reason))

    def note(self, text: str) -> None:
        """Record something a user should know, once."""
        if text not in self.notes:
            self.notes.append(text)


class Writer(Protocol):
    """Writes a cohort, or a selection from one, in one layout."""

    name: str
    about: str  # the layout, in one line, for `--help` and for errors

    def write(
        self, cohort: Cohort, dest: Path, progress: Progress | None = None, *, overwrite: bool = False
    ) -> WriteSummary:
        """Write the cohort into a new or empty folder, one subject in memory at a time.

        Args:
            cohort: what to write.
            dest: the folder; made if it is not there.
            progress: called with (subjects done, subjects in all).
            overwrite: replace an earlier export in `dest`.

        Raises:
            WriteError: `dest` holds files, or the cohort cannot be written in this layout at all.
        """
        ...


@contextmanager
def export(cohort: Cohort, dest: Path, settings: dict[str, object], overwrite: bool) -> Iterator[WriteSummary]:
    """Claim the folder before the first file is written, and list what was left out after the last one."""
    _claim(dest, overwrite)
    summary = WriteSummary(dest)
    yield summary
    if summary.left_out:
        rows = [{"subject_id": o.subject_id, "part": o.part, "reason": o.reason} for o in summary.left_out]
        write_csv(dest / LEFT_OUT_FILE, rows, ["subject_id", "part", "reason"])
    own_hash = combined_hash([cohort.hash, *cohort.images["image_id"], json.dumps(settings, sort_keys=True)])
    inputs = [Input(str(cohort.path), "cohort", cohort.hash)]
    recorded = settings | {LEDGER: cohort_ledger(cohort).to_json()}
    files = [file.relative_to(dest).as_posix() for file in dest.rglob("*") if file.is_file()]
    write_provenance(dest, STEP, own_hash, inputs, recorded, files)  # last: it says that the others are whole


def each_subject(cohort: Cohort, summary: WriteSummary, progress: Progress | None) -> Iterator[Subject]:
    """Subjects one by one, reporting progress after each; those without images are listed as left out."""
    total = len(cohort.subjects)
    for done, subject in enumerate(iter_subjects(cohort), start=1):
        if subject.stacks:
            yield subject
        else:
            summary.leave_out(subject.subject_id, "subject", "it has no images")
        if progress is not None:
            progress(done, total)


@dataclass
class FileNames:
    """Names for files and folders: safe on every file system, and never given twice."""

    taken: set[str] = field(default_factory=set)

    def give(self, text: str) -> str:
        """A name made from `text`; equal texts get a number behind."""
        base = re.sub(r"[^0-9A-Za-z_.-]+", "-", text).strip("-.")[:LONGEST_NAME] or "subject"
        name, n = base, 2
        while name.lower() in self.taken:  # some file systems do not tell cases apart
            name, n = f"{base}-{n}", n + 1
        self.taken.add(name.lower())
        return name


@dataclass
class ExportRun:
    """One export in progress: where it goes, what was written so far, and the rows of its table of subjects or cases."""

    root: Path
    summary: WriteSummary
    names: FileNames = field(default_factory=FileNames)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add_row(self, subject: Subject, **cells: object) -> None:
        """A row of the table: the subject's attributes and what else is said."""
        own = {"subject_id": subject.subject_id, "split": subject.split}
        self.rows.append({**subject.attributes, **own, **cells})

    def write_table(self, path: Path, columns: list[str], cohort: Cohort) -> None:
        """Write the rows, with a column for every attribute that any subject has."""
        write_csv(path, self.rows, [*columns, *attribute_columns(cohort)])
        self.summary.files += 1

    def write_stacks(self, subject: Subject, write: Callable[[SubjectStack], None]) -> bool:
        """Write every stack of a subject, or say why it is left out. Tells whether any was written."""
        written = False
        for stack in subject.stacks:
            try:
                write(stack)
                written = True
            except WriteError as error:
                self.summary.leave_out(subject.subject_id, f"stack {stack.stack}", str(error))
        return written

    def filled(self, subject: Subject, stack: SubjectStack, part: str, consequence: str) -> SubjectStack:
        """The stack without gaps; missing slices are reported as empty and what follows from that."""
        whole, empty = without_gaps(stack)
        if empty:
            reason = f"{empty} missing slice(s) written as empty and {consequence}"
            self.summary.leave_out(subject.subject_id, part, reason)
        return whole


@contextmanager
def csv_table(path: Path, columns: list[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A table that takes one row after another, so that they need not wait in memory; missing values are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writerow({column: harmless(column) for column in columns})
        yield lambda row: writer.writerow(harmless_row(row))


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    """Write a whole table."""
    with csv_table(path, columns) as add:
        for row in rows:
            add(row)


def attribute_columns(cohort: Cohort) -> list[str]:
    """Attributes that at least one subject has, in the order of the cohort."""
    table = cohort.subjects
    return [str(c) for c in table.columns if c not in ("subject_id", "split") and table[c].notna().any()]


def _claim(dest: Path, overwrite: bool) -> None:
    if dest.exists() and not dest.is_dir():
        raise WriteError(f"{dest}: expected a folder to export to, got a file")
    if dest.exists() and any(dest.iterdir()):
        if not overwrite:
            raise WriteError(
                f"{dest}: expected an empty or new folder to export to, got one with files in it (--overwrite)"
            )
        if not _is_export(dest):
            raise WriteError(
                f"{dest}: expected an earlier export and nothing else to replace, got other files; move them away, or choose another folder"
            )
        shutil.rmtree(dest)
    dest.mkdir(parents=True, exist_ok=True)


def _is_export(dest: Path) -> bool:
    """Whether a folder holds an export and nothing else."""
    try:
        record = json.loads((dest / PROVENANCE_FILE).read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(record, dict) or record.get("step") != STEP:
        return False
    there = {file.relative_to(dest).as_posix() for file in dest.rglob("*") if not file.is_dir()}
    return there <= {*record.get(FILES, ()), PROVENANCE_FILE}


def table_columns(cohort: Cohort, *groups: Sequence[str]) -> list[str]:
    """All columns of a table: files, the groups that a format needs, and the attributes that any subject has."""
    fixed = [*FILE_COLUMNS, *GEOMETRY_COLUMNS, *(c for group in groups for c in group), *LAST_COLUMNS]
    return fixed + [c for c in attribute_columns(cohort) if c not in fixed]


def column_kind(cohort: Cohort, column: str) -> str:
    """Type of a column: "string", "int64", "float64" or "bool"."""
    if column in INTEGERS or column in FLOATS:
        return "int64" if column in INTEGERS else "float64"
    if column not in cohort.subjects.columns:
        return "string"
    values = cohort.subjects[column]
    if {type(v) for v in values.dropna()} == {bool}:
        return "bool"
    return {"b": "bool", "f": "float64", "i": "int64"}.get(values.dtype.kind, "string")


def subject_cells(subject: Subject, stack: SubjectStack) -> dict[str, Any]:
    """What all files of an acquisition share: who it is, and how large a pixel is."""
    row, column = stack.spacing_mm or (None, None)
    cells = {
        "subject_id": subject.subject_id,
        "stack": stack.stack,
        "spacing_row_mm": row,
        "spacing_column_mm": column,
        "slice_step_mm": stack.slice_step_mm,
        "slice_thickness_mm": stack.slice_thickness_mm,
        "origin": stack.origin,
        "split": subject.split,
    }
    return {**subject.attributes, **cells}


def frame_cells(stack: SubjectStack, frame: int) -> dict[str, Any]:
    """Which frame a file shows."""
    return {
        "phase": stack.phases[frame] or None,
        "frame": stack.frame_indices[frame],
        "trigger_ms": stack.trigger_ms[frame] if stack.trigger_ms else None,
        "labelled": ",".join(stack.labelled_in(frame)) or None,
    }


def cine_cells(stack: SubjectStack) -> dict[str, Any]:
    """Which frames of a file with several of them are end-diastole and end-systole, counted from 0."""
    phases = stack.phases
    structures = {name for t in range(stack.frame_count) for name in stack.labelled_in(t)}
    return {
        "ed_frame": phases.index("ED") if "ED" in phases else None,
        "es_frame": phases.index("ES") if "ES" in phases else None,
        "labelled": ",".join(in_canonical_order(structures)) or None,
    }


def slice_cells(stack: SubjectStack, position: int, frame: int) -> dict[str, Any]:
    """Which slice of which frame a file shows; a slice is labelled by what was drawn in it."""
    return {
        **frame_cells(stack, frame),
        "slice_index": stack.slice_indices[position],
        "slice_count": stack.slice_counts[position],
        "slice_level": stack.slice_levels[position],
        "labelled": ",".join(stack.slice_labelled[frame][position]) or None,
    }
