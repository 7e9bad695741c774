"""Settings with their values and meanings, as `--set` takes them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from synthcmr.config import Settings


def setting_lines(group: str, settings: "Settings") -> list[str]:
    """One line for each setting, and one for what it means; what is inside a setting comes with a dot before it."""
    from synthcmr.config import Settings

    lines = []
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        key = f"{group}.{name}" if group else name
        if isinstance(value, Settings):
            lines += setting_lines(key, value)
            continue
        lines.append(f"{key}={_value(value)}")
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

    from synthcmr.config import plain_number

    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(field.annotation)))
    bounds = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [
        f"{words} {plain_number(getattr(m, name))}"
        for m in field.metadata
        for name, words in bounds.items()
        if hasattr(m, name)
    ]
    return " and ".join(said)
