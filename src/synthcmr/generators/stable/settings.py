"""Settings of the stable family; their defaults are the paper's."""

from typing import Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import ConditionalSettings


class StableSettings(ConditionalSettings):
    """Which weights to begin from, what of them is trained, and at which size."""

    base: str = Field(
        "stabilityai/stable-diffusion-2-1-base",
        description="hub name, or folder, of a Stable Diffusion in diffusers' layout",
    )
    tune: Literal["controlnet", "lora", "full"] = Field(
        "controlnet",
        description="controlnet: the control branch alone (the paper's); lora: low-rank additions to the U-Net as well; full: both entire",
    )
    lora_rank: int = Field(8, ge=1, description="of the additions where tune is lora")
    resolution: int = Field(512, ge=32, multiple_of=8, description="images are brought to this size and back")
    scale: float = Field(1.0, ge=0, description="strength of the control branch when drawing")

    @property
    def multiple(self) -> int:
        """Images of any size are resized."""
        return 1
