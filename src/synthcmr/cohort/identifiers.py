"""What must not reach a cohort: names, birth dates, free text and identifiers of patients."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from synthcmr.cohort.attributes import ATTRIBUTES, DRAWN

IDENTIFYING_NAMES = re.compile(
    r"(^|_)(name|first_?name|last_?name|surname|given_?name|birth|dob|birth_?date|date_of_birth|uid|mrn|nhs|ssn|social|insurance|"
    r"passport|accession|address|street|postcode|post_code|zip|city|phone|telephone|mobile|fax|e_?mail|comments?|notes?|remarks?|"
    r"free_?text|report|history|narrative|description|physician|operator|doctor|patient_?id|patient_?name|eid|"
    r"study_?date|scan_?date|acquisition_?date|visit_?date|date|time_?stamp|file|path|folder)($|_)"
)
UID_LIKE = re.compile(r"\d+(\.\d+){4,}")
DATE_LIKE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|(19|20)\d{6})([ T].*)?")
MAX_WORDS = 5
MAX_CHARACTERS = 48
T = TypeVar("T")


def screen(attributes: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Drop what could identify a patient.

    Returns:
        What may be kept, and for every dropped attribute the reason (never the value).
    """
    kept: dict[str, object] = {}
    dropped: dict[str, str] = {}
    for name, value in attributes.items():
        reason = why_identifying(name, value)
        if reason is None:
            kept[name] = value
        else:
            dropped[name] = reason
    return kept, dropped


def why_identifying(name: str, value: object) -> str | None:
    """Why an attribute may not be kept, or None where it may."""
    if IDENTIFYING_NAMES.search(column_name(name)):
        return "its name says it identifies or describes a person"
    if not isinstance(value, str):
        return None
    text = value.strip()
    if name == DRAWN and set(text.split(",")) <= ATTRIBUTES.keys():
        return None  # names of columns, however many
    if UID_LIKE.fullmatch(text):
        return "holds unique identifiers"
    if DATE_LIKE.fullmatch(text):
        return "holds dates"
    if "@" in text:
        return "holds e-mail addresses"
    if len(text) > MAX_CHARACTERS or len(text.split()) > MAX_WORDS or "^" in text:
        return "holds free text"
    return None


def without_own_id(attributes: Mapping[str, T], ids: Iterable[str]) -> tuple[dict[str, T], dict[str, str]]:
    """Drop attributes that repeat an id of their subject, however it is spelled; a salt would hide the id in vain.

    Ids that could be any number or letter ("7") are not looked for: most tables hold them by chance.

    Args:
        attributes: typed, by column.
        ids: what the source calls the subject.

    Returns:
        What may be kept, and for every dropped attribute the reason (never the value).
    """
    telling = {plain for plain in map(_letters_and_digits, ids) if _is_telling(plain)}
    dropped = {
        name: "holds the id of a subject"
        for name, value in attributes.items()
        if (isinstance(value, str) or name not in ATTRIBUTES)  # an age is no id, whatever its digits
        and any(_repeats(plain, value) for plain in telling)
    }
    return {name: value for name, value in attributes.items() if name not in dropped}, dropped


def _repeats(plain: str, value: object) -> bool:
    """Whether a text holds an id, or a number is one: the decimals of a number hold many by chance."""
    if isinstance(value, str):
        return plain in _letters_and_digits(value)
    whole = isinstance(value, float) and value.is_integer()  # a column with gaps turns 1234567 into 1234567.0
    return plain == (f"{value:.0f}" if whole else str(value))


def _letters_and_digits(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


def _is_telling(plain: str) -> bool:
    return len(plain) >= 4 or (len(plain) >= 2 and not plain.isalpha() and not plain.isdigit())


@lru_cache(maxsize=4096)  # every row of a table asks for the same few, and for all of their other names
def column_name(name: str) -> str:
    """A column name as the cohort spells it: lower case, words joined by underscores ("Patient Name" -> "patient_name")."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^0-9a-z]+", "_", spaced.lower()).strip("_")


def salted_id(subject_id: str, salt: str) -> str:
    """Replace a subject id by a keyed hash: stable for one salt, not reversible without it."""
    return "s" + hmac.new(salt.encode(), subject_id.encode(), hashlib.sha256).hexdigest()[:15]
