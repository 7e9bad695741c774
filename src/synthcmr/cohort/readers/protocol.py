"""What a reader must offer."""

from pathlib import Path
from typing import Protocol

from synthcmr.cohort.raw import Case, RawSubject


class Reader(Protocol):
    """Finds the subjects of a data set and reads them one by one.

    A reader is stateless and cheap to build: cases are read in worker processes, each with its own instance.
    """

    name: str
    about: str  # the layout it expects, in one line, for `--help` and for errors

    def recognises(self, source: Path) -> bool:
        """Whether the source has this layout, judged by a few names and headers, never by reading pixels."""
        ...

    def cases(self, source: Path) -> list[Case]:
        """Every subject of the source in a stable order, found without reading pixels.

        A subject whose description is broken is listed all the same, so that `read` can say what is wrong with it.

        Raises:
            SettingsError: the source as a whole cannot be used (its table is missing or lacks a column, say).
        """
        ...

    def read(self, source: Path, case: Case) -> RawSubject:
        """Read one subject.

        Raises:
            ReadError: the subject cannot be read; the text becomes its reason in rejects.parquet.
        """
        ...
