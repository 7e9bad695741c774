"""What a verb is given: whether it is there, checked before torch is imported; and what the same call finished before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, Union

from synthcmr.errors import CohortError, SettingsError

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.frequency.images import Images


T = TypeVar("T")


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


def expect_cohorts(*folders: Path | None) -> None:
    """Refuse what is no finished cohort.

    Raises:
        CohortError: one is not.
    """
    from synthcmr.cohort import Cohort

    for folder in folders:
        if folder is not None:
            Cohort.open(folder)


def expect_weights(runs: Mapping[str, Path | None]) -> None:
    """Refuse run folders without weights.

    Args:
        runs: by the flag that names each.

    Raises:
        CohortError: one has none, or is none.
    """
    from synthcmr.training.weights import read_header, weights_file

    for flag, run in runs.items():
        if run is None:
            continue
        try:
            read_header(weights_file(run))
        except CohortError as error:
            raise CohortError(f"{flag} {error}".strip()) from error


def expect_judges(folder: Path | None) -> None:
    """Refuse a folder that lacks one of the judges that screen.

    Raises:
        CohortError: one is missing.
    """
    if folder is not None:
        for judge in ("segmenter", "reader"):
            expect_weights({"--judges": folder / judge})


def expect_recalibration(folder: Path | None) -> None:
    """Refuse a folder without a recalibration.

    Raises:
        CohortError: there is none.
    """
    from synthcmr.frequency.model_folder import read_record

    if folder is not None:
        read_record(folder)


def expect_images(*folders: Path) -> None:
    """Refuse what is neither a cohort nor a folder with image files.

    Raises:
        CohortError: one is neither.
    """
    from synthcmr.frequency.sources import open_images

    for folder in folders:
        open_images(folder)


def expect_anatomy(file: Path | None) -> None:
    """Refuse a path where no anatomy generator is.

    Raises:
        CohortError: nothing is there.
    """
    from synthcmr.errors import CohortError

    if file is not None and not file.is_file():
        raise CohortError(
            f"{file}: expected an anatomy generator (.npz), nothing is there; make one with 'synthcmr train anatomy COHORT {file}'"
        )


def expect_apart_from(out: Path, inputs: Sequence[CohortLike | None]) -> None:
    """Refuse an output that is one of the inputs or holds one.

    Args:
        out: what will be written.
        inputs: what the command reads; names of what ships are none.

    Raises:
        CohortError: it is, or does.
    """
    from synthcmr.cohort.output_lock import expect_apart

    folders = [folder_of(one) for one in inputs if one is not None]
    expect_apart(out, {folder: "what it is made from" for folder in folders if folder.exists()})


def expect_attributes(flag: str, names: Sequence[str], *cohorts: Cohort) -> None:
    """Refuse names that are no attribute of any of the cohorts: nothing would be compared, and nobody would know.

    Raises:
        SettingsError: one is not.
    """
    there = {str(name) for one in cohorts for name in (*one.subjects.columns, *one.images.columns)}
    if unknown := [name for name in names if name not in there]:
        of_subjects = dict.fromkeys(str(name) for one in cohorts for name in one.subjects.columns)
        raise SettingsError(
            f"{flag}: expected attributes, such as {', '.join(list(of_subjects)[1:])}; got '{unknown[0]}'"
        )


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
    from synthcmr.cohort.output_place import known_as
    from synthcmr.errors import AlreadyMadeError

    try:
        return make()
    except AlreadyMadeError as finished:
        print(known_as(str(finished)), file=sys.stderr)
        return read()
