"""Types of options that may be given several times on the command line, and in Python once, several times or as a mapping."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidatorFunctionWrapHandler, WrapValidator


def _one_or_several(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """One path or text is a list of one; of a mapping KEY=VALUE of each pair."""
    if isinstance(value, Mapping):
        value = tuple(f"{key}={json.dumps(one, default=_plain)}" for key, one in value.items())
    return read((value,) if isinstance(value, (str, PurePath)) else value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else list(value)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else value


OneOrSeveral = WrapValidator(_one_or_several)
# Single settings: {"loop.steps": 500} or ("loop.steps=500",).
Changes = Annotated[tuple[str, ...], OneOrSeveral]
# A run folder, or the name of weights that ship.
PathOrName = Annotated[str | None, BeforeValidator(_as_text)]
