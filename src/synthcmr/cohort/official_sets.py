"""The training, validation and test sets that the makers of a data set drew: which set a word means, and which splits follow."""

import re
from collections.abc import Iterable, Mapping

from synthcmr.cohort.raw import Case

SPLIT_NAMES = ("train", "validation", "test")
OFFICIAL = "official_split"  # what a case, and a subject until its split is assigned, calls the set
SET_WORDS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
             "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip
SET_COLUMNS = ("set", "subset", "split", "partition")  # what tables call the column of the set


def official_set(text: str) -> str | None:
    """The set that a folder's name or a cell of a table means, e.g. "Training-Labeled" -> train; None where it means none."""
    named = [SET_WORDS[word] for word in re.split(r"[^a-z]+", text.lower()) if word in SET_WORDS]
    return named[0] if len(set(named)) == 1 else None


def set_in_row(row: Mapping[str, str]) -> str | None:
    """The set that a row of the data set's own table states."""
    return next((found for name in SET_COLUMNS if (found := official_set(row.get(name, "")))), None)


def set_in_folders(folders: Iterable[str]) -> str | None:
    """The set that the innermost folder with such a name means."""
    return next((found for name in reversed(list(folders)) if (found := official_set(name))), None)


def set_of_case(case: Case) -> str | None:
    """The set that a reader stated of a case."""
    name = case.payload.get(OFFICIAL)
    return str(name) if name in SPLIT_NAMES else None


def are_more_than_training(sets: Iterable[str | None]) -> bool:
    """Whether a source has more than its training set, so that its own sets can be kept."""
    return any(name in ("validation", "test") for name in sets)
