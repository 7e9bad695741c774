"""An encoder of cardiac MRI: features that hold the patient's attributes, what the heart measures, and how an image was spoiled.

It learns to see ways in which generators spoil images, in amounts that are known; all in torch, a batch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.judges.augment import posed, standardise
from synthcmr.judges.fitting import FittedJudge, JudgeTask, StartingWeights, fill, fill_head
from synthcmr.judges.reader import BATCH, HEAD, ReaderNetwork, ReaderTrainee, record_of, vocabulary_to_read
from synthcmr.judges.settings import EncoderSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.described_network import settings_of, vocabulary_of
from synthcmr.training.device import channels_last_batch
from synthcmr.training.images import TrainingImages
from synthcmr.training.weights import file_hash, load_weights

KINDS = ("blur", "noise", "texture", "grid", "contrast")
SHARE = 0.5  # of images that each kind befalls
BLUR, NOISE, GRID, CONTRAST = 1.6, 0.12, 0.08, 0.5  # the most: pixels, and shares of the largest value
LOW = 0.12  # cycles per pixel, below which texture is left as it is
REACH = 5  # pixels, of the widest blur's kernel
OWN_HEADS = ("damage.weight", "damage.bias", "shape.weight", "shape.bias")  # which a reader lacks
AREA_SCALE = 10.0  # brings roots of shares of the image to about one


def damaged(image: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Damage images, all frames of one alike.

    Args:
        image: (images, frames, rows, columns), 0 to 1.
        generator: source of all randomness.

    Returns:
        The images, and how much of each of KINDS befell each, 0 to 1 (contrast: -1 to 1), (images, kinds).
    """
    n = len(image)
    amount = torch.rand(n, len(KINDS), generator=generator) * (torch.rand(n, len(KINDS), generator=generator) < SHARE)
    sign = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    amount[:, -1] *= sign
    blur, noise, texture, grid, contrast = (amount[:, k].view(n, 1, 1, 1) for k in range(len(KINDS)))
    spoiled = _texture(image, texture, generator)
    spoiled = _blur(spoiled, blur * BLUR)
    spoiled = spoiled.clamp(min=1e-4) ** torch.exp(contrast * CONTRAST)
    spoiled = spoiled + _grid(spoiled, generator) * grid * GRID
    spoiled = (spoiled + torch.randn(image.shape, generator=generator) * noise * NOISE).abs()
    return spoiled, amount


def _blur(image: Tensor, sigma: Tensor) -> Tensor:
    """A Gaussian of another width for each image."""
    n, frames = image.shape[:2]
    place = torch.arange(-REACH, REACH + 1, dtype=image.dtype)
    bell = torch.exp(-0.5 * (place / sigma.view(n, 1).clamp(min=0.05)) ** 2)
    bell = (bell / bell.sum(dim=1, keepdim=True)).repeat_interleave(frames, dim=0)
    flat = functional.pad(image.flatten(0, 1)[None], (REACH,) * 4, mode="reflect")
    down = functional.conv2d(flat, bell[:, None, :, None], groups=len(bell))
    return functional.conv2d(down, bell[:, None, None, :], groups=len(bell))[0].view_as(image)


def _texture(image: Tensor, amount: Tensor, generator: torch.Generator) -> Tensor:
    """Detail with other phases: as much power as before, in the wrong places."""
    spectrum = torch.fft.rfft2(image)
    down, across = torch.fft.fftfreq(image.shape[2]), torch.fft.rfftfreq(image.shape[3])
    high = (torch.hypot(down[:, None], across[None]) > LOW).float()
    noise = torch.fft.rfft2(torch.randn(image[:, :1].shape, generator=generator))
    turned = spectrum.abs() * torch.exp(1j * noise.angle())
    wrong = torch.fft.irfft2(spectrum * (1 - high) + turned * high, s=image.shape[2:])
    return image + amount * (wrong - image)


def _grid(image: Tensor, generator: torch.Generator) -> Tensor:
    """Stripes of a period of 2 to 4 pixels, as upsampling leaves them."""
    n, _, rows, columns = image.shape
    period = 2 + 2 * torch.rand(n, 1, 1, 1, generator=generator)
    down = torch.cos(2 * math.pi * torch.arange(rows).view(1, 1, -1, 1) / period)
    across = torch.cos(2 * math.pi * torch.arange(columns).view(1, 1, 1, -1) / period)
    return down * across


