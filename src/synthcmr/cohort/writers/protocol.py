"""What a writer must offer, and what it reports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from synthcmr.cohort.cohort import Cohort

Progress = Callable[[int, int], None]


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
