"""Splits by subject: the sets that the makers of a data set drew, or drawn here, stratified and seeded; never a subject on two sides."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from synthcmr.cohort.raw_subject import Case
from synthcmr.config import SplitSettings

SPLIT_NAMES = ("train", "validation", "test")
OFFICIAL = "official_split"  # what a case, and a subject until its split is assigned, calls the set
SET_WORDS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
             "dev": "validation", "test": "test", "testing": "test"}  # fmt: skip
SET_COLUMNS = ("set", "subset", "split", "partition")  # what tables call the column of the set
Row = dict[str, object]
Shares = tuple[float, float, float]  # in the order of SPLIT_NAMES


def official_set(text: str) -> str | None:
    """The set that a folder's name or a cell of a table means, e.g. "Training-Labeled" -> train; None where it means none."""
    named = [SET_WORDS[word] for word in re.split(r"[^a-z]+", text.lower()) if word in SET_WORDS]
    return named[0] if len(set(named)) == 1 else None


def set_in_row(row: Mapping[str, str]) -> str | None:
    """The set that a row of the data set's own table states."""
    return next((official for name in SET_COLUMNS if (official := official_set(row.get(name, "")))), None)


def set_in_folders(folders: Iterable[str]) -> str | None:
    """The set that the innermost folder with such a name means."""
    return next((official for name in reversed(list(folders)) if (official := official_set(name))), None)


def set_of_case(case: Case) -> str | None:
    """The set that a reader stated of a case."""
    name = case.payload.get(OFFICIAL)
    return str(name) if name in SPLIT_NAMES else None


def are_more_than_training(sets: Iterable[str | None]) -> bool:
    """Whether a source has more than its training set, so that its own sets can be kept."""
    return any(name in ("validation", "test") for name in sets)


def assign_splits(subjects: Sequence[Row], settings: SplitSettings) -> str:
    """Write a `split` into every subject row.

    A split that a table states is kept, and so are the official sets of a data set, unless the settings say otherwise.
    Where official sets have no validation set, it is drawn from their training set. The other subjects are drawn at random.

    Within each stratum (a combination of the stratifying attributes, missing being a value of its own) subjects are put
    in an order that depends only on the seed and their id, then handed out so that every running total stays as close
    to its share as it can. Leftovers of small strata are balanced over the whole cohort, not always given to training.

    Returns:
        "official" where official sets were kept, else "random".
    """
    sets = [_known_set(row.pop(OFFICIAL, None)) for row in subjects]
    keeps_official = uses_official(sets, settings)
    for row, official in zip(subjects, sets, strict=True):
        if settings.method == "random" or row.get("split") not in SPLIT_NAMES:
            row.pop("split", None)
        if keeps_official and official is not None:
            row.setdefault("split", official)
    if keeps_official and "validation" not in sets and settings.validation > 0:
        _divide_training(subjects, sets, settings)
    shares = (settings.train, settings.validation, settings.test)
    _draw([row for row in subjects if "split" not in row], shares, settings)
    return "official" if keeps_official else "random"


def uses_official(sets: Sequence[str | None], settings: SplitSettings) -> bool:
    """Whether the official sets of a source become its splits."""
    if settings.method == "auto":
        return are_more_than_training(sets)
    return settings.method == "official" and any(sets)


def _divide_training(subjects: Sequence[Row], sets: Sequence[str | None], settings: SplitSettings) -> None:
    """Draw a validation split from an official training set, in the proportion of the shares."""
    rows = [row for row, name in zip(subjects, sets, strict=True) if name == "train" and row["split"] == "train"]
    whole = settings.train + settings.validation
    _draw(rows, (settings.train / whole, settings.validation / whole, 0.0), settings)


def _known_set(value: object) -> str | None:
    return str(value) if value in SPLIT_NAMES else None


def _draw(rows: Sequence[Row], shares: Shares, settings: SplitSettings) -> None:
    strata: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        strata[tuple(str(row.get(name)) for name in settings.stratify)].append(row)
    assigned = [0.0] * len(SPLIT_NAMES)
    for stratum in sorted(strata):
        members = sorted(strata[stratum], key=lambda row: _shuffled(str(row["subject_id"]), settings.seed))
        local = [0.0] * len(SPLIT_NAMES)
        for row in members:
            split = _most_owed(local, assigned, shares, sum(local), sum(assigned))
            local[split] += 1
            assigned[split] += 1
            row["split"] = SPLIT_NAMES[split]


def _most_owed(local: list[float], assigned: list[float], shares: Sequence[float], n_local: float, n: float) -> int:
    """The split that lacks most: first within the stratum, and within a rounding of it, over the whole cohort."""
    owed = [s * (n_local + 1) - g for s, g in zip(shares, local, strict=True)]
    overall = [s * (n + 1) - g for s, g in zip(shares, assigned, strict=True)]
    candidates = [i for i, share in enumerate(shares) if share > 0 and owed[i] > max(owed) - 0.5]
    return max(candidates, key=lambda i: overall[i])


def _shuffled(subject_id: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{subject_id}".encode()).hexdigest()
