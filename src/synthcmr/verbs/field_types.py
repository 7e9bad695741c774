"""Types of options that may be given several times on the command line, and in Python once, several times or as a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidatorFunctionWrapHandler, WrapValidator


def _one_or_several(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """One path or text is a list of one; of a mapping KEY=VALUE of each pair."""
    if isinstance(value, Mapping):
        value = tuple(f"{key}={json.dumps(one, default=_plain)}" for key, one in value.items())
    return read((value,) if isinstance(value, (str, PurePath)) else value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else list(value)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else value


def _shipped_by_name(value: Path | None) -> Path | None:
    """The weights that ship by this name; a path that is there means itself."""
    if value is None or value.exists():
        return value
    from synthcmr.training.shipped import GENERATORS, shipped

    return shipped(str(value)) if str(value) in GENERATORS else value


OneOrSeveral = WrapValidator(_one_or_several)
# Single settings: {"loop.steps": 500} or ("loop.steps=500",).
Changes = Annotated[tuple[str, ...], OneOrSeveral]
# The generator that makes images: a run folder, a weights file, or the name of one that ships: refine or flow.
Run = Annotated[Path | None, AfterValidator(_shipped_by_name)]
# A run folder, or the name of weights that ship.
PathOrName = Annotated[str | None, BeforeValidator(_as_text)]
