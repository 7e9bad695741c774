"""Values that the command line gives as text and Python as what they are: lists of names, and sizes that may be a word."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

from synthcmr.errors import SettingsError


def comma_separated(value: Any) -> Any:
    """The names in a text; anything else as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",")) if value else None


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
