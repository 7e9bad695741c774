"""How artefacts name each other: by a path from the one to the other, or by a name, and never by a path of the machine that made them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from synthcmr.cohort.output_place import known_as

HOMES = ("home", "Users", "root")  # folders at the root of a machine whose subfolders are people
IN_TEXT = re.compile(r"(?<![\w.:/~-])/(?:[^/\s'\"(),;]+/)+([^/\s'\"(),;:]+)")
NEEDED = ("base",)  # settings that name what a model cannot be used without


def place_from(folder: Path, other: str | Path) -> str:
    """What an artefact says of where another one lies: the way there from its own folder, or a name where that tells whose home it is.

    Args:
        folder: of the artefact.
        other: a path; anything that is none stays as it is.
    """
    path = Path(other)
    if not path.exists():
        return path.name if path.is_absolute() else str(other)
    here, there = Path(known_as(str(folder.resolve()))), path.resolve()  # where it will be, not where it is built
    shared = Path(os.path.commonpath([here, there]))
    if len(shared.parts) < 3 and there.parts[1:2] and there.parts[1] in HOMES and shared != here.parent:
        return there.name
    return Path(os.path.relpath(there, here)).as_posix()


def places_of(name: str, folder: Path) -> tuple[Path, ...]:
    """Where something that an artefact names may lie: the way it says, or beside the artefact where both were moved.

    Args:
        name: as `place_from` said it, or a path of the working directory, as earlier versions did.
        folder: of the artefact.
    """
    return folder / name, Path(name), folder.parent / Path(name).name


def current_place(name: str, folder: Path) -> Path:
    """Where something that an artefact names lies; as it is named, where it is not there."""
    return next((place for place in places_of(name, folder) if place.exists()), Path(name))


def without_places(content: Any) -> Any:
    """Records and texts in which every absolute path is only the name of what lies there."""
    if isinstance(content, dict):
        return {k: v if k in NEEDED else without_places(v) for k, v in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_places(v) for v in content]
    if isinstance(content, Path):
        return content.name if content.is_absolute() else str(content)
    if not isinstance(content, str):
        return content
    return Path(content).name if _is_path(content) else IN_TEXT.sub(r"\1", content)


def _is_path(text: str) -> bool:
    return text.startswith("/") and "\n" not in text and ": " not in text and Path(text).name != ""
