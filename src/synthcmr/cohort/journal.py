"""The journal of an unfinished cohort: what is safely on disk, so that a killed run continues where it stopped."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, object]


@dataclass
class Batch:
    """Rows that become durable together."""

    frames_end: int = 0
    cases: list[str] = field(default_factory=list)
    subjects: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    rejects: list[Row] = field(default_factory=list)
    truth: list[Row] = field(default_factory=list)
    measures: list[Row] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)


class Journal:
    """Append-only JSON lines; one line a batch. A torn last line (the machine died) is ignored."""

    def __init__(self, path: Path) -> None:
        """Name the file; it may not exist yet."""
        self.path = path

    def append(self, batch: Batch) -> None:
        """Make a batch durable. Call only after its frames are on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(batch.__dict__, allow_nan=True) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def batches(self) -> Iterator[Batch]:
        """The durable batches, one at a time."""
        if not self.path.exists():
            return
        with self.path.open() as file:
            for line in file:
                if not line.endswith("\n"):
                    return
                yield Batch(**json.loads(line))

    def repair(self) -> None:
        """Cut a torn last line off, so that the next batch starts on a line of its own."""
        if not self.path.exists():
            return
        text = self.path.read_bytes()
        if text and not text.endswith(b"\n"):
            self.path.write_bytes(text[: text.rfind(b"\n") + 1])
