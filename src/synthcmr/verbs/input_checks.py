"""Whether what a command names is there, told before torch is imported: that takes seconds, and a wrong path one look."""

from pathlib import Path


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
