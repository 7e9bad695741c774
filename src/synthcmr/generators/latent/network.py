"""The second stage: flow or diffusion of latents."""

from __future__ import annotations

import torch
from torch import Tensor

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import Asked
from synthcmr.generators.conditional.path_network import PathNetwork
from synthcmr.generators.conditional.paths import LinearPath, Path, VariancePreservingPath
from synthcmr.generators.latent.first_stage import FirstStage
from synthcmr.generators.latent.settings import LatentSettings
from synthcmr.generators.sampler import SamplerSettings


class LatentNetwork(PathNetwork):
    """The first stage, frozen, and a U-Net in its latent space."""

    optimizer_phases = ("latent",)
    family = "latent"
    settings: LatentSettings

    def __init__(self, settings: LatentSettings, vocabulary: Vocabulary) -> None:
        """Build both stages."""
        super().__init__(settings, vocabulary, settings.latent_channels, patch=1)
        self.path: Path = LinearPath() if settings.way == "flow" else VariancePreservingPath()
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
