"""The folder of a demo: its size, which steps are finished, how long each took, and the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from synthcmr.cohort.checksums import read_record
from synthcmr.cohort.provenance import write_record
from synthcmr.demo.size import DemoSize
from synthcmr.errors import CohortError, OtherSettingsError

RECORD, PAGE = "demo.json", "index.html"
SCHEMA = "synthcmr-demo-1"


class DemoFolder:
    """The file demo.json: the size, the seconds of each finished step, and the results in sentences."""

    def __init__(self, out: Path, size: DemoSize, steps: Mapping[str, str], say: Callable[[str], None]) -> None:
        """Begin a demo, or continue the one that is there.

        Args:
            out: folder of the demo.
            size: how large it is.
            steps: name of each step, and what it does.
            say: called with a line before each step.

        Raises:
            CohortError: the folder holds a demo of another size, or something else.
        """
        self.file, self._steps, self._say = out / RECORD, steps, say
        before = read_record(self.file) if self.file.exists() else {}
        wanted = size.model_dump(mode="json")
        if before and (before.get("settings") != wanted or not isinstance(before.get("steps"), dict)):
            raise OtherSettingsError(
                f"{out}: holds a demo of another size; repeat the command as it was, choose another folder, or --overwrite"
            )
        if not before and out.exists() and any(out.iterdir()):
            raise CohortError(f"{out}: expected a new or empty folder for the demo, got one with other files in it")
        self._record: dict[str, Any] = before or {"schema": SCHEMA, "settings": wanted, "steps": {}}
        out.mkdir(parents=True, exist_ok=True)
        write_record(self.file, self._record)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Announce a step, and note how long it took the first time that it was finished."""
        self._say(f"{list(self._steps).index(name) + 1}/{len(self._steps)} {name}: {self._steps[name]}")
        began = time.monotonic()
        yield
        self._record["steps"].setdefault(name, round(time.monotonic() - began, 1))
        write_record(self.file, self._record)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds of each finished step."""
        return dict(self._record["steps"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """The results, once everything is finished."""
        return tuple(self._record.get("sentences", ()))

    def note_results(self, sentences: Sequence[str]) -> None:
        """Note the results."""
        self._record["sentences"] = list(sentences)
        write_record(self.file, self._record)
