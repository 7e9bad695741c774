"""Predicts attributes from images: sex, diagnosis, age, BMI and whatever else a cohort records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.judges.augment import standardise, varied
from synthcmr.judges.fitting import (
    FittedJudge,
    JudgeTask,
    Limits,
    StartingWeights,
    fill,
    fill_head,
    going_on,
    new_outputs,
)
from synthcmr.judges.settings import ReaderSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.described_network import settings_of, vocabulary_of
from synthcmr.training.device import best_device, channels_last, channels_last_batch
from synthcmr.training.images import TrainingImages
from synthcmr.training.weights import file_hash, load_weights, read_header

BATCH = 64
DROPOUT = 0.3
HEAD = ("head.weight", "head.bias")


@dataclass(frozen=True)
class Reading:
    """What a reader sees in some images, attribute by attribute."""

    numbers: dict[str, npt.NDArray[np.float32]]  # name -> value per image
    categories: dict[str, npt.NDArray[np.float32]]  # name -> (images, values) probabilities
    values: dict[str, tuple[str, ...]]  # name -> what the columns of `categories` stand for


class AttributeReader(FittedJudge[ReaderSettings]):
    """A trained reader."""

    kind = "reader"

    def __init__(self, network: ReaderNetwork, weights_hash: str, limits: Limits) -> None:
        """Use `fit` or `load`."""
        self.network = network.eval().requires_grad_(False)
        self.vocabulary, self.hash, self.limits = network.vocabulary, weights_hash, limits
        self.frames = network.frames

    @classmethod
    def frames_of(cls, cohort: Cohort, model: ReaderSettings) -> int:
        """As the settings say."""
        return model.frames

    @classmethod
    def task(
        cls,
        cohort: Cohort,
        model: ReaderSettings,
        training: TrainingImages,
        held_out: TrainingImages | None,
        start: StartingWeights | None,
    ) -> JudgeTask:
        """A network that predicts the attributes which training subjects have."""
        vocabulary = vocabulary_to_read(training, model, start)
        if not vocabulary.words:
            raise SettingsError(
                f"{cohort.path}: expected subjects with some of the attributes {', '.join(model.attributes)}, got none; "
                "name others with --set 'model.attributes=[NAME, NAME]'"
            )

        def build() -> ReaderTrainee:
            network = ReaderNetwork(model, vocabulary)
            if start is not None:
                fill(network, start, new=HEAD)
                fill_head(network.head, vocabulary, start)
            return ReaderTrainee(network, training, held_out)

        return JudgeTask(build, record_of(vocabulary, start))

    @classmethod
    def limits_of(cls, network: nn.Module, images: TrainingImages) -> Limits:
        """How far off predictions for real slices and subjects are."""
        from synthcmr.judges.scores import reader_limits  # it knows both judges

        return reader_limits(cls(cast(ReaderNetwork, network), "", {}), images)

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Load a weights file."""
        network = ReaderNetwork(settings_of(weights, ReaderSettings), vocabulary_of(weights))
        load_weights(network, weights)
        return cls(network.to(best_device()), file_hash(weights), read_header(weights).get("limits", {}))

    @torch.no_grad()
    def read(self, image: npt.NDArray[np.floating]) -> Reading:
        """What each image shows.

        Args:
            image: (images, frames, rows, columns), 0 to 1.
        """
        device = next(self.network.parameters()).device
        flat = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
        outputs = []
        for part in torch.split(flat, BATCH):
            with torch.autocast(device.type, torch.bfloat16):
                outputs.append(self.network.look(part.to(device)).float().cpu())
        return _reading(torch.cat(outputs), self.vocabulary)


def vocabulary_to_read(
    training: TrainingImages, model: ReaderSettings, start: StartingWeights | None = None
) -> Vocabulary:
    """The attributes of the training images that a network learns to read."""
    own = Vocabulary.of(training.attributes, model.attributes)
    return own if start is None else going_on(start.vocabulary, own)


def record_of(vocabulary: Vocabulary, start: StartingWeights | None) -> dict[str, Any]:
    """What weights say of what they predict, and of what they had not predicted before."""
    record: dict[str, Any] = {"vocabulary": vocabulary.to_json()}
    return record if start is None else record | {"new_outputs": new_outputs(start.vocabulary, vocabulary)}


