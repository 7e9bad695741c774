"""Formats of what synthcmr writes: the name and version of each, and how what older versions wrote is read.

A newer version is refused, an older one is brought up to date in memory; folders on disk stay as they are. Whoever changes a
format raises its version here and adds the step that turns a file of the version before into one of the new.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr.errors import CohortError

LONGEST_NAME = 60  # of a format with its version
Step = Mapping[str, Callable[[Any], Any]]  # file, or part of one -> what brings its content to the next version


@dataclass(frozen=True)
class Format:
    """One kind of folder or file."""

    name: str
    version: int  # that is written
    made_by: str  # the command
    steps: dict[int, Step] = field(default_factory=dict)  # version -> its step to the next
    unstamped: int | None = None  # the version of files that say none

    @property
    def stamp(self) -> dict[str, Any]:
        """What a file says of itself."""
        return {"format": self.name, "version": self.version}

    @property
    def schema(self) -> str:
        """The same in one word, for files that are handed to other programs."""
        return f"{self.name}-{self.version}"

    def read(self, record: Mapping[str, Any], file: Path, part: str | None = None) -> dict[str, Any]:
        """A record as it would be written today; its `version` stays that of the file.

        Args:
            record: as it stands in the file.
            file: where.
            part: of the steps; the file's name where none is given.

        Raises:
            CohortError: it is something else, of a newer version, or of one too old.
        """
        updated: dict[str, Any] = self.updated(dict(record), part or file.name, self.version_of(record, file))
        return updated

    def version_of(self, record: Mapping[str, Any], file: Path) -> int:
        """The version of a record, which can be read.

        Raises:
            CohortError: it cannot.
        """
        name, version = self._format_of(record)
        if name != self.name or version is None:
            raise CohortError(
                f"{file}: expected format {self.name}, got {name or 'one that does not say its format'}; make one with '{self.made_by}'"
            )
        if version > self.version:
            raise CohortError(
                f"{file}: expected {self.name} up to version {self.version}, got version {version}, which a newer synthcmr "
                "wrote; update synthcmr ('pip install --upgrade synthcmr')"
            )
        missing = [n for n in range(version, self.version) if n not in self.steps]
        if missing:
            raise CohortError(
                f"{file}: expected {self.name} of version {max(missing) + 1} to {self.version}, got version {version}, which "
                f"is too old to be read; make it again with '{self.made_by}'"
            )
        return version

    def updated(self, content: Any, part: str, version: int) -> Any:
        """What a file of some version holds, as it would be written today."""
        for number in range(version, self.version):
            step = self.steps[number].get(part)
            content = content if step is None else step(content)
        return content

    def _format_of(self, record: Mapping[str, Any]) -> tuple[str, int | None]:
        if "format" in record:
            return _short(record["format"]), _number(record.get("version"))
        name, _, version = _short(record.get("schema", record.get("schema_version", ""))).rpartition("-")
        return (name, _number(version)) if name or self.unstamped is None else (self.name, self.unstamped)


def _number(value: object) -> int | None:
    text = _short(value)
    return int(text) if text.isascii() and text.isdigit() else None


def _short(value: object) -> str:
    """What a file says of itself, of which no more is shown than a name is long."""
    return str(value)[:LONGEST_NAME]


AUDIT = Format("synthcmr-audit", 1, "synthcmr audit")
COHORT = Format("synthcmr-cohort", 1, "synthcmr ingest")
PLAN = Format("synthcmr-plan", 1, "synthcmr plan")
RUN = Format("synthcmr-run", 1, "synthcmr train")
# Weights that ship, and those of runs before the first release, say no format; nothing else has changed since.
WEIGHTS = Format("synthcmr-weights", 1, "synthcmr train", {0: {}}, unstamped=0)
ANATOMY = Format("synthcmr-anatomy", 1, "synthcmr train anatomy")
RECALIBRATION = Format("synthcmr-recalibration", 1, "synthcmr recalibrate fit")
SCORES = Format("synthcmr-scores", 1, "synthcmr evaluate")
DEBIAS = Format("synthcmr-debias", 1, "synthcmr debias")
BALANCE = Format("synthcmr-balance", 1, "synthcmr balance")
STATEMENT = Format("synthcmr-statement", 1, "synthcmr release")
SPECTRUM = Format("synthcmr-spectrum", 1, "synthcmr spectrum")
