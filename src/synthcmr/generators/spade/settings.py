"""Settings that VAE and GAN share."""

from pydantic import Field

from synthcmr.generators.conditional.settings import ConditionalSettings


class SpadeSettings(ConditionalSettings):
    """The decoder; it works on images folded by two, from a grid of latent numbers a sixteenth as wide."""

    channels: tuple[int, int, int, int] = Field(
        (192, 160, 96, 64), description="from the grid of latent numbers up to half of the image's resolution"
    )
    latent_channels: int = Field(8, ge=1, description="latent numbers per place of the grid")
    label_channels: int = Field(32, ge=4, description="channels that mask and neighbour are summed up in")

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return SHRINK


PATCH, SHRINK = 2, 16
