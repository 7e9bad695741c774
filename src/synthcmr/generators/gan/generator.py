"""The gan family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.gan.network import GanNetwork
from synthcmr.generators.gan.presets import PRESETS
from synthcmr.generators.gan.settings import GanSettings
from synthcmr.generators.vae.generator import VaeGenerator
from synthcmr.training.weights import read_header


class GanGenerator(ConditionalGenerator[GanNetwork]):
    """A conditional adversarial network."""

    family = "gan"
    settings_kind = GanSettings
    network_kind = GanNetwork
    presets: ClassVar[Presets] = PRESETS

    @classmethod
    def begin(cls, network: GanNetwork, start: Path) -> None:
        """Take all weights; of an autoencoder all but the discriminators."""
        judges = [name for name in network.state_dict() if name.startswith("judge.")]
        further = judges if read_header(start)["family"] == VaeGenerator.family else []
        begin_from(network, start, further=further)
