"""What a reason may say of a file: what was expected and what kind of thing was found, never what the file holds.

Reasons are kept in cohorts and shown on screens, and a file may be another one than it seems: a link to a list of names, say.
"""

from __future__ import annotations

import csv
import json
import zlib

from synthcmr.errors import SynthcmrError, in_words

LONGEST_TOKEN = 24
PLAIN = (zlib.error, EOFError, csv.Error, RecursionError)  # whose texts are the library's own
OF_DECODERS = "Unable to "  # begins what pydicom says of decoders that are not installed
LONGEST_OF_DECODERS = 300


def kind_of(value: object) -> str:
    """What kind of thing a cell or line holds."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)) or (isinstance(value, str) and _is_number(value)):
        return "a number"
    return f"text of {len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"


def token(value: object) -> str:
    """A header field of an imaging file as a reason may show it: short, and with nothing that a terminal or page would obey."""
    text = str(value).encode("unicode_escape").decode("ascii")
    return text if len(text) <= LONGEST_TOKEN else text[:LONGEST_TOKEN] + "…"


def why(error: Exception) -> str:
    """Why a library could not read a file, without anything that may come from the file."""
    if isinstance(error, SynthcmrError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} in line {error.lineno}"
    if isinstance(error, PLAIN) or (isinstance(error, OSError) and error.strerror):
        return in_words(error)
    if str(error).startswith(OF_DECODERS):
        return " ".join(str(error).split())[:LONGEST_OF_DECODERS]
    return type(error).__name__


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True
