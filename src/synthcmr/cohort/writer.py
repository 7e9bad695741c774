"""The journal of an unfinished cohort: what is safely on disk, so that a killed run continues where it stopped."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from synthcmr import __version__
from synthcmr.cohort.checksums import FILES, SHARDS, checksums_of, read_record, record_in, sizes_of
from synthcmr.cohort.frame_store import FrameWriter
from synthcmr.cohort.labels import Label
from synthcmr.cohort.output_lock import OutputLock
from synthcmr.cohort.places import without_places
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, combined_hash, write_provenance, write_record
from synthcmr.cohort.records import Reject, SubjectRecord
from synthcmr.cohort.splits import assign_splits
from synthcmr.cohort.tables import REJECT_TYPES, STRING, SUBJECT_TYPES, image_types, write_table
from synthcmr.config import SplitSettings
from synthcmr.errors import AlreadyMadeError, CohortError, OtherSettingsError
from synthcmr.formats import COHORT

Row = dict[str, object]
COHORT_FILE, ARRAYS = "cohort.json", "arrays.zarr"
SUBJECTS, IMAGES, REJECTS = "subjects.parquet", "images.parquet", "rejects.parquet"
TRUTH, MEASURES = "truth.parquet", "measures.parquet"
WORK = ".unfinished"
MANIFEST, JOURNAL, LOCK = "manifest.json", "journal.jsonl", "lock"
COMMIT_EVERY_S = 15.0  # a few generated people take a minute, and fill no shard


@dataclass
class JournalBatch:
    """Rows that become durable together."""

    frames_end: int = 0
    cases: list[str] = field(default_factory=list)
    subjects: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)
    truth: list[Row] = field(default_factory=list)
    measures: list[Row] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)

    def add(self, other: JournalBatch) -> None:
        """Take over what another batch holds."""
        self.frames_end = other.frames_end
        for name in ("cases", "subjects", "images", "rejects", "truth", "measures"):
            getattr(self, name).extend(getattr(other, name))
        self.dropped.update(other.dropped)


class Journal:
    """Append-only JSON lines; one line a batch. A torn last line (the machine died) is ignored."""

    def __init__(self, path: Path) -> None:
        """Name the file; it may not exist yet."""
        self.path = path

    def append(self, batch: JournalBatch) -> None:
        """Make a batch durable. Call only after its frames are on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(batch.__dict__, allow_nan=True) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> JournalBatch:
        """All that is durable, as one batch.

        Raises:
            CohortError: a line is damaged.
        """
        journal = JournalBatch()
        if self.path.exists():
            with self.path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        journal.add(self._batch_in(line))
        return journal

    def _batch_in(self, line: bytes) -> JournalBatch:
        record = record_in(line, self.path)
        try:
            return JournalBatch(**record)
        except TypeError as error:
            raise CohortError(
                f"{self.path}: expected lines as synthcmr wrote them, got others: it is damaged; --overwrite begins anew"
            ) from error

    def repair(self) -> None:
        """Cut a torn last line off, so that the next batch starts on a line of its own."""
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        if text and not text.endswith(b"\n"):
            self.path.write_bytes(text[: text.rfind(b"\n") + 1])


