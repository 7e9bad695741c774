"""Recalibrating a cohort or a folder of files into another one; memory does not grow with the number of images."""

from __future__ import annotations

import csv
import json
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort, checksums
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.csv_cells import harmless
from synthcmr.cohort.files_ledger import files_ledger
from synthcmr.cohort.joining import records, storage
from synthcmr.cohort.provenance import PROVENANCE_FILE, Input, write_provenance, write_record
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord
from synthcmr.cohort.writer import MANIFEST, WORK, CohortWriter
from synthcmr.errors import AlreadyMadeError, CohortError, OtherSettingsError, ReadError
from synthcmr.frequency.images import FRAMES_AT_ONCE, Item
from synthcmr.frequency.model_folder import read_record
from synthcmr.frequency.recalibration import Change, Recalibration
from synthcmr.frequency.sources import (
    CohortImages,
    FolderImages,
    Loaded,
    cohort_item,
    load,
    scale_is_native,
    scale_of,
    write,
)
from synthcmr.privacy.ledger import LEDGER

Report = Callable[[int, int, str], None]
REJECTS = "rejects.csv"
NAMES = "names"  # in the manifest: files that will be written
KEPT_FACTS = ("generated", "phantom")


def apply_to_cohort(
    model: Recalibration,
    folder: Path,
    cohort: Cohort,
    out: Path,
    progress: Report | None = None,
    also: Sequence[Input] = (),
) -> Cohort:
    """A cohort with the same people, masks and attributes, and recalibrated images.

    Args:
        model: fitted.
        folder: where it lies.
        cohort: synthetic.
        out: the cohort folder; an unfinished one is continued.
        progress: called with (done, total, subject).
        also: further inputs of the cohort, for the records.
    """
    record = read_record(folder)
    recorded = {"model": record["hash"], "method": model.settings.method}
    settings = cohort.info["settings"] | {"recalibrate": recorded}
    manifest = {"step": "recalibrate", "cohort": cohort.hash, **recorded, "settings": settings}
    kind, rows, columns = storage(cohort)
    rejected = _rejected_before(cohort)
    done, total = 0, len(cohort.subjects)
    with CohortWriter(out, manifest, kind, (rows, columns)) as writer:
        change = model.prepare(CohortImages(cohort))
        job = partial(_recalibrated, model=model, change=change, native=scale_is_native(cohort), before=rejected)
        for part, recalibrated in _ahead(job, _parts(records(cohort), writer.done)):
            for subject in recalibrated:
                writer.add(subject)
            done += len(part)
            if progress is not None:
                progress(done + len(writer.done), total, part[-1].case_id)
        for case, rejects in rejected.items():
            if case not in writer.done:
                writer.add(SubjectRecord(case, None, rejects=tuple(rejects)))
        inputs = [Input(str(cohort.path), "cohort", cohort.hash), Input(str(folder), "recalibration", record["hash"])]
        facts = {k: v for k, v in cohort.info.items() if k in KEPT_FACTS} | {
            "recalibrated": recorded | {"model_folder": str(folder)},
            LEDGER: (cohort_ledger(cohort) | model.ledger.named(str(folder))).to_json(),
        }
        writer.finish(None, [*inputs, *also], facts)
    return Cohort.open(out)


