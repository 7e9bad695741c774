"""Settings of a step: a file's, over them those of options, over them single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from synthcmr.config import Settings, settings_from_dict, settings_from_yaml, yaml_value
from synthcmr.errors import SettingsError

Kind = TypeVar("Kind", bound=Settings)


def read_settings(kind: type[Kind], file: Path | None, chosen: Mapping[str, Any], single: Sequence[str]) -> Kind:
    """Settings of one kind.

    Args:
        kind: of the settings.
        file: YAML; None for the defaults.
        chosen: values by name; None leaves a setting as it is.
        single: "loop.steps=600" and the like.

    Raises:
        SettingsError: a setting does not exist, or has a value that is not allowed.
    """
    base = kind() if file is None else settings_from_yaml(file, kind)
    values = base.model_dump() | {name: value for name, value in chosen.items() if value is not None}
    for item in single:
        name, equals, text = item.partition("=")
        if not equals:
            raise SettingsError(f"--set: expected KEY=VALUE, got '{item}'")
        *parts, key = name.split(".")
        place: Any = values
        for part in parts:
            place = place.get(part)
            if not isinstance(place, dict):
                there = ", ".join(kind.model_fields)
                raise SettingsError(f"--set: expected one of {there}, with a dot before what is inside; got '{name}'")
        place[key] = yaml_value(text, f"--set {name}")
    return settings_from_dict(values, kind, "--settings or --set")
