"""Settings of the vae family, and presets of them and of the run for the machine at hand."""

from pydantic import Field

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.spade.settings import LOOPS, WIDER, WIDEST, WIDTHS, SpadeSettings


class VaeSettings(SpadeSettings):
    """How exactly an image must be given back."""

    edges: float = Field(0.5, ge=0, description="weight of errors of the gradient beside those of the pixels")
    fine: float = Field(
        1.0,
        ge=0,
        description="weight of errors of the amplitude by frequency in small windows: how much grain there is, as no code holds which",
    )


PRESETS: Presets = {
    "cpu": (VaeSettings(), LOOPS["cpu"]),
    "8g": (VaeSettings(channels=WIDTHS), LOOPS["8g"]),
    "24g": (VaeSettings(channels=WIDER, encoder=(96, 192, 256)), LOOPS["24g"]),
    "80g": (VaeSettings(channels=WIDEST, encoder=(128, 256, 384)), LOOPS["80g"]),
}
