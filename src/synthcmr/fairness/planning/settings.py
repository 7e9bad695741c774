"""What decides a plan, besides its target and its cohort."""

from typing import Literal

from pydantic import Field

from synthcmr.config import LARGEST_SEED, MOST, Settings

Level = Literal["mid", "basal", "apical", "whole"]


class PlanSettings(Settings):
    """Limits, and how the rows are drawn."""

    budget: int | None = Field(None, ge=1, le=MOST, description="At most so many rows; the emptiest cells come first.")
    cap: float | None = Field(
        None, gt=0, description="At most so many synthetic subjects per real one in a cell, more than 0."
    )
    floor: int = Field(5, ge=0, le=MOST, description="Warn below this many real subjects in a cell.")
    below_floor: Literal["warn", "refuse"] = Field(
        "warn", description="Whether cells below --floor are planned all the same, or left out."
    )
    weights: Literal["none", "cell", "value"] = Field(
        "none", description="For copy: rare cells, or rare values, are copied more often."
    )
    weight_cap: float = Field(5.0, ge=1, description="No weight of --weights is larger.")
    by: tuple[str, ...] | None = Field(
        None,
        description="For copy: attributes that are weighted and counted, comma-separated. [default: sex,age,bmi,diagnosis]",
    )
    level: Level = Field("mid", description="A slice of every subject, or its whole stack.")
    masks: Literal["generated", "deformed", "real"] = Field(
        "generated", description="New anatomies, or masks of training subjects of the same cell."
    )
    seed: int = Field(0, ge=0, le=LARGEST_SEED, description="Random seed; the same seed gives the same rows.")