def _ahead(
    job: Callable[[Sequence[SubjectRecord]], list[SubjectRecord]], parts: Iterator[list[SubjectRecord]]
) -> Iterator[tuple[list[SubjectRecord], list[SubjectRecord]]]:
    """Parts with what a job made of them, in their order; others are read and written while one is worked on."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[tuple[list[SubjectRecord], Future[list[SubjectRecord]]]] = deque()
        for part in parts:
            waiting.append((part, pool.submit(job, part)))
            if len(waiting) > 1:
                before, results = waiting.popleft()
                yield before, results.result()
        for before, results in waiting:
            yield before, results.result()


def _rejected_before(cohort: Cohort) -> dict[str, list[Reject]]:
    """What was rejected when the cohort was made, by case."""
    rejects: dict[str, list[Reject]] = {}
    for row in cohort.rejects.to_dict("records"):
        rejects.setdefault(str(row["case_id"]), []).append(Reject(**{str(k): str(v) for k, v in row.items()}))
    return rejects


def _parts(subjects: Iterator[SubjectRecord], done: set[str]) -> Iterator[list[SubjectRecord]]:
    """Subjects in groups of some dozens of frames."""
    waiting: list[SubjectRecord] = []
    for subject in subjects:
        if subject.case_id in done:
            continue
        waiting.append(subject)
        if sum(len(i.image) for s in waiting for i in s.images) >= FRAMES_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _recalibrated(
    subjects: Sequence[SubjectRecord],
    model: Recalibration,
    change: Change,
    native: bool,
    before: dict[str, list[Reject]],
) -> list[SubjectRecord]:
    """The subjects with changed images; what holds no image becomes a reject."""
    items = {id(i): _item(i, s, native) for s in subjects for i in s.images}
    sound = [item for item in items.values() if item.refused is None]
    frames_by_name: dict[str, Any] = {}
    for plane in dict.fromkeys(item.plane for item in sound):
        alike = [item for item in sound if item.plane == plane]
        frames_by_name |= dict(zip([i.name for i in alike], model.changed(change, alike), strict=True))
    recalibrated = []
    for subject in subjects:
        images = tuple(
            _with_pixels(i, frames_by_name[i.image_id], native) for i in subject.images if i.image_id in frames_by_name
        )
        lost = [Reject(subject.case_id, i.image_id, why) for i in subject.images if (why := items[id(i)].refused)]
        rejects = (*before.pop(subject.case_id, []), *lost)
        recalibrated.append(
            replace(subject, images=images, rejects=rejects, subject_id=subject.subject_id if images else None)
        )
    return recalibrated


def _item(image: ImageRecord, subject: SubjectRecord, native: bool) -> Item:
    row: dict[str, Any] = {**subject.attributes, "image_id": image.image_id, "subject_id": image.subject_id}
    row |= {"spacing_row_mm": image.spacing_row_mm, "spacing_column_mm": image.spacing_column_mm}
    return cohort_item(row, image.image.astype(np.float32), native)


def _with_pixels(image: ImageRecord, frames: Any, native: bool) -> ImageRecord:
    low, high = scale_of(image.image.astype(np.float32), native)
    return replace(image, image=(frames * (high - low) + low).astype(image.image.dtype))


def apply_to_folder(
    model: Recalibration, folder: Path, images: FolderImages, out: Path, progress: Report | None = None
) -> dict[str, str]:
    """Files of the same names, formats, types and ranges, with recalibrated images.

    Returns:
        Files that were left out, with the reason; also in rejects.csv.

    Raises:
        CohortError: the folder to make holds other files.
        AlreadyMadeError: it holds the very same, finished.
    """
    record = read_record(folder)
    manifest: dict[str, Any] = {"files": images.hash, "model": record["hash"], "spacing_mm": images.spacing_mm}
    manifest[NAMES] = [images.name(path) for path in images.files]
    _claim(out, manifest)
    change = model.prepare(images)
    lost: dict[str, str] = {}
    for k, path in enumerate(images.files):
        name = images.name(path)
        try:
            if not (out / name).exists():  # one that was stopped goes on
                _one_file(model, change, images, load(path, images.spacing_mm), out, name)
        except ReadError as error:
            lost[name] = str(error).removeprefix(f"{path.name}: ")
        if progress is not None:
            progress(k + 1, len(images), name)
    with (out / REJECTS).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "reason"), *(map(harmless, row) for row in lost.items())])
    inputs = [Input(str(images.folder), "files", images.hash), Input(str(folder), "recalibration", record["hash"])]
    written = [REJECTS, *(name for name in manifest[NAMES] if name not in lost)]
    ledger = files_ledger(images.folder) | model.ledger.named(str(folder))
    write_provenance(out, "recalibrate", "", inputs, record["settings"] | {LEDGER: ledger.to_json()}, written)
    shutil.rmtree(out / WORK)
    return lost


def _claim(out: Path, manifest: dict[str, Any]) -> None:
    """Begin a folder, or go on with one that was begun with the same files and model."""
    requested = json.loads(json.dumps(manifest))
    note = out / WORK / MANIFEST
    if note.exists():
        if checksums.read_record(note) != requested:
            raise OtherSettingsError(
                f"{out}: was begun with other images or another model; choose another folder, or --overwrite"
            )
        return
    if (out / REJECTS).exists() and (out / PROVENANCE_FILE).exists():
        before = {i["kind"]: i["hash"] for i in checksums.read_record(out / PROVENANCE_FILE).get("inputs", ())}
        if before == {"files": requested["files"], "recalibration": requested["model"]}:
            raise AlreadyMadeError(
                f"{out}: the same images by the same model are there, finished; --overwrite makes them again"
            )
    if out.exists() and any(out.iterdir()):
        raise CohortError(f"{out}: expected an empty or new folder for the images, got one with files in it")
    note.parent.mkdir(parents=True, exist_ok=True)
    write_record(note, requested)


def _one_file(model: Recalibration, change: Change, images: FolderImages, loaded: Loaded, out: Path, name: str) -> None:
    """Written aside and then moved, so that a file that is there is whole."""
    item = images.item(loaded)
    if item.refused is not None:
        raise ReadError(item.refused)
    aside, target = out / WORK / loaded.path.name, out / name
    write(aside, loaded.path, loaded.restored(model.changed(change, [item])[0]))
    target.parent.mkdir(parents=True, exist_ok=True)
    aside.replace(target)
