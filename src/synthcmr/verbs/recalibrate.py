"""Give synthetic images the frequency content that a recalibration learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from synthcmr.config import LARGEST_PIXEL_MM, SMALLEST_PIXEL_MM
from synthcmr.errors import CohortError
from synthcmr.verbs.folders import opened_images
from synthcmr.verbs.options import Options
from synthcmr.verbs.public import public
from synthcmr.verbs.result import Result

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.sources import FolderImages
    from synthcmr.verbs.folders import CohortLike
    from synthcmr.verbs.progress import Report


class RecalibrateOptions(Options):
    """How images are recalibrated; everything else was chosen when the model was fitted.

    Example:
        >>> import synthcmr
        >>> synthcmr.RecalibrateOptions(spacing=1.5).spacing
        1.5
    """

    spacing: float | None = Field(
        None,
        ge=SMALLEST_PIXEL_MM,
        le=LARGEST_PIXEL_MM,
        description="Millimetres per pixel of a folder whose files do not state it.",
    )
    overwrite: bool = Field(False, description="Replace existing results.")


@dataclass(frozen=True)
class RecalibratedImages(Result):
    """Recalibrated images.

    Attributes:
        out: the cohort or folder that holds them.
        images: how many there are.
        left_out: files that hold no image, with the reason; of a cohort see its `rejects`.
    """

    out: Path
    images: int
    recalibrated: Cohort | None = field(default=None, repr=False)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def cohort(self) -> Cohort:
        """The cohort.

        Raises:
            CohortError: the images are a folder of files.
        """
        if self.recalibrated is None:
            raise CohortError(f"{self.out}: expected a cohort, got a folder of image files")
        return self.recalibrated

    def summary(self) -> str:
        """How many were recalibrated, and what was left out."""
        if self.recalibrated is None:
            lines = [f"{self.out}: {self.images} file(s) recalibrated"]
            return "\n".join([*lines, *(f"  left out {name}: {why}" for name, why in self.left_out.items())])
        rejects = self.cohort.rejects[self.cohort.rejects["level"] == "reject"]
        return (
            f"{self.out}: {len(self.cohort.subjects)} subject(s), {self.images} image(s) recalibrated, "
            f"{len(rejects)} reject(s)"
        )

    @property
    def table(self) -> pd.DataFrame:
        """The subjects of a cohort; of a folder of files those that were left out: file, reason."""
        import pandas as pd

        if self.recalibrated is not None:
            return self.recalibrated.subjects
        return pd.DataFrame(self.left_out.items(), columns=["file", "reason"])


@public
def recalibrate(
    images: CohortLike,
    model: Path | str,
    out: Path | str,
    options: RecalibrateOptions | None = None,
    **changes: Any,
) -> RecalibratedImages:
    """Give synthetic images the high frequencies of real ones.

    A cohort keeps its people, masks and attributes; files keep name, format, type and range.

    Args:
        images: synthetic cohort, its folder, or a folder of PNG, NIfTI or NPY files.
        model: folder that `fit_recalibration` made.
        out: cohort or folder to make; an unfinished one is continued.
        options: how.
        changes: fields of `RecalibrateOptions`, in place of `options` or over them.

    Returns:
        The recalibrated images, with a summary.

    Raises:
        CohortError: there is no model or no image, or the folder to make holds other files.

    Example:
        >>> import synthcmr
        >>> truth = synthcmr.fit_recalibration("acdc", "truth")
        >>> better = synthcmr.recalibrate("synthetic", truth.folder, "better")
        >>> print(better.summary())
    """
    chosen, folder, out = RecalibrateOptions.of(options, changes), Path(model), Path(out)
    from synthcmr.verbs.folders import expect_recalibration

    expect_recalibration(folder)
    opened = opened_images(images, spacing_mm=chosen.spacing)
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.sources import CohortImages
    from synthcmr.verbs.progress import progress_bar

    fitted = Recalibration.load(folder)
    with progress_bar("recalibrate") as report:
        if isinstance(opened, CohortImages):
            cohort = _of_cohort(opened.cohort, fitted, folder, out, chosen, report, (images, folder))
            return RecalibratedImages(out, len(cohort), cohort)
        left_out = _of_files(cast("FolderImages", opened), fitted, folder, out, chosen, report)
    return RecalibratedImages(out, len(opened) - len(left_out), left_out=left_out)


def _of_cohort(
    cohort: Cohort,
    fitted: Recalibration,
    model: Path,
    out: Path,
    chosen: RecalibrateOptions,
    report: Report,
    inputs: Sequence[CohortLike],
) -> Cohort:
    from synthcmr.frequency.apply import apply_to_cohort
    from synthcmr.verbs.outputs import build_cohort

    def recalibrated(place: Path) -> Cohort:
        return apply_to_cohort(fitted, model, cohort, place, report)

    return build_cohort(out, chosen.overwrite, recalibrated, inputs)


def _of_files(
    files: FolderImages, fitted: Recalibration, model: Path, out: Path, chosen: RecalibrateOptions, report: Report
) -> dict[str, str]:
    """Files that were left out, and why."""
    from synthcmr.cohort.output_lock import expect_apart
    from synthcmr.cohort.output_place import build
    from synthcmr.frequency.apply import apply_to_folder
    from synthcmr.verbs.folders import expect_apart_from, made_or_read
    from synthcmr.verbs.outputs import RECALIBRATED_FILES

    def recalibrated(place: Path) -> dict[str, str]:
        return made_or_read(
            lambda: apply_to_folder(fitted, model, files, place, report), lambda: _left_out_before(place)
        )

    expect_apart(out, {files.folder: "the images"}, inside=False)  # a later call would read them as images
    expect_apart_from(out, (model,))
    return build(out, RECALIBRATED_FILES, chosen.overwrite, recalibrated)


def _left_out_before(out: Path) -> dict[str, str]:
    """Files that a finished recalibration left out, with the reason."""
    import csv

    from synthcmr.cohort.csv_cells import unmarked
    from synthcmr.frequency.apply import REJECTS

    with (out / REJECTS).open(newline="", encoding="utf-8") as file:
        return {unmarked(row["file"]): row["reason"] for row in csv.DictReader(file)}
