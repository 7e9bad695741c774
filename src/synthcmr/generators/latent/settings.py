"""Settings of the latent family, and presets of them and of the run for the machine at hand."""

from typing import Literal, Self

from pydantic import Field, model_validator

from synthcmr.generators.conditional.settings import Presets, UnetSettings
from synthcmr.generators.flow.settings import PRESETS as FLOW

FIRST_PATCH = 2  # images are folded by this before the first stage


class LatentSettings(UnetSettings):
    """First stage, and the way through its latent space. `patch` is how much smaller a latent image is than an image."""

    way: Literal["flow", "diffusion"] = "flow"
    latent_channels: int = Field(8, ge=1)
    first_channels: tuple[int, ...] = Field(
        (64, 128), description="of the first stage, from half of the resolution down"
    )
    first_steps: float = Field(0.5, gt=0, description="steps of the first stage, as a share of those of the second")
    first_divergence: float = Field(1e-4, ge=0, description="weight of the divergence of latents from standard noise")

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        shrink = FIRST_PATCH * 2 ** (len(self.first_channels) - 1)
        if self.patch != shrink:
            raise ValueError(f"patch must be {shrink}, by which first_channels {self.first_channels} shrink an image")
        return self


# Latent images of 16x16: large shapes are learned sooner where there are few places.
CPU = LatentSettings(
    patch=8,
    first_channels=(64, 128, 128),
    latent_channels=16,
    first_steps=0.25,
    channels=(96, 160, 224),
    attention=(False, True, True),
)
CPU_LOOP = FLOW["cpu"][1].model_copy(update={"steps": 3600, "batch": 8})


def _settings(preset: str) -> LatentSettings:
    given = FLOW[preset][0].model_dump(exclude={"patch"})
    return LatentSettings.model_validate(given)


PRESETS: Presets = {
    "cpu": (CPU, CPU_LOOP),
    **{name: (_settings(name), loop) for name, (_, loop) in FLOW.items() if name != "cpu"},
}
