"""What a cohort is: attributes, label convention, the folder on disk, splits by subject, preprocessing, readers and writers."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthcmr.cohort.cohort import Cohort as Cohort


def __getattr__(name: str) -> object:
    """`Cohort`, imported when it is asked for: who wants a list of formats need not wait for numpy."""
    if name == "Cohort":
        from synthcmr.cohort.cohort import Cohort

        return Cohort
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
