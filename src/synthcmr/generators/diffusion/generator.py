"""The diffusion family."""

from pathlib import Path
from typing import ClassVar

from synthcmr.cohort import Cohort
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, refuse_private
from synthcmr.generators.conditional.settings import ConditionalSettings, Presets
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.diffusion.network import DiffusionNetwork
from synthcmr.generators.diffusion.presets import PRESETS
from synthcmr.generators.diffusion.settings import DiffusionSettings
from synthcmr.training.loop import Observer, as_part
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import LoopSettings
from synthcmr.training.weights import read_header

BASE = Path("base")  # within the run folder: the network without masks that a ControlNet stands on


class DiffusionGenerator(ConditionalGenerator[DiffusionNetwork]):
    """Denoising diffusion on pixel-unshuffled images."""

    family = "diffusion"
    settings_kind = DiffusionSettings
    network_kind = DiffusionNetwork
    presets: ClassVar[Presets] = PRESETS

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
    def _start(
        cls, settings: ConditionalSettings, cohort: Cohort, run: Path, loop: LoopSettings, observe: Observer | None
    ) -> Path | None:
        """For a ControlNet, weights that see masks as channels first learn to do without, as the base that it stands on.

        In a private run they learn that from phantoms: nothing of the patients goes into the base.
        """
        file = super()._start(settings, cohort, run, loop, observe)
        if file is None or not (_wants(settings) == "controlnet" and _seen(file) == "channels"):
            return file
        people = cohort if loop.dp is None else cls._phantoms(cohort, run, observe)
        without = settings.model_copy(update={"mask": "none", "start": str(file), "rank": None})
        base = run.parent / f"{run.name}-{BASE}"
        plain = loop.model_copy(update={"dp": None})
        cls.fit(people, base, without, plain, as_part(observe, "network without masks"))
        return base / WEIGHTS

    @classmethod
    def begin(cls, network: DiffusionNetwork, start: Path) -> None:
        """Take all weights; or all but what sees the mask; or those of a network without masks as the base of a ControlNet."""
        wanted, seen = network.settings.mask, _seen(start)
        if wanted == "controlnet" and seen == "none":
            network.begin_control(cls.load(start).network)
        elif wanted == "none" and seen == "channels":
            begin_from(network, start, fitted=network.without_surroundings)
        else:
            super().begin(network, start)


def _wants(settings: ConditionalSettings) -> str:
    return str(getattr(settings, "mask", "channels"))


def _seen(weights: Path) -> str:
    """How a network is shown masks; a flow is as channels."""
    return str(read_header(weights)["model"].get("mask", "channels"))
