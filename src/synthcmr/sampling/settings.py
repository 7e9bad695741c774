"""What decides a generated cohort."""

from typing import Literal

from pydantic import Field

from synthcmr.config import LARGEST_PIXEL_MM, LARGEST_SIZE, MOST, SMALLEST_PIXEL_MM, Settings
from synthcmr.generators.sampler import SamplerSettings


class ScreenSettings(Settings):
    """What an image must pass. Limits are those that nearly all real images of the judges' own test split pass."""

    enabled: bool = True
    tries: int = Field(
        3, ge=1, le=MOST, description="new seeds for a subject or image that fails, before it counts as failed"
    )
    min_dice: float | None = Field(
        None, ge=0, le=1, description="agreement of mask and re-segmentation; null: the judge's own limit"
    )
    min_probability: float = Field(0.02, ge=0, le=1, description="of a requested category, as the reader predicts it")
    number_margin: float = Field(
        1.5, gt=0, description="a requested number may be this many times further off than 99 % of real ones"
    )
    max_similarity: float = Field(
        0.995, ge=0, le=1, description="to any training image, where their fingerprints are at hand"
    )


class GenerateSettings(Settings):
    """Everything that decides the pixels, besides the requests themselves."""

    sampler: SamplerSettings = SamplerSettings()
    screen: ScreenSettings = ScreenSettings()
    size: int = Field(128, ge=32, le=LARGEST_SIZE)
    spacing_mm: float = Field(1.5, ge=SMALLEST_PIXEL_MM, le=LARGEST_PIXEL_MM)
    frames: int = Field(
        2, ge=2, le=60, description="2: ED and ES; more: phases of a cine, which family refine can make"
    )
    look: str | None = Field(
        None, description="family refine: whose images they shall look like; null: the run's usual one"
    )
    redraw: bool = Field(False, description="start from the images of the followed subjects instead of from noise")
    masks: Literal["generated", "real", "deformed"] = "generated"
