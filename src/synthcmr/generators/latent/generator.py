"""The latent family."""

from pathlib import Path
from typing import ClassVar

import torch

from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, refuse_private, some_images
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.trainee import ConditionalTrainee
from synthcmr.generators.latent.first_stage import FirstStage
from synthcmr.generators.latent.network import LatentNetwork
from synthcmr.generators.latent.presets import PRESETS
from synthcmr.generators.latent.settings import LatentSettings
from synthcmr.training.loop import Loop, as_part
from synthcmr.training.processes import main_first
from synthcmr.training.run_folder import RunFolder

FIRST = Path("first_stage")  # within the run folder


class LatentGenerator(ConditionalGenerator[LatentNetwork]):
    """Flow or diffusion of latents."""

    family = "latent"
    settings_kind = LatentSettings
    network_kind = LatentNetwork
    presets: ClassVar[Presets] = PRESETS

    @classmethod
    def prepare(cls, network: LatentNetwork, fitting: Fitting) -> None:
        """Train the first stage, in a run folder within the run's own."""
        refuse_private(fitting.loop, cls.family, "its first stage")
        settings, loop = network.settings, fitting.loop
        steps = max(1, round(loop.steps * settings.first_steps))
        loop = loop.model_copy(update={"steps": steps})
        folder = RunFolder(fitting.run / FIRST)
        record = cls._record(settings, loop, network.text.vocabulary, fitting.training) | {"family": "first stage"}
        with main_first():
            folder.start(record, [])
        torch.manual_seed(loop.seed)
        first = FirstStage(settings, network.text.vocabulary)
        trainee = ConditionalTrainee(first, fitting.training, fitting.held_out)
        trained = Loop(trainee, loop, folder, as_part(fitting.observe, "first stage")).fit()
        if isinstance(trained, FirstStage):
            network.begin_second(trained.cpu(), some_images(fitting.training))
