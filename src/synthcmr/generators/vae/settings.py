"""Settings of the vae family."""

from pydantic import Field

from synthcmr.generators.spade.settings import SpadeSettings


class VaeSettings(SpadeSettings):
    """How exactly an image must be given back."""

    edges: float = Field(0.5, ge=0, description="weight of errors of the gradient beside those of the pixels")
    fine: float = Field(
        1.0,
        ge=0,
        description="weight of errors of the amplitude by frequency in small windows: how much grain there is, as no code holds which",
    )
