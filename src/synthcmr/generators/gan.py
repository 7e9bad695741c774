"""The gan family: generator and discriminators, the hinge losses that they are trained by in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, pixel_unshuffle, relu

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import around_batch, channels_around
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.network import Gather, text_encoder
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.family_settings import GAN_PRESETS, SPADE_PATCH, GanSettings
from synthcmr.generators.spade import SpadeNetwork, divergence
from synthcmr.generators.vae import VaeGenerator
from synthcmr.training.described_network import family_of
from synthcmr.training.device import channels_last

JUDGE, MAKE = "discriminator", "generator"
MOMENTUM = (0.5, 0.99)
SHIFT = 0.125  # of the image's side, to either side, at full strength
BRIGHTER, CONTRAST = 0.4, 0.4
NEAR = 5  # pixels of the mean that detail is measured against
SURROUNDINGS = 0.3  # masks of zeros and ones would drown images


class GanNetwork(SpadeNetwork):
    """SPADE with its encoder (Park et al. 2019), against discriminators that see image, mask, neighbour and text."""

    optimizer_phases = (JUDGE, MAKE)
    # Some momentum: in batches of a few images the discriminators find no direction without (benchmarks/gan_discriminators.py).
    optimiser: ClassVar[dict[str, dict[str, Any]]] = {JUDGE: {"betas": MOMENTUM}, MAKE: {"betas": MOMENTUM}}
    settings: GanSettings

    def __init__(self, settings: GanSettings, vocabulary: Vocabulary) -> None:
        """Build generator and discriminators; each reads the text by itself."""
        super().__init__(settings, vocabulary)
        self.judge = Discriminator(settings, vocabulary)
        channels_last(self)

    def parameters_of(self, turn: str) -> list[nn.Parameter]:
        """Those of the one whose turn it is."""
        judges = {id(p) for p in self.judge.parameters()}
        chosen = [p for p in self.parameters() if (id(p) in judges) == (turn == JUDGE)]
        return [p for p in chosen if p.requires_grad]

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The hinge loss of the turn."""
        surroundings = around_batch(batch)
        seen = self._seen(batch)
        with torch.set_grad_enabled(turn == MAKE and torch.is_grad_enabled()):
            images, own, nats = self._generated(batch)
        verdicts, inside = self.judge(*seen(images, surroundings), batch["text"])
        if turn == JUDGE:
            real, _ = self.judge(*seen(batch["image"], surroundings), batch["text"])
            loss = sum(
                relu(1 - r.float()).mean() + relu(1 + f.float()).mean() for r, f in zip(real, verdicts, strict=True)
            )
            return _tensor(loss) / len(verdicts), {}
        with torch.no_grad():
            _, wanted = self.judge(*seen(batch["image"], surroundings), batch["text"])
        verdict = _tensor(sum(-f.float().mean() for f in verdicts)) / len(verdicts)
        pairs = [pair for a, b in zip(inside, wanted, strict=True) for pair in zip(a, b, strict=True)]
        features = _tensor(sum(_difference(a, b, own) for a, b in pairs)) / len(pairs)
        loss = verdict + self.settings.features * features + self.settings.divergence * nats / images[0].numel()
        return loss, {"verdict": verdict, "features": features, "nats": nats}

    def _generated(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Images, some of the code of the real one and some of a code of the prior; which are the former; and the code's divergence.

        Only the former can be required to resemble the real image: the others would be drawn towards the mean of all that the mask allows.
        """
        surroundings, tokens = around_batch(batch, SPADE_PATCH), self.text(batch["text"])
        posterior, prior = self.codes(batch["image"], surroundings, tokens)
        own = batch["noise"].flatten(1)[:, -5] > 0
        mean, log_variance = (torch.where(own[:, None], a, b) for a, b in zip(posterior, prior, strict=True))
        _, images = self.decode((mean, log_variance), batch["noise"], surroundings, tokens)
        return images, own, divergence(posterior, prior).mean()

    def _seen(self, batch: dict[str, Tensor]) -> Any:
        """The same changes to whatever the discriminators see of one image; each decided by the image's own noise."""
        strength = self.settings.augment
        if not strength or not self.training:
            return lambda image, surroundings: (image, surroundings)
        u = torch.special.ndtr(batch["noise"].flatten(1)[:, -4:].float()) * 2 - 1
        return lambda image, surroundings: _augmented(image, surroundings, u * strength)


class Discriminator(nn.Module):
    """MONAI's multi-scale patch discriminators, with spectral normalisation.

    Spectral normalisation alone shrinks what passes from layer to layer until verdicts are all but zero and nothing is learned. Group
    normalisation brings it back to size; with one group for all channels it keeps what the text says of each, and mixes no images.
    """

    def __init__(self, settings: GanSettings, vocabulary: Vocabulary) -> None:
        from monai.networks.nets import MultiScalePatchDiscriminator
        from torch.nn.utils.parametrizations import spectral_norm

        super().__init__()
        self.detail = settings.judge_detail
        self.text = text_encoder(settings, vocabulary)
        self.gather = Gather(settings.token_width)
        self.planes = nn.Linear(settings.token_width, settings.judge_text)
        self.patches = MultiScalePatchDiscriminator(
            num_d=settings.judge_scales,
            num_layers_d=settings.judge_layers,
            spatial_dims=2,
            channels=settings.judge_channels,
            in_channels=(settings.frames + channels_around(settings.frames)) * SPADE_PATCH**2 + settings.judge_text,
            norm=("group", {"num_groups": 1}),
            bias=True,
            minimum_size_im=2 ** (settings.judge_layers * settings.judge_scales),
        )
        for module in self.patches.modules():
            if isinstance(module, nn.Conv2d):
                spectral_norm(module)

    def forward(self, image: Tensor, surroundings: Tensor, text: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        """Verdicts and inner features, scale by scale."""
        # folded: a quarter of the places to look at, and grids that a generator leaves stand in single channels
        sharp = sharpened(image.float(), self.detail)
        seen = pixel_unshuffle(torch.cat([sharp, SURROUNDINGS * surroundings.float()], dim=1), SPADE_PATCH)
        planes = self.planes(self.gather(self.text(text)))[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        inputs = torch.cat([seen, planes.float()], dim=1)
        outputs: tuple[list[Tensor], list[list[Tensor]]] = self.patches(inputs)
        return outputs


def sharpened(image: Tensor, detail: float) -> Tensor:
    """With detail as large as shapes are: of what sets real images apart a fresh discriminator would see next to nothing."""
    return image + detail * (image - avg_pool2d(image, NEAR, 1, NEAR // 2, count_include_pad=False))


def _augmented(image: Tensor, surroundings: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Shifted, and with other brightness and contrast (Zhao et al. 2020); u: four numbers per image, -1 to 1."""
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    contrast, brighter = (value[:, None, None, None] for value in (1 + CONTRAST * u[:, 0], BRIGHTER * u[:, 1]))
    changed = (image - mean) * contrast + mean + brighter
    rows, columns = image.shape[2:]
    theta = torch.zeros(len(image), 2, 3, device=image.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1
    theta[:, 0, 2] = (u[:, 2] * SHIFT * columns).round() * 2 / columns
    theta[:, 1, 2] = (u[:, 3] * SHIFT * rows).round() * 2 / rows
    grid = affine_grid(theta, [len(image), 1, rows, columns], align_corners=False)
    both = grid_sample(torch.cat([changed.float(), surroundings.float()], dim=1), grid, align_corners=False)
    return both[:, : image.shape[1]], both[:, image.shape[1] :]


def _difference(features: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Mean absolute difference over the images that count, which are half of all; so that parts of a batch add up to the whole."""
    each = (features.float() - wanted.float()).abs().flatten(1).mean(dim=1)
    return 2 * (each * counted).mean()


def _tensor(value: Tensor | float) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value)


class GanGenerator(ConditionalGenerator[GanNetwork]):
    """A conditional adversarial network."""

    family = "gan"
    settings_kind = GanSettings
    network_kind = GanNetwork
    presets: ClassVar[Presets] = GAN_PRESETS

    @classmethod
    def begin(cls, network: GanNetwork, start: Path) -> None:
        """Take all weights; of an autoencoder all but the discriminators."""
        judges = [name for name in network.state_dict() if name.startswith("judge.")]
        further = judges if family_of(start) == VaeGenerator.family else []
        begin_from(network, start, further=further)
