"""Settings of the vae family."""

from pydantic import Field

from synthcmr.generators.spade.settings import SpadeSettings


class VaeSettings(SpadeSettings):
    """The encoder, and how exactly an image must be given back."""

    encoder: tuple[int, int, int] = (48, 96, 128)
    code: int = Field(
        64, ge=1, description="numbers that an image is summed up in, beside what mask and text say of it"
    )
    divergence: float = Field(
        2.0,
        gt=0,
        description="weight of the code's divergence from its prior, in nats per pixel; larger: what is drawn from the prior is "
        "closer to what is given back, and less of an image is given back",
    )
    edges: float = Field(0.5, ge=0, description="weight of errors of the gradient beside those of the pixels")
    fine: float = Field(
        1.0,
        ge=0,
        description="weight of errors of the amplitude by frequency: how much grain there is, as no code holds which",
    )
