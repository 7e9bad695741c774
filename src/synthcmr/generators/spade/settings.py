"""Settings that VAE and GAN share, and presets of them and of the run for the machine at hand."""

from pydantic import Field

from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.flow.settings import PRESETS


class SpadeSettings(ConditionalSettings):
    """Decoder and encoder; they work on images folded by two, the decoder from a grid of latent numbers a sixteenth as wide."""

    channels: tuple[int, int, int, int] = Field(
        (192, 160, 96, 64), description="from the grid of latent numbers up to half of the image's resolution"
    )
    latent_channels: int = Field(8, ge=1, description="latent numbers per place of the grid")
    encoder: tuple[int, int, int] = (48, 96, 128)
    code: int = Field(
        64, ge=1, description="numbers that an image is summed up in, beside what mask and text say of it"
    )
    divergence: float = Field(
        1.0,
        gt=0,
        description="weight of the code's divergence from its prior, in nats per pixel; larger: what is drawn from the prior is "
        "closer to what is given back, and less of an image is given back",
    )
    label_channels: int = Field(32, ge=4, description="channels that mask and neighbour are summed up in")

    @property
    def multiple(self) -> int:
        """Rows and columns of an image must be a multiple of this."""
        return SHRINK


PATCH, SHRINK = 2, 16


WIDTHS = (256, 256, 192, 128)
WIDER = (384, 384, 256, 160)
WIDEST = (512, 512, 384, 256)
LOOPS = {name: loop for name, (_, loop) in PRESETS.items()}
LOOPS["cpu"] = LOOPS["cpu"].model_copy(update={"steps": 3000, "batch": 8})
