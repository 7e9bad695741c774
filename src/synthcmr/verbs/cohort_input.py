"""What a verb takes as a cohort: its folder, the cohort, or the result of a step that made one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort


class HoldsCohort(Protocol):
    """A result, such as that of `generate`."""

    @property
    def cohort(self) -> Cohort:
        """The cohort."""
        ...


def cohort_of(source: Cohort | HoldsCohort | Path | str) -> Cohort:
    """The cohort, opened where it is named by its folder.

    Raises:
        CohortError: there is none.
    """
    from synthcmr.cohort import Cohort

    if isinstance(source, (str, Path)):
        return Cohort.open(source)
    return source if isinstance(source, Cohort) else source.cohort