class CohortWriter:
    """Builds one cohort folder. Use as a context manager, then call `finish` once."""

    def __init__(
        self, path: Path, manifest: Mapping[str, object], dtype: str = "float16", canvas: tuple[int, int] = (128, 128)
    ) -> None:
        """Start a cohort, or continue the unfinished one at `path`.

        Args:
            path: the cohort folder.
            manifest: what decides the content (step, source, settings); continuing demands that it is the same.
            dtype: of stored images.
            canvas: rows and columns to start with.

        Raises:
            CohortError: `path` holds a finished cohort, other files, or an unfinished cohort with another manifest.
        """
        self.path = path
        self.manifest = without_places(json.loads(json.dumps(manifest)))
        self._journal = Journal(path / WORK / JOURNAL)
        self._lock = self._claim()
        self._journal.repair()
        durable = self._journal.read()
        self.done = set(durable.cases)
        self._subjects = {str(row["subject_id"]) for row in durable.subjects}
        self._frames = FrameWriter(path / ARRAYS, dtype, canvas, durable.frames_end)
        self._batch, self._committed = JournalBatch(), time.monotonic()

    def __enter__(self) -> Self:
        """Nothing to open: the folder was claimed when the writer was built."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep what was appended, also when the run was interrupted."""
        try:
            self.commit()
        finally:
            self._lock.release()

    def add(self, record: SubjectRecord) -> None:
        """Append one subject (or the rejects of one that could not be read)."""
        if record.subject_id in self._subjects:
            record = _refused(record)
        elif record.subject_id is not None and record.images:
            self._subjects.add(record.subject_id)
        batch = self._batch
        batch.cases.append(record.case_id)
        batch.rejects.extend(reject.row() for reject in record.rejects)
        batch.dropped.update(record.dropped)
        if record.subject_id is not None and record.images:
            batch.subjects.append({"subject_id": record.subject_id, **record.attributes})
            if record.truth:
                batch.truth.append({"subject_id": record.subject_id, **record.truth})
            if record.measures:
                batch.measures.append({"subject_id": record.subject_id, **record.measures})
            for image in record.images:
                stored = image.stored_as(self._frames.dtype)
                batch.images.append(stored.row(self._frames.append(stored.image, stored.mask)))
        if self._frames.full() or time.monotonic() - self._committed > COMMIT_EVERY_S:
            self.commit()

    def commit(self) -> None:
        """Make everything appended so far durable."""
        if not self._batch.cases:
            return
        self._frames.flush()
        self._batch.frames_end = self._frames.count
        self._journal.append(self._batch)
        self._batch, self._committed = JournalBatch(), time.monotonic()

    def finish(
        self, split: SplitSettings | None, inputs: Iterable[Input], facts: Mapping[str, object] | None = None
    ) -> None:
        """Write the tables, cohort.json and provenance.json, and drop the journal.

        Args:
            split: how to split subjects; None keeps the `split` column that the subjects came with.
            inputs: what the cohort was made from.
            facts: further entries of cohort.json.
        """
        self.commit()
        rows = self._journal.read()
        for of_subjects in (rows.subjects, rows.truth, rows.measures):
            of_subjects.sort(key=lambda row: str(row["subject_id"]))
        rows.images.sort(key=_image_order)
        rows.rejects.sort(key=lambda row: (str(row["case_id"]), str(row["part"])))
        how_split = {} if split is None else {"split": assign_splits(rows.subjects, split)}
        write_table(self.path / SUBJECTS, rows.subjects, SUBJECT_TYPES)
        write_table(self.path / IMAGES, rows.images, image_types(rows.images))
        write_table(self.path / REJECTS, rows.rejects, REJECT_TYPES)
        for name, further in ((TRUTH, rows.truth), (MEASURES, rows.measures)):
            if further:
                write_table(self.path / name, further, {"subject_id": STRING})
        own_hash = cohort_hash(rows.subjects, rows.images)
        write_provenance(self.path, str(self.manifest.get("step", "cohort")), own_hash, inputs, self.manifest)
        record = self._summary(rows, own_hash) | how_split | without_places(dict(facts or {})) | file_checks(self.path)
        write_record(self.path / COHORT_FILE, record)
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def _claim(self) -> OutputLock:
        """Make sure that the folder is this cohort's, and this process's alone."""
        if (self.path / COHORT_FILE).exists():
            if _recorded(self.path) == self.manifest:
                shutil.rmtree(self.path / WORK, ignore_errors=True)  # of a run that was killed at its very end
                raise AlreadyMadeError(f"{self.path}: this command finished it before; --overwrite makes it again")
            raise OtherSettingsError(
                f"{self.path}: holds a finished cohort already; choose another folder or remove it (--overwrite)"
            )
        if self.path.exists() and any(p.name != WORK for p in self._others()):
            raise CohortError(f"{self.path}: expected an empty or new folder for the cohort, got one with files in it")
        (self.path / WORK).mkdir(parents=True, exist_ok=True)
        lock = OutputLock(self.path / WORK / LOCK, self.path)
        try:
            self._expect_same_manifest()
        except BaseException:
            lock.release()
            raise
        return lock

    def _others(self) -> list[Path]:
        """What lies in the folder of a cohort that was not begun."""
        return [] if (self.path / WORK / MANIFEST).exists() else list(self.path.iterdir())

    def _expect_same_manifest(self) -> None:
        file = self.path / WORK / MANIFEST
        if not file.exists():
            write_record(file, self.manifest)
            return
        before = without_places(read_record(file))
        if before != self.manifest:
            raise OtherSettingsError(
                f"{self.path}: {_differences(before, self.manifest)}; repeat the command as it was, or --overwrite"
            )

    def _summary(self, rows: JournalBatch, own_hash: str) -> dict[str, object]:
        return {
            **COHORT.stamp,
            "made_by": f"synthcmr {__version__}",
            "hash": own_hash,
            "subjects": len(rows.subjects),
            "images": len(rows.images),
            "frames": sum(int(str(row["n_frames"])) for row in rows.images),
            "rejects": sum(row["level"] == "reject" for row in rows.rejects),
            "origin": sorted({str(row["origin"]) for row in rows.images}),
            "labels": {label.name.lower(): int(label) for label in Label},
            "settings": self.manifest.get("settings", {}),
            "dropped_attributes": rows.dropped,
        }


