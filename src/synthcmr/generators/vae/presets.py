"""Sizes of network and run for the machine at hand."""

from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.spade.presets import LOOPS, WIDER, WIDEST, WIDTHS
from synthcmr.generators.vae.settings import VaeSettings

PRESETS: Presets = {
    "cpu": (VaeSettings(), LOOPS["cpu"]),
    "8g": (VaeSettings(channels=WIDTHS), LOOPS["8g"]),
    "24g": (VaeSettings(channels=WIDER, encoder=(96, 192, 256)), LOOPS["24g"]),
    "80g": (VaeSettings(channels=WIDEST, encoder=(128, 256, 384)), LOOPS["80g"]),
}
