"""The vae family."""

from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.vae.network import VaeNetwork
from synthcmr.generators.vae.presets import PRESETS
from synthcmr.generators.vae.settings import VaeSettings


class VaeGenerator(ConditionalGenerator[VaeNetwork]):
    """A conditional variational autoencoder."""

    family = "vae"
    settings_kind = VaeSettings
    network_kind = VaeNetwork
    presets: ClassVar[Presets] = PRESETS
