"""Splits by subject: stratified, seeded, never a subject on two sides."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from synthcmr.config import SplitSettings

Row = dict[str, object]
NAMES = ("train", "validation", "test")


def assign_splits(subjects: Sequence[Row], settings: SplitSettings) -> None:
    """Write a `split` into every subject row; a split that the source itself states is kept.

    Within each stratum (a combination of the stratifying attributes, missing being a value of its own) subjects are put
    in an order that depends only on the seed and their id, then handed out so that every running total stays as close
    to its share as it can. Leftovers of small strata are balanced over the whole cohort, not always given to training.
    """
    strata: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in subjects:
        if row.get("split") in NAMES:
            continue
        strata[tuple(str(row.get(name)) for name in settings.stratify)].append(row)
    shares = (settings.train, settings.validation, settings.test)
    given = [0.0] * len(NAMES)
    for stratum in sorted(strata):
        members = sorted(strata[stratum], key=lambda row: _shuffled(str(row["subject_id"]), settings.seed))
        local = [0.0] * len(NAMES)
        for row in members:
            split = _most_owed(local, given, shares, sum(local), sum(given))
            local[split] += 1
            given[split] += 1
            row["split"] = NAMES[split]


def _most_owed(local: list[float], given: list[float], shares: Sequence[float], n_local: float, n: float) -> int:
    """The split that lacks most: first within the stratum, and within a rounding of it, over the whole cohort."""
    owed = [s * (n_local + 1) - g for s, g in zip(shares, local, strict=True)]
    overall = [s * (n + 1) - g for s, g in zip(shares, given, strict=True)]
    candidates = [i for i, share in enumerate(shares) if share > 0 and owed[i] > max(owed) - 0.5]
    return max(candidates, key=lambda i: overall[i])


def _shuffled(subject_id: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{subject_id}".encode()).hexdigest()
