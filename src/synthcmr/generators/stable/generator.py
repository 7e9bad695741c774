"""The stable family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.stable.network import StableNetwork
from synthcmr.generators.stable.presets import PRESETS
from synthcmr.generators.stable.settings import StableSettings


class StableGenerator(ConditionalGenerator[StableNetwork]):
    """Stable Diffusion and a ControlNet."""

    family = "stable"
    settings_kind = StableSettings
    network_kind = StableNetwork
    presets: ClassVar[Presets] = PRESETS

    @classmethod
    def prepare(cls, network: StableNetwork, fitting: Fitting) -> None:
        """Nothing is measured; low-rank additions are made."""
        network.add_low_rank()

    @classmethod
    def begin(cls, network: StableNetwork, start: Path) -> None:
        """Take all that was trained before."""
        super().begin(network, start)
        network.add_low_rank()
