"""Several cohorts as one: shards of a plan, or rounds of images."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.tables import present_cells
from synthcmr.cohort.writer import MEASURES, TRUTH, CohortWriter
from synthcmr.errors import CohortError
from synthcmr.privacy.ledger import LEDGER, STAMP, union

OWN = {f.name for f in fields(ImageRecord)}
AT_ONCE = 64  # images
STORED = {"image_id", "first_frame", "n_frames", "height", "width", "content_hash"}  # follow from the pixels


def join_cohorts(
    out: Path, cohorts: Sequence[Cohort], progress: Callable[[int, int, str], None] | None = None
) -> Cohort:
    """Write the subjects of several cohorts into one.

    Args:
        out: the cohort folder; an unfinished one is continued.
        cohorts: with images of one size, and different subjects.
        progress: called with (done, total, subject).

    Raises:
        CohortError: a subject is in two of them.
    """
    _check(cohorts)
    manifest = {"step": "join", "cohorts": [cohort.hash for cohort in cohorts], "settings": cohorts[0].info["settings"]}
    first = cohorts[0]
    kind, rows, columns = storage(first)
    total, done = sum(len(cohort.subjects) for cohort in cohorts), 0
    with CohortWriter(out, manifest, kind, (rows, columns)) as writer:
        for cohort in cohorts:
            for record in records(cohort):
                done += 1
                if record.case_id not in writer.done:
                    writer.add(record)
                if progress is not None:
                    progress(done, total, record.case_id)
        inputs = [Input(str(cohort.path), "cohort", cohort.hash) for cohort in cohorts]
        facts = {k: v for k, v in first.info.items() if k in ("generated", "phantom")}
        writer.finish(None, inputs, facts | {LEDGER: union(map(cohort_ledger, cohorts)).to_json()})
    return Cohort.open(out)


def storage(cohort: Cohort) -> tuple[str, int, int]:
    """The type that pixels are stored in, and rows and columns of the first image."""
    if not len(cohort):
        return "float16", 128, 128
    pixels = cohort._read("image", 0)
    return str(pixels.dtype), pixels.shape[1], pixels.shape[2]


def records(cohort: Cohort, without: Collection[str] = ()) -> Iterator[SubjectRecord]:
    """The subjects of a cohort as they were given to its writer; some dozens of images are in memory at a time.

    Args:
        cohort: the cohort.
        without: names of tables that are left out, truth or measures.
    """
    rows = cohort.images.groupby("subject_id").indices
    truths = cohort.truth.set_index("subject_id").to_dict("index") if cohort.has_truth and TRUTH not in without else {}
    measured = (
        cohort.measures.set_index("subject_id").to_dict("index")
        if cohort.has_measures and MEASURES not in without
        else {}
    )
    for part in _parts(cohort.subjects.to_dict("records"), rows):
        images = _images(cohort, [int(i) for subject in part for i in rows.get(str(subject["subject_id"]), ())])
        for subject in part:
            name = str(subject["subject_id"])
            attributes = present_cells(subject, "subject_id")
            truth, measures = (present_cells(table.get(name, {})) for table in (truths, measured))
            own = tuple(images[int(i)] for i in rows.get(name, ()))
            yield SubjectRecord(name, name, attributes, own, truth=truth, measures=measures)


def _parts(subjects: Sequence[dict[Any, Any]], rows: Mapping[Any, Any]) -> Iterator[list[dict[Any, Any]]]:
    """Subjects that are read together: reading images one by one takes several times as long."""
    part: list[dict[Any, Any]] = []
    count = 0
    for subject in subjects:
        part.append(subject)
        count += len(rows.get(str(subject["subject_id"]), ()))
        if count >= AT_ONCE:
            yield part
            part, count = [], 0
    if part:
        yield part


def _images(cohort: Cohort, rows: Sequence[int]) -> dict[int, ImageRecord]:
    """Images by their row."""
    table = cohort.images.iloc[list(rows)]
    images: dict[int, ImageRecord] = {}
    for places in table.groupby(["n_frames", "height", "width"]).indices.values():
        same_size = [rows[int(k)] for k in places]
        image, mask = cohort.read_many(same_size)  # in the type they are stored in
        cells = table.iloc[places].to_dict("records")
        images |= {i: _image(cells[k], image[k], mask[k]) for k, i in enumerate(same_size)}
    return images


def _image(row: dict[Any, Any], image: Any, mask: Any) -> ImageRecord:
    cells = {
        name: tuple(map(_plain, value)) if isinstance(value, (np.ndarray, list)) else _plain(value)
        for name, value in present_cells(row).items()
    }
    own: dict[str, Any] = {k: v for k, v in cells.items() if k in OWN}
    extra: dict[str, Any] = {k: v for k, v in cells.items() if k not in OWN | STORED and not k.startswith(STAMP)}
    return ImageRecord(image=image, mask=mask, extra=extra, **own)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check(cohorts: Sequence[Cohort]) -> None:
    cohort_of: dict[str, Path] = {}
    places = [cohort.path.resolve() for cohort in cohorts]
    for cohort, place in zip(cohorts, places, strict=True):
        if places.count(place) > 1:
            raise CohortError(f"{cohort.path}: expected each cohort once, got it {places.count(place)} times")
        for name in cohort.subjects["subject_id"].astype(str):
            if name in cohort_of:
                raise CohortError(
                    f"{cohort.path}: expected each subject in one cohort alone, got '{name}', which is also in {cohort_of[name]}"
                )
            cohort_of[name] = cohort.path
