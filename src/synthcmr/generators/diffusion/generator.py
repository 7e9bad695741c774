"""The diffusion family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, Presets, refuse_private
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.diffusion.network import DiffusionNetwork
from synthcmr.generators.diffusion.presets import PRESETS
from synthcmr.generators.diffusion.settings import DiffusionSettings
from synthcmr.generators.flow.generator import FlowGenerator
from synthcmr.training.loop import as_part
from synthcmr.training.weights import read_header

BASE = Path("base")  # within the run folder: the network without masks that a ControlNet stands on


class DiffusionGenerator(ConditionalGenerator[DiffusionNetwork]):
    """Denoising diffusion on pixel-unshuffled images."""

    family = "diffusion"
    settings_kind = DiffusionSettings
    network_kind = DiffusionNetwork
    presets: ClassVar[Presets] = PRESETS

    @classmethod
    def begins_from(cls, settings: ConditionalSettings) -> tuple[str, ...]:
        """Also a flow, where both see the mask as channels."""
        seen = getattr(settings, "mask", "") == "channels"
        return (cls.family, FlowGenerator.family) if seen else (cls.family,)

    @classmethod
    def prepare(cls, network: DiffusionNetwork, fitting: Fitting) -> None:
        """Measure; a ControlNet needs a network without masks first, which is trained for as many steps."""
        super().prepare(network, fitting)
        if network.settings.mask == "controlnet":
            refuse_private(fitting.loop, cls.family, "the network that its ControlNet stands on")
            without = network.settings.model_copy(update={"mask": "none"})
            base = cls.fit(
                fitting.cohort,
                fitting.run / BASE,
                without,
                fitting.loop,
                as_part(fitting.observe, "network without masks"),
            )
            network.begin_control(base.network)

    @classmethod
    def begin(cls, network: DiffusionNetwork, start: Path) -> None:
        """Take all weights, or those of a network without masks as the base of a ControlNet."""
        if network.settings.mask == "controlnet" and read_header(start)["model"]["mask"] == "none":
            network.begin_control(cls.load(start).network)
        else:
            super().begin(network, start)
