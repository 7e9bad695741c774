"""Folders of a verb: what it is given, whether that is there (checked before torch is imported), and the cohort folder that it makes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence, Set
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


def expect_weights(*runs: Path | None) -> None:
    """Refuse run folders without weights.

    Raises:
        CohortError: one has none, or is none.
    """
    from synthcmr.training.weights import read_header, weights_file

    for run in runs:
        if run is not None:
            read_header(weights_file(run))


def expect_judges(folder: Path | None) -> None:
    """Refuse a folder that lacks one of the judges that screen.

    Raises:
        CohortError: one is missing.
    """
    if folder is not None:
        expect_weights(folder / "segmenter", folder / "reader")


def expect_recalibration(folder: Path | None) -> None:
    """Refuse a folder without a recalibration.

    Raises:
        CohortError: there is none.
    """
    from synthcmr.frequency.recalibration import read_record

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


# What synthcmr writes into folders of a kind; whatever else lies there belongs to somebody else.
COHORT_ENTRIES = frozenset({
    *("cohort.json", "provenance.json", "arrays.zarr", ".unfinished", "audit"),
    *("subjects.parquet", "images.parquet", "rejects.parquet", "truth.parquet", "measures.parquet"),
    *("guessed_table.csv", "labels.csv", "label_slices.csv", "generated.html", "label.html"),
})  # fmt: skip
EXPERIMENT_ENTRIES = frozenset({
    *("experiment.json", "provenance.json", "scores.json", "balance.json", "debias.html", "balance.html"),
    *("predictions", "work", "rounds", "plans", "synthetic"),
})  # fmt: skip


def clear_for(out: Path, overwrite: bool, inputs: Sequence[CohortLike | None] = ()) -> None:
    """Remove a cohort (finished or not) that `--overwrite` allows to replace; anything else is left alone.

    Args:
        out: what will be written.
        overwrite: whether something may be replaced.
        inputs: what the command reads; an output that is one of them or holds one is refused.

    Raises:
        CohortError: the output is an input or holds one.
        SettingsError: the folder holds files that synthcmr did not write.
    """
    from synthcmr.cohort.output_lock import expect_apart
    from synthcmr.cohort.writer import COHORT_FILE, WORK

    expect_apart(out, {folder_of(one): "what it is made from" for one in inputs if one is not None})
    if overwrite and ((out / COHORT_FILE).exists() or (out / WORK).exists()):
        remove_own(out, COHORT_ENTRIES)


def remove_own(out: Path, entries: Set[str]) -> None:
    """Remove a folder that holds nothing but what synthcmr writes.

    Args:
        out: folder.
        entries: names that a folder of its kind has.

    Raises:
        SettingsError: something else lies there, or the folder is a link.
    """
    if out.is_symlink():
        raise SettingsError(f"--overwrite {out}: expected a folder, got a link to one; name the folder itself")
    others = sorted(entry.name for entry in out.iterdir() if entry.name not in entries)
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise SettingsError(
            f"--overwrite {out}: expected nothing there but what synthcmr wrote, got also {', '.join(others[:3])}{more}; move it away, "
            "or choose another folder"
        )
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
