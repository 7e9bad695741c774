"""Make a cohort of digital phantoms: no data needed, and the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from synthcmr.config import LARGEST_SEED, LARGEST_SIZE, MOST, MOST_WORKERS
from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Options, numbers_by_name
from synthcmr.verbs.public import public

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.config import PreprocessSettings


class PhantomOptions(Options):
    """Who is imaged, how often, and on which grid.

    Example:
        >>> import synthcmr
        >>> synthcmr.PhantomOptions(preset="biased", splits="train=40,test=40").splits
        {'train': 40, 'test': 40}
    """

    subjects: int = Field(
        100, le=MOST, description="How many subjects.", json_schema_extra={"flags": ["--subjects", "-n"]}
    )
    splits: Annotated[dict[str, int] | None, BeforeValidator(numbers_by_name("--splits"))] = Field(
        None,
        description="How many of each split instead, e.g. train=40,test=40; for presets that bring their splits: biased.",
    )
    frames: int = Field(2, description="1 (ED), 2 (ED and ES) or the phases of a cine.")
    preset: str = Field("population", description="population, biased, vendors, everyone, acdc-like or varied.")
    seed: int = Field(
        0, ge=0, le=LARGEST_SEED, description="Random seed of the population; the same seed gives the same bytes."
    )
    spacing: float = Field(1.5, ge=0.1, le=100, description="In-plane pixel in mm.")
    size: int = Field(128, ge=16, le=LARGEST_SIZE, description="Rows and columns of the crop around the heart.")
    lossless: bool = Field(False, description="Whole field of view on the scanner's own pixels.")
    workers: int | None = Field(None, ge=1, le=MOST_WORKERS, description="Processes. [default: one per core]")
    overwrite: bool = Field(False, description="Replace an existing cohort.")

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        from synthcmr.phantom.cohort import check_recipe

        if self.splits is not None and "subjects" in self.model_fields_set:
            raise SettingsError("--splits: cannot be combined with --subjects: it says how many of each split")
        check_recipe(self.preset, self.subjects, self.frames)
        return self

    def preprocess(self) -> PreprocessSettings:
        """The grid of the images."""
        from synthcmr.config import PreprocessSettings

        return (
            PreprocessSettings.lossless()
            if self.lossless
            else PreprocessSettings(spacing_mm=self.spacing, size=self.size)
        )


@public
def make_phantoms(out: Path | str, options: PhantomOptions | None = None, **changes: Any) -> Cohort:
    """Make a cohort of digital phantoms with known truth.

    Each subject's truth (volumes, mass, wall thickness, fat) is in `cohort.truth`.

    Args:
        out: cohort folder to make; an unfinished one is continued.
        options: who is imaged, and how.
        changes: fields of `PhantomOptions`, in place of `options` or over them.

    Returns:
        The cohort.

    Raises:
        SettingsError: the preset is unknown, or a number is out of range.
        CohortError: `out` holds something else.

    Example:
        >>> import synthcmr
        >>> phantoms = synthcmr.make_phantoms("phantoms", subjects=4, size=64, spacing=3.0)
        >>> volumes = phantoms.truth.filter(like="lv_")
    """
    from synthcmr.phantom.cohort import make_phantoms as render
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    chosen = PhantomOptions.of(options, changes)
    recipe = (chosen.preset, chosen.subjects, chosen.frames, chosen.seed, chosen.preprocess())
    with progress_bar("phantom") as report:
        return build_cohort(
            Path(out),
            chosen.overwrite,
            lambda folder: render(folder, *recipe, chosen.workers, report, chosen.splits),
        )