def by_subject(reading: Reading, subjects: Sequence[str]) -> tuple[list[str], Reading]:
    """Average what is read over the images of each subject.

    Returns:
        Subject names, and one reading per subject in that order.
    """
    names, which = np.unique(np.asarray(subjects), return_inverse=True)
    count = np.bincount(which)

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        total = np.zeros((len(names), *values.shape[1:]), dtype=np.float64)
        np.add.at(total, which, values)
        averaged: npt.NDArray[np.float32] = (total / count.reshape(-1, *[1] * (values.ndim - 1))).astype(np.float32)
        return averaged

    numbers = {k: mean(v) for k, v in reading.numbers.items()}
    return names.tolist(), Reading(numbers, {k: mean(v) for k, v in reading.categories.items()}, reading.values)


class ReaderNetwork(nn.Module):
    """A small residual network with one output per number and one per value of a category."""

    def __init__(self, settings: ReaderSettings, vocabulary: Vocabulary) -> None:
        """Build the network for the attributes of a vocabulary."""
        from monai.networks.nets import ResNet

        super().__init__()
        self.vocabulary, self.frames = vocabulary, settings.frames
        self.network = ResNet(
            block="basic",
            layers=[1, 1, 1, 1],
            block_inplanes=list(settings.filters),
            spatial_dims=2,
            n_input_channels=settings.frames,
            conv1_t_size=5,
            conv1_t_stride=2,
            num_classes=settings.features,
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(settings.features, sum(_outputs(word) for word in vocabulary.words))
        channels_last(self)

    def look(self, image: Tensor) -> Tensor:
        """Raw outputs of a batch, 0 to 1 -> (batch, outputs)."""
        # of the whole image rather than of each frame, so that the change from ED to ES is kept
        features: Tensor = self.network(channels_last_batch(standardise(image)))
        outputs: Tensor = self.head(self.dropout(features.relu()))
        return outputs

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of standardised numbers plus cross-entropy of categories, over what is known."""
        losses = self.losses(self.look(batch["image"]).float(), batch["attributes"])
        return torch.stack(list(losses.values())).sum(), losses

    def losses(self, outputs: Tensor, wanted: Tensor) -> dict[str, Tensor]:
        """Of each attribute, from raw outputs."""
        losses: dict[str, Tensor] = {}
        start = 0
        for i, word in enumerate(self.vocabulary.words):
            out = outputs[:, start : start + _outputs(word)]
            start += _outputs(word)
            known = ~wanted[:, i].isnan()
            target = torch.nan_to_num(wanted[:, i])
            if isinstance(word, NumberWord):
                each = (out[:, 0] - target) ** 2
            else:
                each = functional.cross_entropy(out, target.long(), reduction="none")
            losses[word.name] = (each * known).sum() / known.sum().clamp(min=1)
        return losses


class ReaderTrainee:
    """The reader in training."""

    optimizer_phases: tuple[str, ...] = ("read",)

    def __init__(self, network: ReaderNetwork, training: TrainingImages, held_out: TrainingImages | None) -> None:
        """Take a network and the images."""
        self.network: nn.Module = network
        self._vocabulary = network.vocabulary
        self._images = {False: training, True: held_out or training}
        self._has_held_out = held_out is not None

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out images."""
        return len(self._images[False]), len(self._images[True]) if self._has_held_out else 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Images with their attributes; shifted, noisy and of another contrast in training."""
        images = self._images[held_out]
        image = torch.from_numpy(images.image[[d.row for d in draws]].astype(np.float32))
        if not held_out:
            generator = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
            image = varied(image, generator)
        attributes = [self._vocabulary.encode(images.attributes[d.row]) for d in draws]
        return {
            "image": image,
            "attributes": torch.from_numpy(np.stack(attributes)),
        }


def _outputs(word: NumberWord | CategoryWord) -> int:
    return 1 if isinstance(word, NumberWord) else len(word.values)


def _reading(outputs: Tensor, vocabulary: Vocabulary) -> Reading:
    numbers, categories, values = {}, {}, {}
    start = 0
    for word in vocabulary.words:
        out = outputs[:, start : start + _outputs(word)]
        start += _outputs(word)
        if isinstance(word, NumberWord):
            numbers[word.name] = (out[:, 0] * word.sd + word.mean).numpy()
        else:
            categories[word.name], values[word.name] = out.softmax(dim=1).numpy(), word.values
    return Reading(numbers, categories, values)
