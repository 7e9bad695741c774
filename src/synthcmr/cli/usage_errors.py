"""What is wrong with a command line, in the words of our own errors instead of those of the library that parses it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from synthcmr.errors import SettingsError

if TYPE_CHECKING:
    from synthcmr.verbs.options import Options

QUOTED_CHOICES = "is not one of "


def in_own_words(error: Any, command: Any, words: Sequence[str]) -> SettingsError:
    """The same complaint as an error of ours.

    Args:
        error: a usage error of the library.
        command: what was called; its `options` know what each flag may hold.
        words: the command line behind the command's name.
    """
    name, kind = f"synthcmr {command.name}", type(error).__name__
    flag = getattr(error, "option_name", None)
    if flag is not None and kind == "NoSuchOption":
        return SettingsError(f"{flag}: '{name}' has no such option;{_near(flag, command)} '{name} --help' lists all")
    if flag is not None:
        return SettingsError(f"{_long(flag, command)}: a value must follow")
    parameter = getattr(error, "param", None)
    if kind == "MissingParameter":
        typed = " ".join([name, *words])
        return SettingsError(f"{_flag(parameter)} is missing: expected {_usage(command, name)}, got '{typed}'")
    if parameter is not None:
        return SettingsError(_wrong_value(error, parameter, words, command.options))
    message = error.format_message()
    further = message.rpartition("(")[2].rstrip(").") if "extra argument" in message else ""
    if further:
        return SettingsError(f"'{further}' is one argument too many: expected {_usage(command, name)}")
    return SettingsError(f"expected {_usage(command, name)}, got: {message}")


def no_such_command(word: str, commands: Sequence[str]) -> SettingsError:
    """A word where a command's name is expected."""
    near = get_close_matches(word, commands, n=1)
    meant = f" did you mean {near[0]}?" if near else ""
    return SettingsError(f"{word}: synthcmr has no such command;{meant} expected one of {', '.join(commands)}")


def _near(flag: str, command: Any) -> str:
    known = [one for parameter in command.params for one in parameter.opts if one.startswith("--")]
    near = get_close_matches(flag, known, n=1, cutoff=0.7)
    return f" did you mean {near[0]}?" if near else ""


def _long(flag: str, command: Any) -> str:
    """A flag by its long name, with the short one where that was typed."""
    long = next((_flag(parameter) for parameter in command.params if flag in parameter.opts), flag)
    return flag if long == flag else f"{long} ({flag})"


def _usage(command: Any, name: str) -> str:
    """The arguments in order, and the options that must be given."""
    arguments = [
        parameter.name.upper() if parameter.required else f"[{parameter.name.upper()}]"
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    options = [
        f"{_flag(parameter)} {parameter.name.upper()}"
        for parameter in command.params
        if parameter.param_type_name == "option" and parameter.required
    ]
    return f"'{' '.join([name, *arguments, *options])}'"


def _wrong_value(error: Any, parameter: Any, words: Sequence[str], options: type[Options] | None) -> str:
    flag = _flag(parameter)
    value = _value(parameter, words)
    if options is not None and value is not None and parameter.name in options.model_fields:
        why = options.why_not(parameter.name, value)
        if why:
            return f"{flag}: {why}"
    message = _plain(error.message)
    if QUOTED_CHOICES in message:
        allowed = message.split(QUOTED_CHOICES)[1].split("'")[1::2]
        got = message.split("'")[1]
        near = get_close_matches(got, allowed, n=1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        return f"{flag}: expected one of {', '.join(allowed)}; got '{got}'{meant}"
    return f"{flag}: {message}" + ("" if value is None else f", got '{value}'")


def _flag(parameter: Any) -> str:
    """The long flag of an option; the name of an argument as usage shows it."""
    if parameter.param_type_name == "argument":
        return str(parameter.name).upper()
    return str(next((one for one in parameter.opts if one.startswith("--")), parameter.opts[0]))


def _value(parameter: Any, words: Sequence[str]) -> str | None:
    """What was typed behind a flag, the last time; None where that cannot be seen."""
    value = None
    for k, word in enumerate(words):
        flag, equals, rest = word.partition("=")
        if word in parameter.opts and k + 1 < len(words):
            value = words[k + 1]
        elif flag in parameter.opts and equals:
            value = rest
    return value


def _plain(message: str) -> str:
    text = message.removeprefix("Value error, ").strip().rstrip(".")
    return text.replace("Input should be ", "expected ", 1)
