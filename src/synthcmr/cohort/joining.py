"""Several cohorts as one: shards of a plan, or rounds of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.errors import CohortError

OWN = {f.name for f in fields(ImageRecord)}
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
    kind = str(first._read("image", 0).dtype) if len(first) else "float16"
    shape = (int(first.images["height"].iloc[0]), int(first.images["width"].iloc[0])) if len(first) else (128, 128)
    total, done = sum(len(cohort.subjects) for cohort in cohorts), 0
    with CohortWriter(out, manifest, kind, shape) as writer:
        for cohort in cohorts:
            for record in records(cohort):
                done += 1
                if record.case_id not in writer.done:
                    writer.add(record)
                if progress is not None:
                    progress(done, total, record.case_id)
        inputs = [Input(str(cohort.path), "cohort", cohort.hash) for cohort in cohorts]
        writer.finish(None, inputs, {k: v for k, v in first.info.items() if k in ("generated", "phantom")})
    return Cohort.open(out)


def records(cohort: Cohort) -> Iterator[SubjectRecord]:
    """The subjects of a cohort as they were given to its writer."""
    rows = cohort.images.groupby("subject_id").indices
    known = cohort.truth.set_index("subject_id").to_dict("index") if cohort.has_truth else {}
    for subject in cohort.subjects.to_dict("records"):
        name = str(subject["subject_id"])
        attributes = {str(k): v for k, v in subject.items() if k != "subject_id" and _is_there(v)}
        images = tuple(_image(cohort, int(i)) for i in rows.get(name, ()))
        truth = {str(k): v for k, v in known.get(name, {}).items() if _is_there(v)}
        yield SubjectRecord(name, name, attributes, images, truth=truth)


def _image(cohort: Cohort, index: int) -> ImageRecord:
    row: dict[str, Any] = {str(k): v for k, v in cohort.images.iloc[index].items() if _is_there(v)}
    told: dict[str, Any] = {k: tuple(v.tolist()) if isinstance(v, np.ndarray) else _plain(v) for k, v in row.items()}
    own: dict[str, Any] = {k: v for k, v in told.items() if k in OWN}
    pixels: Any = cohort._read("image", index)  # in the type they are stored in
    extra = {k: v for k, v in told.items() if k not in OWN | STORED}
    return ImageRecord(image=pixels, mask=cohort.mask(index), extra=extra, **own)


def _is_there(value: Any) -> bool:
    return value is not None and (isinstance(value, (np.ndarray, list, tuple)) or value == value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _check(cohorts: Sequence[Cohort]) -> None:
    seen: dict[str, Path] = {}
    for cohort in cohorts:
        for name in cohort.subjects["subject_id"].astype(str):
            if name in seen:
                raise CohortError(
                    f"{cohort.path}: expected subjects that no other of the cohorts has, got '{name}', which is also in {seen[name]}"
                )
            seen[name] = cohort.path
