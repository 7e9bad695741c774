"""Settings of the stable family; their defaults are the paper's, and presets of them and of the run for the machine at hand."""

from typing import Literal

from pydantic import Field

from synthcmr.generators.conditional.settings import ConditionalSettings, Presets
from synthcmr.training.settings import LoopSettings


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


# The paper's: AdamW at 1e-5 throughout, batches of one, gradients of two added up, fp32; 5 epochs of 177 174 images.
PAPER = LoopSettings(
    steps=442_935,
    batch=2,
    accumulate=2,
    learning_rate=1e-5,
    warmup=0,
    precision="fp32",
    held_out_every=5000,
    held_out_images=64,
    sheet_every=10_000,
    checkpoint_every=5000,
)
QUICK = {"steps": 20_000, "precision": "bf16", "held_out_every": 1000, "sheet_every": 2000, "checkpoint_every": 1000}
PRESETS: Presets = {
    "cpu": (StableSettings(resolution=128), PAPER.model_copy(update=QUICK | {"steps": 500})),
    "8g": (StableSettings(resolution=256, tune="lora"), PAPER.model_copy(update=QUICK)),
    "24g": (StableSettings(), PAPER),
    "80g": (StableSettings(tune="full"), PAPER.model_copy(update=QUICK | {"batch": 32, "accumulate": 1})),
}
