"""A command whose options are the fields of an options object: names, ranges, choices, defaults and help are written there once."""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import typer
from pydantic import BeforeValidator

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from synthcmr.verbs.options import Options

Arguments = dict[str, tuple[Any, str]]  # name -> type and help
BOUNDS = {"ge": "min", "le": "max"}


def command(
    kind: "type[Options]", arguments: Arguments, settings: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a command of a function (*arguments, options).

    Args:
        kind: of the options that the function takes; every field becomes an option of the command line.
        arguments: what is given without a flag, in order; those that may be None can be left out.
        settings: "module:class" of the settings that --set takes, for --list-settings; None: there is no such flag.
    """
    once = {name: why for name in kind.model_fields if (why := _extra(kind, name, "once"))}

    def decorate(run: Callable[..., None]) -> Callable[..., None]:
        def called(**values: Any) -> None:
            positional = [values.pop(name) for name in arguments]
            values |= {name: only(values[name], kind.flag(name), why) for name, why in once.items()}
            given = {name: values[name] for name in kind.model_fields if _given(values[name], kind.model_fields[name])}
            run(*positional, kind.of(None, given))

        parameters = [_argument(name, *about) for name, about in arguments.items()]
        required_first = sorted(kind.model_fields.items(), key=lambda item: not item[1].is_required())
        parameters += [_option(kind, name, field) for name, field in required_first]
        parameters += [_list_settings(settings)] if settings else []
        called.__doc__, called.__name__, called.__module__ = run.__doc__, run.__name__, run.__module__
        called.options = kind  # type: ignore[attr-defined]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _argument(name: str, kind: Any, about: str) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Argument(help=about)]
    default = None if type(None) in get_args(kind) else inspect.Parameter.empty
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _given(value: Any, field: "FieldInfo") -> bool:
    """Whether an option was given: several values are an empty list where it was not."""
    return value not in (None, [], ()) and value != field.default


def _list_settings(place: str) -> inspect.Parameter:
    """The flag that prints the settings that --set takes, and stops."""

    def print_settings(value: bool) -> None:
        if value:
            from synthcmr.cli.setting_lines import setting_lines

            module, kind = place.split(":")
            typer.echo("\n".join(setting_lines("", getattr(import_module(module), kind)())))
            raise typer.Exit

    option = typer.Option(
        "--list-settings", callback=print_settings, is_eager=True, help="Print every setting that --set takes."
    )
    annotation = Annotated[bool, option]
    return inspect.Parameter("list_settings", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _option(kind: "type[Options]", name: str, field: "FieldInfo") -> inspect.Parameter:
    envvar = _extra(kind, name, "envvar")
    option = typer.Option(*_flags(kind, name), help=field.description, envvar=envvar, **_range(field))
    typed = _text_or_plain(field)
    if _extra(kind, name, "once"):  # the shell would silently drop all but the last
        typed = GenericAlias(list, (typed,))
    annotation: Any = Annotated.__class_getitem__((typed, option))  # type: ignore[attr-defined]
    default = inspect.Parameter.empty if field.is_required() else field.default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _extra(kind: "type[Options]", name: str, key: str) -> Any:
    extra = kind.model_fields[name].json_schema_extra
    return extra.get(key) if isinstance(extra, dict) else None


def _flags(kind: "type[Options]", name: str) -> list[str]:
    flag = kind.flag(name)
    if kind.model_fields[name].annotation is bool and kind.model_fields[name].default is True:
        return [f"{flag}/--no-{flag.removeprefix('--')}"]
    flags = _extra(kind, name, "flags")
    return [str(one) for one in flags] if isinstance(flags, list) else [flag]


def _text_or_plain(field: "FieldInfo") -> Any:
    """Text where the field reads it itself, otherwise its type."""
    if any(isinstance(one, BeforeValidator) for one in field.metadata):
        return str | None if field.default is None else str
    return _plain(field.annotation)


def _plain(annotation: Any) -> Any:
    """The type as the command line reads it: of a tuple, a list of its items."""
    if get_origin(annotation) is tuple:
        inner: Any = _plain(get_args(annotation)[0])
        return GenericAlias(list, (inner,))
    if get_origin(annotation) in (Union, UnionType):
        inner = [_plain(part) for part in get_args(annotation) if part is not type(None)]
        return Union[inner[0], None] if len(inner) == 1 else annotation  # noqa: UP007 - built at run time
    return annotation


def _range(field: "FieldInfo") -> dict[str, Any]:
    """Smallest and largest value, which the command line checks and shows."""
    return {flag: getattr(m, name) for m in field.metadata for name, flag in BOUNDS.items() if hasattr(m, name)}


def only(values: Sequence[str], flag: str, why: str) -> str:
    """The one value of an option.

    Raises:
        SettingsError: it was given more than once; the shell would silently drop all but the last.
    """
    from synthcmr.errors import SettingsError

    if len(values) != 1:
        raise SettingsError(f"{flag}: expected once, got {len(values)} times ({' and '.join(values)}); {why}")
    return values[0]


COHORT: Arguments = {"cohort": (Path, "Cohort folder.")}
OUT_COHORT: Arguments = {"out": (Path, "Cohort folder to write; an unfinished one is continued.")}
