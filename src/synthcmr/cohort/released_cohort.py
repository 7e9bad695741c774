"""A cohort as it may leave the house: images, masks and what was asked for, without names, hashes and counts of what it was made from.

What is kept is listed; whatever a later version adds to a cohort stays behind until it is put on the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from synthcmr.cohort.attributes import ATTRIBUTES, DRAWN, Value
from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.joining import records, storage
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.privacy.ledger import LEDGER

KEPT = {*ATTRIBUTES, DRAWN, "split", "chest_fat_mm"}  # of a subject
REQUESTED = "asked_"  # what the heart was to measure begins with it


def write_released(cohort: Cohort, out: Path, stamp: Mapping[str, Value]) -> Cohort:
    """Write a cohort without what tells where it came from.

    Args:
        cohort: that may be released.
        out: folder to make.
        stamp: further columns of every image: what is promised.
    """
    kind, rows, columns = storage(cohort)
    with CohortWriter(out, {"step": "release", "settings": {}}, kind, (rows, columns)) as writer:
        for record in _stripped(cohort, stamp):
            writer.add(record)
        writer.finish(None, [], {LEDGER: cohort_ledger(cohort).to_json()})
    return Cohort.open(out)


def _stripped(cohort: Cohort, stamp: Mapping[str, Value]) -> Iterator[SubjectRecord]:
    """Subjects under new names, in their order; names of plans hold a hash of the cohort that was planned for."""
    for number, record in enumerate(records(cohort), 1):
        name = f"subject-{number:05d}"
        kept = {k: v for k, v in record.attributes.items() if k in KEPT or k.startswith(REQUESTED)}
        images = tuple(replace(image, subject_id=name, extra=dict(stamp)) for image in record.images)
        yield SubjectRecord(name, name, kept, images, truth=record.truth, measures=record.measures)
