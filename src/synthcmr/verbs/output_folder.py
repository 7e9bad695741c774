"""The cohort folder that a verb makes: cleared where it may be replaced, taken as it is where it is finished."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort


T = TypeVar("T")


def clear_for(out: Path, overwrite: bool) -> None:
    """Remove a cohort (finished or not) that `--overwrite` allows to replace; anything else is left alone."""
    from synthcmr.cohort.writer import COHORT_FILE, WORK

    if overwrite and ((out / COHORT_FILE).exists() or (out / WORK).exists()):
        shutil.rmtree(out)


def made_or_taken(out: Path, make: Callable[[], Cohort]) -> Cohort:
    """The cohort that is made, or the one that the same call finished before.

    Args:
        out: cohort folder.
        make: makes it, or raises AlreadyMadeError.
    """
    from synthcmr.cohort import Cohort

    return made_or_read(make, lambda: Cohort.open(out))


def made_or_read(make: Callable[[], T], read: Callable[[], T]) -> T:
    """A new result, or the one that the same call finished before; then standard error says so.

    Args:
        make: makes it, or raises AlreadyMadeError.
        read: reads what is finished.
    """
    from synthcmr.errors import AlreadyMadeError

    try:
        return make()
    except AlreadyMadeError as finished:
        print(finished, file=sys.stderr)
        return read()
