"""Types of options that the command line takes as text and Python as tuples or mappings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator


class CommaSeparated(BeforeValidator):
    """Marks a tuple that the command line takes as one text, such as "sex,age"."""


def _names(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _lines(value: Any) -> Any:
    """KEY=VALUE of each pair of a mapping; one text is a list of one."""
    if isinstance(value, Mapping):
        return tuple(f"{key}={json.dumps(one, default=_plain)}" for key, one in value.items())
    return (value,) if isinstance(value, str) else value


def _one_or_several(value: Any) -> Any:
    return (value,) if isinstance(value, (str, PurePath)) else value


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, PurePath) else list(value)


# Several names: ("sex", "age") or "sex,age"; as a field always `Names | None`, so that the mark is kept.
Names = Annotated[tuple[str, ...], CommaSeparated(_names)]
# Single settings: {"loop.steps": 500} or ("loop.steps=500",).
Changes = Annotated[tuple[str, ...], BeforeValidator(_lines)]
# One path or text where several may be given.
OneOrSeveral = BeforeValidator(_one_or_several)
# A run folder, or the name of weights that ship.
PathOrName = Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, PurePath) else value)]
