"""Give synthetic images the frequency content that a recalibration learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from synthcmr.verbs.cohort_input import opened_images
from synthcmr.verbs.options import Options

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.frequency.files import FolderImages
    from synthcmr.verbs.cohort_input import CohortLike


class RecalibrateOptions(Options):
    """How images are recalibrated; everything else was chosen when the model was fitted."""

    spacing: float | None = Field(
        None, ge=0.01, description="Millimetres per pixel of a folder whose files do not say it."
    )
    overwrite: bool = Field(False, description="Replace what is already there.")


@dataclass(frozen=True)
class RecalibratedImages:
    """Recalibrated images.

    Attributes:
        out: the cohort or folder that holds them.
        images: how many there are.
        cohort: the cohort; None where it is a folder of files.
        left_out: files that hold no image, with the reason; of a cohort see its `rejects`.
    """

    out: Path
    images: int
    cohort: Cohort | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        """How many were recalibrated, and what was left out."""
        if self.cohort is None:
            lines = [f"{self.out}: {self.images} file(s) recalibrated"]
            return "\n".join([*lines, *(f"  left out {name}: {why}" for name, why in self.left_out.items())])
        rejects = self.cohort.rejects[self.cohort.rejects["level"] == "reject"]
        return (
            f"{self.out}: {len(self.cohort.subjects)} subject(s), {self.images} image(s) recalibrated, "
            f"{len(rejects)} reject(s)"
        )

    def _repr_html_(self) -> str:
        """The summary, for notebooks."""
        return f"<pre>{escape(self.summary())}</pre>"


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
        >>> better = synthcmr.recalibrate("synthetic", "truth", "better")  # doctest: +SKIP
        >>> print(better.summary())  # doctest: +SKIP
    """
    chosen, folder, out = RecalibrateOptions.of(options, changes), Path(model), Path(out)
    from synthcmr.verbs.input_checks import expect_recalibration

    expect_recalibration(folder)
    given = opened_images(images, spacing_mm=chosen.spacing)
    from synthcmr.frequency.apply import apply_to_cohort, apply_to_folder, clear_folder
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.sources import CohortImages
    from synthcmr.verbs.progress import progress_bar
    from synthcmr.verbs.replace import clear_for

    fitted = Recalibration.load(folder)
    with progress_bar("recalibrate") as report:
        if isinstance(given, CohortImages):
            clear_for(out, chosen.overwrite)
            cohort = apply_to_cohort(fitted, folder, given.cohort, out, report)
            return RecalibratedImages(out, len(cohort), cohort)
        if chosen.overwrite:
            clear_folder(out)
        left_out = apply_to_folder(fitted, folder, cast("FolderImages", given), out, report)
    return RecalibratedImages(out, len(given) - len(left_out), left_out=left_out)
