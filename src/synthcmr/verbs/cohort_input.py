"""What a verb takes as cohort or images: a folder, the cohort, or the result of a step that made one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, Union

from synthcmr.errors import CohortError

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.frequency.images import Images


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


CohortLike: TypeAlias = Union["Cohort", "HoldsCohort", Path, str]


def opened_whole(cohort: CohortLike) -> Cohort:
    """A cohort that worker processes can open again by its folder.

    Raises:
        CohortError: the folder holds no finished cohort, or the cohort is a selection of another.
    """
    chosen = cohort_of(cohort)
    whole = chosen if isinstance(cohort, (str, Path)) else cohort_of(chosen.path)
    if len(whole) != len(chosen):
        raise CohortError(
            f"{chosen.path}: expected a whole cohort, got a selection of {len(chosen)} of its {len(whole)} images; write it as "
            "a cohort of its own first"
        )
    return chosen


def folder_of(images: CohortLike) -> Path:
    """Where a cohort or a folder of image files lies."""
    return Path(images) if isinstance(images, (str, Path)) else cohort_of(images).path


def opened_images(images: CohortLike, split: str = "all", spacing_mm: float | None = None) -> Images:
    """Images of a cohort, or of a folder of PNG, NIfTI, TIFF or NPY files.

    Args:
        images: a cohort, or either's folder.
        split: of a cohort; "all" for every image.
        spacing_mm: millimetres per pixel of a folder whose files do not say it.

    Raises:
        CohortError: neither is there, or the split has no image.
    """
    from synthcmr.frequency.sources import cohort_images, open_images

    chosen = None if split == "all" else split
    if isinstance(images, (str, Path)):
        return open_images(Path(images), chosen, None if spacing_mm is None else (spacing_mm, spacing_mm))
    return cohort_images(cohort_of(images), chosen)
