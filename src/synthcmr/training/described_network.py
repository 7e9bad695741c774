"""What a weights file says of its network: the family, the settings and the words, or an error that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import Settings, recorded_settings
from synthcmr.errors import CohortError
from synthcmr.training.weights import read_header

S = TypeVar("S", bound=Settings)
P = TypeVar("P")


def family_of(file: Path) -> str:
    """The family of the network.

    Raises:
        CohortError: the header does not tell it.
    """
    return _part(file, "family", str)


def model_of(file: Path) -> dict[str, Any]:
    """The settings of the network as they were recorded.

    Raises:
        CohortError: the header does not hold them.
    """
    return _part(file, "model", dict)


def settings_of(file: Path, kind: type[S]) -> S:
    """The settings of the network.

    Raises:
        CohortError: the header does not hold them.
        SettingsError: they are not those of such a network.
    """
    return recorded_settings(model_of(file), kind, str(file))


def vocabulary_of(file: Path) -> Vocabulary:
    """The words that the network knows.

    Raises:
        CohortError: the header does not hold them.
    """
    words = _part(file, "vocabulary", list)
    try:
        return Vocabulary.from_json(words)
    except (KeyError, TypeError, ValueError) as error:
        raise _other(file, "vocabulary") from error


def _part(file: Path, name: str, kind: type[P]) -> P:
    value = read_header(file).get(name)
    if not isinstance(value, kind):
        raise _other(file, name)
    return value


def _other(file: Path, name: str) -> CohortError:
    return CohortError(
        f"{file}: expected a header with the {name} of its network as synthcmr writes it, got none or one of another form; "
        "restore the file from a copy, or train again"
    )
