"""What `generate` can be asked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from synthcmr.config import LARGEST_SEED, LARGEST_SIZE, MOST, MOST_WORKERS
from synthcmr.errors import SettingsError
from synthcmr.verbs.options import Options, Run

DEFAULT_COUNT = 16


class GenerateOptions(Options):
    """Whom to make, by which generator, and how.

    Example:
        >>> import synthcmr
        >>> synthcmr.GenerateOptions(prompt="man, DCM", subjects=10).subjects
        10
    """

    prompt: str | None = Field(
        None,
        description="The patient in words. [default: sampled]",
        json_schema_extra={"flags": ["--prompt", "-p"]},
    )
    count: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Number of single slices. [default: 16]",
        json_schema_extra={"flags": ["--count", "-n"]},
    )
    subjects: int | None = Field(None, ge=1, le=MOST, description="Number of whole ED+ES stacks.")
    follow: Path | None = Field(
        None, description="Take the attributes of this cohort's subjects (and its masks, see --masks)."
    )
    masks: Literal["generated", "real", "deformed"] = Field(
        "generated", description="New anatomies, or the masks of --follow, as they are or deformed."
    )
    plan: Path | None = Field(None, description="Generate the rows of this plan (see synthcmr plan).")
    shard: str | None = Field(None, description="With --plan: K/N generates every N-th row, from the K-th.")
    to_scanner: str | None = Field(
        None,
        description="Redraw the subjects of --follow as another scanner shows them, e.g. vendor=Philips, or look=sunnybrook.",
    )
    run: Run = Field(
        None, description="Trained generator, or refine-once, refine or flow, which ship. [default: refine-once]"
    )
    anatomy: Path | None = Field(None, description="Trained anatomy generator. [default: the shipped one]")
    judges: Path | None = Field(
        None, description="Folder with 'segmenter' and 'reader' judges. [default: the shipped ones]"
    )
    steps: int | None = Field(None, ge=1, le=1000, description="Sampler steps.")
    sampler: Literal["adams", "euler", "heun", "dpm++", "unipc", "ddim", "ddpm"] | None = Field(
        None, description="Solver; all serve flows and diffusions. [default: adams for flows, unipc for diffusions]"
    )
    guidance: float | None = Field(None, ge=0, description="Guidance scale; 1: none.")
    guidance_end: float | None = Field(
        None, ge=0.01, le=1, description="Guidance acts up to here, from noise (0) to image (1)."
    )
    guidance_null: Literal["empty", "metadata-free"] | None = Field(
        None, description="Unconditional input of guidance: no text, or the text without the patient."
    )
    guidance_rescale: float | None = Field(None, ge=0, le=1, description="Guidance rescale factor.")
    begin: float | None = Field(
        None,
        ge=0.01,
        le=0.99,
        description="Time at which phantoms enter, from noise (0) to image (1); lower: more is generated anew. [family refine; "
        "default: the run's]",
    )
    look: str | None = Field(
        None, description="Data set whose look the images get, of those that a run of refine knows."
    )
    frames: int = Field(2, ge=2, le=60, description="2: ED and ES; more: a cine of that many phases. [family refine]")
    size: int = Field(128, ge=32, le=LARGEST_SIZE, description="Rows and columns.")
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Random seed; the same seed gives the same images.")
    batch: int = Field(16, ge=1, le=4096, description="Images per batch; the images do not depend on it.")
    workers: int = Field(1, ge=1, le=MOST_WORKERS, description="Processes.")
    screen: bool = Field(True, description="Screen every image before it is kept.")
    recalibrate: Path | None = Field(None, description="Recalibrate the images with this model as the last step.")
    overwrite: bool = Field(False, description="Replace an existing cohort.")

    @model_validator(mode="after")
    def _can_be_combined(self) -> Self:
        """Refuse options that exclude each other; a plan already lists the subjects."""
        people = {name: getattr(self, name) for name in ("prompt", "count", "subjects", "follow", "to_scanner")}
        given = [self.flag(name) for name, value in people.items() if value is not None]
        if self.plan is not None and given:
            raise SettingsError(
                f"--plan: cannot be combined with {', '.join(given)}: the plan already lists the subjects"
            )
        if self.plan is not None and (self.seed or self.masks != "generated"):
            raise SettingsError(
                "--plan: cannot be combined with --seed or --masks: the plan already holds the seeds and the masks"
            )
        if self.plan is None and self.shard is not None:
            raise SettingsError("--shard: expected together with --plan PLAN, whose rows it selects")
        if self.count is not None and self.subjects is not None:
            raise SettingsError(
                "--count and --subjects: expected one of them; -n makes single slices, --subjects whole stacks"
            )
        if self.masks != "generated" and self.follow is None:
            raise SettingsError(f"--masks {self.masks}: expected --follow COHORT, whose masks are used")
        if self.to_scanner is not None and (self.follow is None or self.prompt is not None or self.count is not None):
            raise SettingsError(
                "--to-scanner: expected --follow COHORT, whose subjects are redrawn as whole stacks, without -n or --prompt"
            )
        return self
