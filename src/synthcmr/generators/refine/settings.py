"""Settings of the refine family, and presets of them and of the run for the machine at hand."""

from typing import Literal, Self

from pydantic import Field, model_validator

from synthcmr.conditioning.condition import LOOK
from synthcmr.conditioning.vocabulary import DEFAULT_ATTRIBUTES
from synthcmr.generators.conditional.settings import ConditionalSettings, Presets
from synthcmr.training.settings import LoopSettings


class RefineSettings(ConditionalSettings):
    """The network, what it learns of the way from noise to image, and where on it a phantom begins."""

    frames: int = Field(
        2, ge=1, description="frames of an image where nothing else is asked; each is learned by itself"
    )
    attributes: tuple[str, ...] = Field(
        (*DEFAULT_ATTRIBUTES, LOOK), description="columns that are told; absent ones are skipped"
    )
    channels: tuple[int, ...] = Field((48, 96, 160, 192), description="of the levels, from half the resolution down")
    fine: int = Field(
        16, ge=0, description="channels of a stage at full resolution; 0: pixels are folded by two in and out instead"
    )
    groups: int = Field(8, ge=1, description="of the normalisations; channels are multiples of it")
    phantoms: float = Field(
        0.2, ge=0, le=1, description="share of phantoms among what is seen, where there are others too"
    )
    crop: int | None = Field(112, ge=16, description="rows and columns of a random window that is learned from")
    turned: float = Field(0.5, ge=0, le=1, description="share of training images that get a random quarter turn")
    contrast: float = Field(0.1, ge=0, description="spread of the logarithm of a random gamma in training")
    predict: Literal["rest", "image"] = Field(
        "rest",
        description="what the network puts out: what the best linear guess leaves of the image, or the image itself",
    )
    earliest: float = Field(0.3, ge=0, lt=1, description="time from noise (0) to image (1) from which on it learns")
    time_mean: float = Field(0.3, description="of the logit of times, on the part of the way that is learned")
    time_sd: float = Field(1.2, gt=0)
    left_at_least: float = Field(
        0.05, gt=0, lt=1, description="errors near the end count as if this share of the way was left"
    )
    begin: float = Field(0.45, gt=0, lt=1, description="where on the way a phantom begins, unless asked otherwise")
    late: float = Field(1.5, ge=1, description="above 1: more of the steps close to the image, where grain is decided")
    shared: float = Field(1.0, ge=0, le=1, description="share of the noise that all frames of a slice have in common")
    heart_weight: float = Field(2.0, ge=1, description="how much more errors on the heart count than elsewhere")
    neighbour_rate: float = Field(0.3, ge=0, le=1, description="how often the adjacent slice is shown in training")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(width % self.groups for width in (*self.channels, self.fine)):
            raise ValueError(f"channels and fine must be multiples of groups ({self.groups})")
        if self.begin < self.earliest:
            raise ValueError(f"begin must not lie before earliest ({self.earliest}), from which on it has learned")
        return self

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return 2 ** len(self.channels)


def _loop(steps: int, batch: int, every: int) -> LoopSettings:
    return LoopSettings(
        steps=steps,
        batch=batch,
        learning_rate=1.5e-3,
        schedule="hold",
        held_out_every=every,
        sheet_every=2 * every,
        checkpoint_every=every,
    )


PRESETS: Presets = {
    "cpu": (RefineSettings(), _loop(2000, 16, 200)),
    "8g": (RefineSettings(channels=(64, 128, 256, 320), fine=32), _loop(30_000, 64, 1000)),
    "24g": (RefineSettings(channels=(96, 192, 320, 448), fine=32), _loop(40_000, 128, 1000)),
    "80g": (RefineSettings(channels=(128, 256, 448, 640), fine=64), _loop(60_000, 256, 1000)),
}
