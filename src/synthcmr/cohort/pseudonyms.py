"""Ingest under a salt: what would tell whose images these are stays out of the cohort, also where something could not be read.

Names of files and reasons of rejects can hold ids. They go into a table beside the cohort, in clear, for whoever may see the
patients' files; the cohort says only how many. Cases are read in the order of their hashes, because the order of stored images would
otherwise be that of the ids. Frames are counted anew: of public data sets, end-systole's place in the cine stands in the names of
files, and two subjects rarely share it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path

from synthcmr.cohort.csv_cells import harmless_row, unmarked
from synthcmr.cohort.identifiers import salted_id
from synthcmr.cohort.raw_subject import Case
from synthcmr.cohort.records import ImageRecord, Reject, SubjectRecord
from synthcmr.errors import SettingsError

UNSAID = {"reject": "could not be read", "note": "something had to be assumed"}
COLUMNS = ("case_id", "part", "reason", "level")
NOT_SAID = "not said"  # under a salt: whose file it was, and of which data set
TIME_STEP_MS = 10.0  # that times of frames are rounded to


def check_salt(salt: str | None) -> None:
    """Refuse a salt that hides nothing.

    Raises:
        SettingsError: it is empty.
    """
    if salt is not None and not salt.strip():
        raise SettingsError(
            "--salt: expected a secret of your own, got an empty one (is the variable that should hold it set?); subject ids would "
            "stay in clear. Leave --salt out to keep them"
        )


@dataclass(frozen=True)
class Pseudonyms:
    """New names for cases, and where the true ones of those that could not be read are kept."""

    salt: str
    clear_table: Path  # beside the cohort

    def name(self, case_id: str) -> str:
        """The new name of a case."""
        return salted_id(case_id, self.salt)

    def ordered(self, cases: Iterable[Case]) -> list[Case]:
        """Cases in the order of their new names."""
        return sorted(cases, key=lambda case: self.name(case.case_id))

    def apply(self, record: SubjectRecord) -> SubjectRecord:
        """A record that says nothing in clear; what it said of rejects is added to the table beside the cohort."""
        self._keep(record.rejects)
        name = self.name(record.case_id)
        levels = sorted({reject.level for reject in record.rejects})
        rejects = tuple(Reject(NOT_SAID, "subject", UNSAID[level], level) for level in levels)
        return replace(record, case_id=name, rejects=rejects, images=counted_anew(record.images))

    def begin(self) -> None:
        """Forget the table of an earlier cohort in the same place."""
        self.clear_table.unlink(missing_ok=True)

    def _keep(self, rejects: Iterable[Reject]) -> None:
        """Add what is not there yet: a case that was read before a run was stopped is read again."""
        rows = [{name: str(value) for name, value in reject.row().items()} for reject in rejects]
        before: list[dict[str, str]] = []
        if self.clear_table.exists():
            with self.clear_table.open(newline="", encoding="utf-8") as file:
                before = [{k: unmarked(v) for k, v in row.items()} for row in csv.DictReader(file)]
        new = [row for row in rows if row not in before]
        if not new:
            return
        with self.clear_table.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if not before:
                writer.writeheader()
            writer.writerows(map(harmless_row, new))


def counted_anew(images: Sequence[ImageRecord]) -> tuple[ImageRecord, ...]:
    """Images of a subject whose frames are counted from 0 within each stack, in their order, and timed from the first of them."""
    frames: dict[int, set[int]] = {}
    start: dict[int, float] = {}  # the earliest known time of a stack, whose frames may be images of their own
    for image in images:
        frames.setdefault(image.stack, set()).update(image.frame_indices)
        known = [ms for ms in image.trigger_ms if isfinite(ms)]
        start[image.stack] = min((start.get(image.stack, inf), *known))
    place = {stack: {index: k for k, index in enumerate(sorted(there))} for stack, there in frames.items()}
    return tuple(
        replace(
            image,
            frame_indices=tuple(place[image.stack][index] for index in image.frame_indices),
            trigger_ms=tuple(_coarse(ms - start[image.stack]) for ms in image.trigger_ms),
        )
        for image in images
    )


def _coarse(ms: float) -> float:
    """A time to the nearest step; unknown stays unknown."""
    return TIME_STEP_MS * round(ms / TIME_STEP_MS) if isfinite(ms) else ms


def clear_table_of(out: Path) -> Path:
    """Where the true names of rejected cases of a cohort are kept: outside of it, so that they are not handed on with it."""
    return out.with_name(f"{out.name}-rejects-in-clear.csv")
