"""Options of a verb: defaults, ranges, help and cross-checks in one place, for Python callers and the command line alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from synthcmr.config import Settings, settings_from_dict

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
    def flag(cls, name: str) -> str:
        """The flag of a field, as the command line calls it."""
        extra = cls.model_fields[name].json_schema_extra
        flags = extra.get("flags") if isinstance(extra, dict) else None
        return str(flags[0]) if isinstance(flags, list) and flags else "--" + name.replace("_", "-")


def _verb(kind: type[Options]) -> str:
    """Such as "generate" for GenerateOptions."""
    return kind.__name__.removesuffix("Options").lower()
