"""The vae family."""

from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Presets
from synthcmr.generators.spade.presets import LOOPS, WIDER, WIDEST, WIDTHS
from synthcmr.generators.vae.network import VaeNetwork
from synthcmr.generators.vae.settings import VaeSettings


class VaeGenerator(ConditionalGenerator[VaeNetwork]):
    """A conditional variational autoencoder."""

    family = "vae"
    settings_kind = VaeSettings
    network_kind = VaeNetwork
    presets: ClassVar[Presets] = {
        "cpu": (VaeSettings(), LOOPS["cpu"]),
        "8g": (VaeSettings(channels=WIDTHS), LOOPS["8g"]),
        "24g": (VaeSettings(channels=WIDER, encoder=(96, 192, 256)), LOOPS["24g"]),
        "80g": (VaeSettings(channels=WIDEST, encoder=(128, 256, 384)), LOOPS["80g"]),
    }
