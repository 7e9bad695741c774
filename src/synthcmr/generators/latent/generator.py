"""The latent family: the second stage, a flow or a diffusion of latents."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import Asked
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, refuse_private, some_images
from synthcmr.generators.conditional.path_network import PathNetwork
from synthcmr.generators.conditional.paths import LinearPath, ProbabilityPath, VariancePreservingPath
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.trainee import ConditionalTrainee
from synthcmr.generators.latent.first_stage import FirstStage
from synthcmr.generators.latent.settings import PRESETS, LatentSettings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.device import main_first
from synthcmr.training.loop import Loop, as_part
from synthcmr.training.run_folder import RunFolder


class LatentNetwork(PathNetwork):
    """The first stage, frozen, and a U-Net in its latent space."""

    optimizer_phases = ("latent",)
    family = "latent"
    settings: LatentSettings

    def __init__(self, settings: LatentSettings, vocabulary: Vocabulary) -> None:
        """Build both stages."""
        super().__init__(settings, vocabulary, settings.latent_channels, patch=1)
        self.path: ProbabilityPath = LinearPath() if settings.way == "flow" else VariancePreservingPath()
        self.first = FirstStage(settings, vocabulary).requires_grad_(False)

    def begin_second(self, first: FirstStage, images: Tensor) -> None:
        """Take a trained first stage, and the statistics of the latents of some images."""
        self.first.load_state_dict(first.state_dict())
        super().measure(self.first.standardise(images))

    def measure(self, images: Tensor) -> None:
        """Nothing: what counts here is measured of latents, when there are some."""

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error in latent space."""
        with torch.no_grad():
            latent = self.first.encode(batch["image"])
        return self.loss(batch, self._noise(batch["noise"]), latent), {}

    def error(self, asked: Asked, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The error in latent space."""
        return super().error(asked, self._noise(x_0), self.first.encode(x_1), t)

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Follow the path of latents, and decode where it ends."""
        return self.first.decode(super().draw(asked, self._noise(noise), settings))

    def _noise(self, noise: Tensor) -> Tensor:
        """The first numbers of each image's noise, as many as a latent has."""
        rows, columns = (side // self.settings.patch for side in noise.shape[2:])
        channels = self.settings.latent_channels
        return noise.flatten(1)[:, : channels * rows * columns].reshape(-1, channels, rows, columns)


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