def file_checks(folder: Path) -> dict[str, object]:
    """What cohort.json says of the other files of a cohort, so that reading them can check them."""
    meta = (f"{ARRAYS}/{name}zarr.json" for name in ("", "image/", "mask/"))
    names = (SUBJECTS, IMAGES, REJECTS, TRUTH, MEASURES, PROVENANCE_FILE, *meta)
    return {FILES: checksums_of(folder, names), SHARDS: sizes_of(folder, f"{ARRAYS}/*/c/**/*")}


def _refused(record: SubjectRecord) -> SubjectRecord:
    """The record of a subject whose id another one has: two people in one row would be one person to everything that follows."""
    reason = (
        f"subject id '{record.subject_id}' was read already, from another file or folder; give each subject an id of its own, or "
        "read the folders into cohorts of their own"
    )
    return SubjectRecord(record.case_id, None, rejects=(*record.rejects, Reject(record.case_id, "subject", reason)))


def _recorded(path: Path) -> object:
    """The manifest that a finished cohort was made by; None where nothing tells."""
    try:
        return without_places(json.loads((path / PROVENANCE_FILE).read_text())["settings"])
    except (OSError, ValueError, KeyError):
        return None


def cohort_hash(subjects: list[Row], images: list[Row]) -> str:
    """Hash of who is in a cohort and of every pixel and label, independent of the order they came in."""
    subject_rows = (json.dumps(_plain(row), sort_keys=True) for row in subjects)
    pixels = (f"{row['image_id']} {row['content_hash']}" for row in images)
    return combined_hash([*subject_rows, *pixels])


def _plain(row: Row) -> Row:
    return {
        k: v for k, v in row.items() if v is not None and not (isinstance(v, float) and math.isnan(v)) and k != "split"
    }


def _image_order(row: Row) -> tuple[str, int, int, int]:
    return str(row["subject_id"]), int(str(row["stack"])), int(str(row["slice_index"])), int(str(row["first_frame"]))


def _differences(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    changed = sorted(k for k in {*before, *now} if before.get(k) != now.get(k))
    changes = "; ".join(f"{k} was {before.get(k)!r}, is now {now.get(k)!r}" for k in changed)
    return f"holds an unfinished cohort made with other settings ({changes})"
