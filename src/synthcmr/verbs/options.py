"""Options of a verb: defaults, ranges, help and cross-checks in one place, for Python callers and the command line alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from synthcmr.config import Settings, expected_and_got, settings_from_dict, settings_from_yaml, yaml_value
from synthcmr.errors import SettingsError

S = TypeVar("S", bound=Settings)


class Options(Settings):
    """Base of all options.

    A field's `json_schema_extra` may hold `flags`, where they are not its name with dashes; `envvar`, which stands in for the
    flag; and `once`, why the flag cannot be repeated.
    """

    @classmethod
    def of(cls, options: Self | None, changes: Mapping[str, Any]) -> Self:
        """Options as they are, or with some fields changed, or from fields alone.

        Args:
            options: to begin with; None for the defaults.
            changes: fields by name.

        Raises:
            SettingsError: a field is unknown or has a value that it cannot have, or fields cannot be combined.
        """
        if options is not None and not changes:
            return options
        given = {} if options is None else {name: getattr(options, name) for name in options.model_fields_set}
        return settings_from_dict({**given, **changes}, cls, _verb(cls))

    def part(self, kind: type[S]) -> S:
        """The settings of an engine that these options hold, without what is about files and processes."""
        return kind.model_validate({name: getattr(self, name) for name in kind.model_fields})

    @classmethod
    def why_not(cls, name: str, value: object) -> str:
        """What is wrong with the value of one field, whatever the others hold; empty where nothing is."""
        try:
            cls.model_validate({name: value})
        except ValidationError as error:
            return next((expected_and_got(one) for one in error.errors() if one["loc"][:1] == (name,)), "")
        except SettingsError as error:
            return str(error)
        return ""

    @classmethod
    def flag(cls, name: str) -> str:
        """The flag of a field, as the command line calls it."""
        extra = cls.model_fields[name].json_schema_extra
        flags = extra.get("flags") if isinstance(extra, dict) else None
        return str(flags[0]) if isinstance(flags, list) and flags else "--" + name.replace("_", "-")


def _verb(kind: type[Options]) -> str:
    """Such as "generate" for GenerateOptions, "fit recalibration" for FitRecalibrationOptions."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__.removesuffix("Options").removesuffix("Flags")).lower()


def comma_separated(value: Any) -> Any:
    """The names in a text, each once; anything else as it is.

    Raises:
        ValueError: it holds commas alone.
    """
    if not isinstance(value, str):
        return value
    if not value:
        return None
    names = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not names:
        raise ValueError("expected names, several separated by commas")
    return names


def number_or(word: str, flag: str, whole: bool = False, becomes_none: bool = False) -> BeforeValidator:
    """Reads a number, or one word that stands for none.

    Args:
        word: such as "native".
        flag: whose value it is, for the error.
        whole: only whole numbers.
        becomes_none: the word is read as None, which is free where None does not mean "not given".
    """

    def read(value: Any) -> Any:
        if value == word:
            return None if becomes_none else word
        if not isinstance(value, str):
            return value
        try:
            return int(value) if whole else float(value)
        except ValueError as error:
            kind = "a whole number" if whole else "a number"
            raise SettingsError(f"{flag}: expected {kind} or '{word}', got '{value}'") from error

    return BeforeValidator(read)


def numbers_by_name(flag: str) -> Callable[[Any], Any]:
    """Reads NAME=NUMBER,NAME=NUMBER; a mapping stays as it is.

    Args:
        flag: whose value it is, for the error.
    """

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",")]
        if not all(name.strip() and number.strip().isdigit() for name, _, number in pairs):
            raise SettingsError(f"{flag}: expected NAME=NUMBER, several separated by commas, got '{value}'")
        return {name.strip(): int(number) for name, _, number in pairs}

    return read


Names = Annotated[tuple[str, ...] | None, BeforeValidator(comma_separated)]


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
    from synthcmr.training.shipped_weights import GENERATORS, shipped

    return shipped(str(value)) if str(value) in GENERATORS else value


OneOrSeveral = WrapValidator(_one_or_several)
# Single settings: {"loop.steps": 500} or ("loop.steps=500",).
Changes = Annotated[tuple[str, ...], OneOrSeveral]
# The generator that makes images: a run folder, a weights file, or the name of one that ships: refine or flow.
Run = Annotated[Path | None, AfterValidator(_shipped_by_name)]
# A run folder, or the name of weights that ship.
PathOrName = Annotated[str | None, BeforeValidator(_as_text)]


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
