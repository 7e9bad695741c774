"""The latent family: MONAI's autoencoder as its first stage, and a flow or a diffusion of its latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import l1_loss, pixel_shuffle, pixel_unshuffle

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import ConditionBatch
from synthcmr.generators.conditional.generator import ConditionalGenerator, Fitting, refuse_private, some_images
from synthcmr.generators.conditional.network import ConditionalNetwork, heart_weights
from synthcmr.generators.conditional.noise_paths import LinearPath, ProbabilityPath, VariancePreservingPath
from synthcmr.generators.conditional.path_network import PathNetwork
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.spectrum import amplitude
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.family_settings import FIRST_PATCH, LATENT_PRESETS, LatentSettings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.device import channels_last, main_first
from synthcmr.training.loop import Loop, as_part
from synthcmr.training.run_folder import RunFolder

GROUPS = 16
FIRST = Path("first_stage")  # within the run folder


class FirstStage(ConditionalNetwork):
    """Images to latents and back; it has no other input."""

    optimizer_phases = ("first_stage",)
    settings: LatentSettings
    mean: Tensor  # of latents, channel by channel
    spread: Tensor

    def __init__(self, settings: LatentSettings, vocabulary: Vocabulary) -> None:
        """Build the autoencoder."""
        from monai.networks.nets import AutoencoderKL

        super().__init__(settings, vocabulary)
        self.text.requires_grad_(False)
        levels = len(settings.first_channels)
        folded = settings.frames * FIRST_PATCH**2
        self.autoencoder: Any = AutoencoderKL(
            spatial_dims=2,
            in_channels=folded,
            out_channels=folded,
            channels=settings.first_channels,
            num_res_blocks=1,
            attention_levels=(False,) * levels,
            latent_channels=settings.latent_channels,
            norm_num_groups=min(GROUPS, *settings.first_channels),
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )
        self.register_buffer("mean", torch.zeros(settings.latent_channels))
        self.register_buffer("spread", torch.ones(settings.latent_channels))
        channels_last(self)

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Errors of pixels and of their spectrum, and a little of the divergence from standard noise."""
        image = batch["image"]
        mean, sigma = self.autoencoder.encode(pixel_unshuffle(image, FIRST_PATCH))
        latent = mean.float() + sigma.float() * batch["noise"].flatten(1)[:, : mean[0].numel()].reshape(mean.shape)
        back = pixel_shuffle(self.autoencoder.decode(latent).float(), FIRST_PATCH)
        pixels = ((back - image).abs() * heart_weights(batch["mask"], self.settings.heart_weight)).mean()
        fine = l1_loss(amplitude(back), amplitude(image))
        variance = sigma.float().square()
        divergence = 0.5 * (mean.float().square() + variance - variance.clamp(min=1e-8).log() - 1).mean()
        loss = pixels + fine + self.settings.first_divergence * divergence
        return loss, {"pixels": pixels, "amplitude": fine, "divergence": divergence}

    def encode(self, image: Tensor) -> Tensor:
        """Images, -1 to 1 -> latents of mean 0 and spread 1."""
        mean, _ = self.autoencoder.encode(pixel_unshuffle(image, FIRST_PATCH))
        return (mean.float() - self.mean[:, None, None]) / self.spread[:, None, None]

    def decode(self, latent: Tensor) -> Tensor:
        """The way back."""
        folded = self.autoencoder.decode(latent * self.spread[:, None, None] + self.mean[:, None, None])
        return pixel_shuffle(folded.float(), FIRST_PATCH)

    @torch.no_grad()
    def standardise(self, images: Tensor) -> Tensor:
        """Take mean and spread of the latents of images; the latents, standardised."""
        raw = torch.cat([self.encode(part) for part in torch.split(images, 64)])
        self.mean.copy_(raw.mean(dim=(0, 2, 3)))
        self.spread.copy_(raw.std(dim=(0, 2, 3)))
        return (raw - self.mean[:, None, None]) / self.spread[:, None, None]

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """For the sheets of its run: what a latent of noise decodes to."""
        shape = (len(noise), self.settings.latent_channels, *(side // self.settings.patch for side in noise.shape[2:]))
        return self.decode(noise.flatten(1)[:, : shape[1] * shape[2] * shape[3]].reshape(shape))


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

    def error(self, conditions: ConditionBatch, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The error in latent space."""
        return super().error(conditions, self._noise(x_0), self.first.encode(x_1), t)

    def noise_estimate(self, conditions: ConditionBatch, x_0: Tensor | None, x_1: Tensor, t: Tensor) -> Tensor | None:
        """In latent space."""
        return super().noise_estimate(conditions, x_0, self.first.encode(x_1), t)

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Follow the path of latents, and decode where it ends."""
        return self.first.decode(super().draw(conditions, self._noise(noise), settings))

    def _noise(self, noise: Tensor) -> Tensor:
        """The first numbers of each image's noise, as many as a latent has."""
        rows, columns = (side // self.settings.patch for side in noise.shape[2:])
        channels = self.settings.latent_channels
        return noise.flatten(1)[:, : channels * rows * columns].reshape(-1, channels, rows, columns)


class LatentGenerator(ConditionalGenerator[LatentNetwork]):
    """Flow or diffusion of latents."""

    family = "latent"
    settings_kind = LatentSettings
    network_kind = LatentNetwork
    presets: ClassVar[Presets] = LATENT_PRESETS

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
