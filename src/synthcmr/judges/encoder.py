"""An encoder of cardiac MRI: features that hold the patient's attributes, what the heart measures, and how an image was spoiled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import recorded_settings
from synthcmr.judges.augment import posed, standardise
from synthcmr.judges.damage import KINDS, damaged
from synthcmr.judges.fitting import FittedJudge, JudgeTask
from synthcmr.judges.reader import BATCH, HEAD, ReaderNetwork, ReaderTrainee, record_of, vocabulary_to_read
from synthcmr.judges.settings import EncoderSettings
from synthcmr.judges.starting_weights import StartingWeights, fill, fill_head
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import channels_last_batch
from synthcmr.training.images import TrainingImages
from synthcmr.training.weights import file_hash, load_weights, read_header

OWN_HEADS = ("damage.weight", "damage.bias", "shape.weight", "shape.bias")  # which a reader lacks
AREA_SCALE = 10.0  # brings roots of shares of the image to about one


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
        header = read_header(weights)
        settings = recorded_settings(header["model"], EncoderSettings, str(weights))
        network = EncoderNetwork(settings, Vocabulary.from_json(header["vocabulary"]))
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
