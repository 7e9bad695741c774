"""What a folder was made from, and what that was made from, as far as the folders still tell."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.training.shipped import shipped_generator

DEEPEST = 8  # steps of a chain
FOLDERS = ("cohort", "run", "plan", "recalibration")  # inputs that have a provenance of their own


@dataclass(frozen=True)
class Step:
    """Something that something else was made from."""

    depth: int
    kind: str
    name: str
    hash: str
    folder: Path
    record: dict[str, Any] = field(
        default_factory=dict
    )  # its provenance.json; empty where that is gone or of another thing

    @property
    def step(self) -> str:
        """The command that made it; empty where that is not known."""
        return str(self.record.get("step", ""))

    @property
    def ships(self) -> bool:
        """Whether it is a generator that comes with the package, whatever it is called."""
        return self.kind == "run" and shipped_generator(self.hash) is not None

    @property
    def settings(self) -> dict[str, Any]:
        """What it was made with."""
        found: dict[str, Any] = self.record.get("settings", {})
        return found


def chain(folder: Path) -> list[Step]:
    """All that a folder stands on, each followed by what that was made from."""
    return _below(record_of(folder), folder, 0)


def record_of(folder: Path) -> dict[str, Any]:
    """The provenance of a folder; empty where there is none."""
    try:
        record: dict[str, Any] = json.loads((folder / PROVENANCE_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return record


def found_folder(name: str, own_hash: str, near: Path) -> Path | None:
    """Where something lies now: at its old place, or beside what was made from it where both were moved."""
    for folder in (Path(name), near.parent / Path(name).name):
        if record_of(folder).get("hash") == own_hash:
            return folder
    return None


def _below(record: dict[str, Any], near: Path, depth: int) -> list[Step]:
    found: list[Step] = []
    for one in record.get("inputs", []) if depth < DEEPEST else []:
        folder = found_folder(one["name"], one["hash"], near) if one["kind"] in FOLDERS else None
        own = record_of(folder) if folder is not None else {}
        place = folder if folder is not None else Path(one["name"])
        found.append(Step(depth, one["kind"], Path(one["name"]).name, one["hash"][:12], place, own))
        found += _below(own, place, depth + 1)
    return found