class ImageEncoder(FittedJudge[EncoderSettings]):
    """A trained encoder."""

    kind = "encoder"

    def __init__(self, network: EncoderNetwork, weights_hash: str) -> None:
        """Use `fit` or `load`."""
        self.network = network.eval().requires_grad_(False)
        self.hash, self.frames = weights_hash, network.frames

    @classmethod
    def frames_of(cls, cohort: Cohort, model: EncoderSettings) -> int:
        """As the settings say."""
        return model.frames

    @classmethod
    def task(
        cls,
        cohort: Cohort,
        model: EncoderSettings,
        training: TrainingImages,
        held_out: TrainingImages | None,
        start: StartingWeights | None,
    ) -> JudgeTask:
        """A network that predicts attributes, areas and how an image was spoiled; it goes on from an encoder or a reader."""
        vocabulary = vocabulary_to_read(training, model, start)

        def build() -> EncoderTrainee:
            network = EncoderNetwork(model, vocabulary)
            if start is not None:
                fill(network, start, new=HEAD if start.header["family"] == cls.kind else (*HEAD, *OWN_HEADS))
                fill_head(network.head, vocabulary, start)
            return EncoderTrainee(network, training, held_out)

        return JudgeTask(build, record_of(vocabulary, start))

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Load a weights file."""
        network = EncoderNetwork(settings_of(weights, EncoderSettings), vocabulary_of(weights))
        load_weights(network, weights)
        return cls(network, file_hash(weights))

    @torch.no_grad()
    def damage(self, image: Tensor) -> Tensor:
        """How each image (images, frames, rows, columns) seems to be spoiled, in the order of KINDS."""
        parts = [self.network.damage(self.network.network(standardise(part))) for part in torch.split(image, BATCH)]
        return torch.cat(parts)


class EncoderNetwork(ReaderNetwork):
    """The reader's network with further outputs, all straight lines of its features."""

    def __init__(self, settings: EncoderSettings, vocabulary: Vocabulary) -> None:
        """Build the network for the attributes of a vocabulary."""
        super().__init__(settings, vocabulary)
        self.weights = (settings.damage_weight, settings.shape_weight, settings.spread_weight)
        self.damage = nn.Linear(settings.features, len(KINDS))
        self.shape = nn.Linear(settings.features, settings.frames * len(STRUCTURES))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """What the reader loses, plus squared errors of damage and areas, plus what features have in common."""
        features: Tensor = self.network(channels_last_batch(standardise(batch["image"]))).float()
        read = self.losses(self.head(self.dropout(features)), batch["attributes"])
        by_damage, by_shape, by_spread = self.weights
        known = ~batch["area"].isnan()
        off = (self.shape(features) - torch.nan_to_num(batch["area"])).square() * known
        losses = {
            "damage": by_damage * 10 * (self.damage(features) - batch["damage"]).square().mean(),
            "shape": by_shape * off.sum() / known.sum().clamp(min=1),
            "spread": by_spread * _common(features),
        }
        attributes = torch.stack([*read.values()]).mean() if read else features.new_zeros(())
        return attributes + torch.stack(list(losses.values())).sum(), {**losses, "attributes": attributes}


def _common(features: Tensor) -> Tensor:
    """Features that do not vary, or vary together (Bardes et al. 2022): so that none of them is lost."""
    centred = features - features.mean(dim=0)
    covariance = centred.T @ centred / max(len(features) - 1, 1)
    variance = covariance.diagonal()
    together = (covariance.square().sum() - variance.square().sum()) / features.shape[1]
    return together + (1 - (variance + 1e-4).sqrt()).relu().mean() * 10


class EncoderTrainee(ReaderTrainee):
    """The encoder in training: the held-out images are damaged too, each always alike."""

    optimizer_phases: tuple[str, ...] = ("encode",)

    def __init__(self, network: EncoderNetwork, training: TrainingImages, held_out: TrainingImages | None) -> None:
        """Take a network and the images."""
        super().__init__(network, training, held_out)

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Damaged images with what was done to them, what the heart measures, and who is shown."""
        images = self._images[held_out]
        rows = [d.row for d in draws]
        generator = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
        image = torch.from_numpy(images.image[rows].astype(np.float32))
        image, amount = damaged(image if held_out else posed(image, generator), generator)
        attributes = [self._vocabulary.encode(images.attributes[row]) for row in rows]
        return {
            "image": image,
            "attributes": torch.from_numpy(np.stack(attributes)),
            "damage": amount,
            "area": torch.from_numpy(_areas(images.mask[rows])),
        }


def _areas(mask: Mask) -> npt.NDArray[np.float32]:
    """Root of the share of the image that each structure takes, (images, frames x structures); NaN where it is unlabelled."""
    shares = np.stack([(mask == label).mean(axis=(2, 3)) for label in STRUCTURES.values()], axis=2)
    shares[(mask == Label.UNLABELLED).any(axis=(2, 3))] = np.nan
    sizes: npt.NDArray[np.float32] = (AREA_SCALE * np.sqrt(shares)).reshape(len(mask), -1).astype(np.float32)
    return sizes
