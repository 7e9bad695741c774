"""The gan family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Presets
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.conditional.start import begin_from
from synthcmr.generators.gan.network import GanNetwork
from synthcmr.generators.gan.settings import GanSettings
from synthcmr.generators.spade.presets import LOOPS, WIDER, WIDEST, WIDTHS
from synthcmr.generators.vae.generator import VaeGenerator
from synthcmr.training.weights import read_header

_LOOPS = {name: loop.model_copy(update={"learning_rate": 2e-4, "warmup": 20}) for name, loop in LOOPS.items()}


class GanGenerator(ConditionalGenerator[GanNetwork]):
    """A conditional adversarial network."""

    family = "gan"
    settings_kind = GanSettings
    network_kind = GanNetwork
    presets: ClassVar[Presets] = {
        "cpu": (GanSettings(), _LOOPS["cpu"]),
        "8g": (GanSettings(channels=WIDTHS, judge_channels=48), _LOOPS["8g"]),
        "24g": (GanSettings(channels=WIDER, judge_channels=64), _LOOPS["24g"]),
        "80g": (GanSettings(channels=WIDEST, judge_channels=64, judge_scales=3), _LOOPS["80g"]),
    }

    @classmethod
    def begins_from(cls, settings: ConditionalSettings) -> tuple[str, ...]:
        """Also a variational autoencoder, which lacks the discriminators alone."""
        return cls.family, VaeGenerator.family

    @classmethod
    def begin(cls, network: GanNetwork, start: Path) -> None:
        """Take all weights; of an autoencoder all but the discriminators."""
        judges = [name for name in network.state_dict() if name.startswith("judge.")]
        further = judges if read_header(start)["family"] == VaeGenerator.family else []
        begin_from(network, start, further=further)
