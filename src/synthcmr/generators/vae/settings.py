"""Settings of the vae family."""

from pydantic import Field

from synthcmr.generators.spade.settings import SpadeSettings


class VaeSettings(SpadeSettings):
    """The encoder, and how exactly an image must be given back."""

    encoder: tuple[int, int, int] = (48, 96, 128)
    scale: float = Field(
        0.06, gt=0, description="of the Laplace likelihood of a pixel; smaller: sharper images, a wider latent code"
    )
    edges: float = Field(0.5, ge=0, description="weight of errors of the gradient beside those of the pixels")
    fine: float = Field(
        0.5,
        ge=0,
        description="weight of errors of the amplitude by frequency: grain that a code cannot hold is drawn instead of left out",
    )
