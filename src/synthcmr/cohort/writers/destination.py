"""The folder an export goes to: claimed once, never over somebody's files, with its provenance and its table of subjects."""

import csv
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, combined_hash, write_provenance
from synthcmr.cohort.writers.protocol import Progress, WriteSummary
from synthcmr.cohort.writers.subjects import iter_subjects
from synthcmr.cohort.writers.volume import Subject
from synthcmr.errors import WriteError

STEP = "export"
SUBJECTS_FILE, LEFT_OUT_FILE = "subjects.csv", "left_out.csv"


@contextmanager
def export(cohort: Cohort, dest: Path, settings: dict[str, object], overwrite: bool) -> Iterator[WriteSummary]:
    """Claim the folder before the first file is written, and list what was left out after the last one."""
    _claim(dest, overwrite)
    own_hash = combined_hash([cohort.hash, *cohort.images["image_id"], json.dumps(settings, sort_keys=True)])
    write_provenance(dest, STEP, own_hash, [Input(cohort.path.name, "cohort", cohort.hash)], settings)
    summary = WriteSummary(dest)
    yield summary
    if summary.left_out:
        rows = [{"subject_id": o.subject_id, "part": o.part, "reason": o.reason} for o in summary.left_out]
        write_csv(dest / LEFT_OUT_FILE, rows, ["subject_id", "part", "reason"])


def each_subject(cohort: Cohort, summary: WriteSummary, progress: Progress | None) -> Iterator[Subject]:
    """Subjects one by one, reporting progress after each; those without images are listed as left out."""
    total = len(cohort.subjects)
    for done, subject in enumerate(iter_subjects(cohort), start=1):
        if subject.volumes:
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
        base = re.sub(r"[^0-9A-Za-z_.-]+", "-", text).strip("-.") or "subject"
        name, n = base, 2
        while name.lower() in self.taken:  # some file systems do not tell cases apart
            name, n = f"{base}-{n}", n + 1
        self.taken.add(name.lower())
        return name


@contextmanager
def csv_table(path: Path, columns: list[str]) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A table that takes one row after another, so that they need not wait in memory; missing values are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        yield lambda row: writer.writerow({k: "" if v is None else v for k, v in row.items()})


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
                f"{dest}: --overwrite replaces earlier exports only, and this folder holds other files; empty it yourself"
            )
        shutil.rmtree(dest)
    dest.mkdir(parents=True, exist_ok=True)


def _is_export(dest: Path) -> bool:
    try:
        return bool(json.loads((dest / PROVENANCE_FILE).read_text()).get("step") == STEP)
    except (OSError, ValueError, AttributeError):
        return False
