"""Settings of the gan family, and presets of them and of the run for the machine at hand."""

from typing import ClassVar

from pydantic import Field

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.spade.settings import LOOPS, WIDER, WIDEST, WIDTHS, SpadeSettings


class GanSettings(SpadeSettings):
    """The discriminator, and what the generator is told beside its verdict."""

    begins_from: ClassVar[tuple[str, ...]] = ("gan", "vae")  # an autoencoder lacks the discriminators alone

    judge_channels: int = Field(32, ge=8, description="of the discriminators' first layer")
    judge_scales: int = Field(
        2, ge=1, le=3, description="discriminators, each at half the resolution of the one before"
    )
    judge_layers: int = Field(2, ge=2, description="of the first discriminator; the second has twice as many")
    judge_text: int = Field(8, ge=1, description="channels that tell the discriminators the text")
    judge_detail: float = Field(
        20.0,
        ge=0,
        description="how much larger discriminators see detail than it is; at 0 they find hardly any difference within minutes",
    )
    divergence: float = Field(
        5.0,
        gt=0,
        description="weight of the code's divergence from its prior; larger than a VAE's, as it stands beside larger losses: at 1 the code "
        "drifts away from what can be drawn",
    )
    features: float = Field(
        10.0,
        ge=0,
        description="weight of the difference to the real image of the same mask in the discriminators' features",
    )
    augment: float = Field(
        0.25,
        ge=0,
        le=1,
        description="strength of the shifts and changes of brightness that discriminators see images through, so that a small cohort "
        "is not learned by heart; 1 is DiffAugment's, with which they learn more slowly, 0 is none",
    )


_LOOPS = {name: loop.model_copy(update={"learning_rate": 2e-4, "warmup": 20}) for name, loop in LOOPS.items()}
PRESETS: Presets = {
    "cpu": (GanSettings(), _LOOPS["cpu"]),
    "8g": (GanSettings(channels=WIDTHS, judge_channels=48), _LOOPS["8g"]),
    "24g": (GanSettings(channels=WIDER, judge_channels=64), _LOOPS["24g"]),
    "80g": (GanSettings(channels=WIDEST, judge_channels=64, judge_scales=3), _LOOPS["80g"]),
}
