"""What every public verb has around it: errors of the system become sentences, and an exchange that was killed is finished first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from synthcmr.cohort.output_place import heal
from synthcmr.cohort.system_errors import in_sentences

P = ParamSpec("P")
R = TypeVar("R")
WRITTEN = ("out", "run", "dest", "fix", "folder", "file")  # parameters that name what a verb writes


def public(verb: Callable[P, R]) -> Callable[P, R]:
    """A verb that Python callers and the command line call."""
    parameters = signature(verb)

    @wraps(verb)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            named = _named(parameters.bind_partial(*args, **kwargs).arguments)
        except TypeError:  # the call does not fit, which Python says itself
            named = {}
        heal_all(named.values())
        written = next((named[name] for name in WRITTEN if isinstance(named.get(name), (str, Path))), None)
        with in_sentences(None if written is None else Path(written)):
            return verb(*args, **kwargs)

    return called


def heal_all(values: Iterable[Any]) -> None:
    """Finish exchanges of outputs that were killed, where a value names one or something in it."""
    for value in values:
        if isinstance(value, (list, tuple)):
            heal_all(value)
        elif isinstance(value, (str, Path)):
            for path in (Path(value), *Path(value).parents):
                with suppress(OSError, ValueError):  # a text that is no path
                    heal(path)


def _named(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, and those within options and keywords."""
    named = dict(arguments)
    for value in arguments.values():
        fields = getattr(value, "__dict__", {}) if hasattr(value, "model_fields_set") else value
        named |= {k: v for k, v in fields.items() if k not in named} if isinstance(fields, dict) else {}
    return named
