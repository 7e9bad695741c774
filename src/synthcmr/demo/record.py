"""What a demo has finished, so that the same command goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthcmr.cohort.provenance import write_json
from synthcmr.demo.settings import DemoSettings
from synthcmr.errors import CohortError

RECORD = "demo.json"
SCHEMA = "synthcmr-demo-1"
MADE = (
    "cohort",
    "audit",
    "plan",
    "synthetic",
    "recalibration",
    "recalibrated",
    "spectrum",
    "debiased",
    "scores",
    "balanced",
    "nnunet",
    "dicom",
)
PAGE = "index.html"


class Record:
    """The file demo.json: settings, and seconds of each step that is finished."""

    def __init__(self, out: Path, settings: DemoSettings) -> None:
        """Begin, or read what is there.

        Raises:
            CohortError: the folder holds a demo of another size, or something else.
        """
        self.file = out / RECORD
        told = json.loads(self.file.read_text()) if self.file.exists() else {}
        wanted = settings.model_dump(mode="json")
        if told and told.get("settings") != wanted:
            raise CohortError(
                f"{out}: holds a demo of another size; repeat the command as it was, choose another folder, or --overwrite"
            )
        if not told and out.exists() and any(out.iterdir()):
            raise CohortError(f"{out}: expected a new or empty folder for the demo, got one with other files in it")
        self._told: dict[str, Any] = told or {"schema": SCHEMA, "settings": wanted, "steps": {}}
        out.mkdir(parents=True, exist_ok=True)
        write_json(self.file, self._told)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall-clock seconds of each finished step."""
        return dict(self._told["steps"])

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, once everything is finished."""
        return tuple(self._told.get("sentences", ()))

    def finish(self, step: str, seconds: float) -> None:
        """Note that a step is finished."""
        self._told["steps"] |= {step: round(seconds, 1)}
        write_json(self.file, self._told)

    def tell(self, sentences: Sequence[str]) -> None:
        """Note what was found."""
        self._told["sentences"] = list(sentences)
        write_json(self.file, self._told)


def clear(out: Path) -> None:
    """Remove an earlier demo, and nothing else.

    Raises:
        CohortError: the folder holds something else.
    """
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / RECORD).exists():
        raise CohortError(f"{out}: expected an earlier demo to replace, got a folder with other files")
    for name in MADE:
        shutil.rmtree(out / name, ignore_errors=True)
    for name in (RECORD, PAGE):
        (out / name).unlink(missing_ok=True)
