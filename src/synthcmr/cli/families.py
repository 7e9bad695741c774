"""`synthcmr families`: which generators there are, and what can be set of each."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from synthcmr.config import Settings


def families(
    family: Annotated[str | None, typer.Argument(help="One of them, to see its settings.")] = None,
    preset: Annotated[str, typer.Option("--preset", help="Whose values to show: cpu, 8g, 24g or 80g.")] = "cpu",
) -> None:
    """List the families of generators; with a name, every setting that 'train --set' takes, its value and its meaning.

    \b
    Examples:
      synthcmr families
      synthcmr families gan --preset 24g
    """
    from synthcmr.generators.families import about
    from synthcmr.generators.families import family as find

    if family is None:
        names = about()
        width = max(map(len, names))
        typer.echo("\n".join(f"{name:<{width}}  {line}" for name, line in names.items()))
        typer.echo("\nSettings of one: synthcmr families NAME. Train it: synthcmr train NAME COHORT RUN")
        return
    model, loop = find(family).settings(preset)
    for group, settings in (("model", model), ("loop", loop)):
        typer.echo("\n".join(setting_lines(group, settings)))


def setting_lines(group: str, settings: "Settings") -> list[str]:
    """One line for each setting, and one for what it means."""
    lines = []
    for name, field in type(settings).model_fields.items():
        lines.append(f"{group}.{name}={_value(getattr(settings, name))}")
        meaning = "; ".join(said for said in (field.description, _allowed(field)) if said)
        lines += [f"    {meaning}"] if meaning else []
    return lines


def _value(value: Any) -> str:
    """As --set takes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: "FieldInfo") -> str:
    """The values that are allowed, where they are few or bounded."""
    from typing import Literal, get_args, get_origin

    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(field.annotation)))
    bounds = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [
        f"{words} {getattr(m, name):g}" for m in field.metadata for name, words in bounds.items() if hasattr(m, name)
    ]
    return " and ".join(said)
