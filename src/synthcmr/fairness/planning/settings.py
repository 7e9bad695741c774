"""What decides a plan, besides its target and its cohort."""

from typing import Literal

from pydantic import Field

from synthcmr.config import Settings

Level = Literal["mid", "basal", "apical", "whole"]


class PlanSettings(Settings):
    """Limits, and how the rows are drawn."""

    budget: int | None = Field(None, ge=1, description="at most so many rows; the emptiest cells are filled first")
    cap: float | None = Field(None, gt=0, description="at most so many synthetic subjects per real one of a cell")
    floor: int = Field(5, ge=0, description="a cell with fewer real subjects is named, or refused")
    below_floor: Literal["warn", "refuse"] = "warn"
    weights: Literal["none", "cell", "value"] = Field("none", description="of copies: who is copied more often")
    weight_cap: float = Field(5.0, ge=1, description="no weight is larger")
    by: tuple[str, ...] | None = Field(None, description="of copies: the attributes that are weighted and counted")
    level: Level = Field("mid", description="one slice of this level for every row, or the whole stack")
    masks: Literal["generated", "deformed", "real"] = "generated"
    seed: int = Field(0, ge=0)
