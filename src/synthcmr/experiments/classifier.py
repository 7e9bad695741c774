"""The classifier of an experiment, and how one is trained: by the loop that trains everything here."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.experiments.images import FRAMES, Examples
from synthcmr.experiments.settings import ClassifierSettings
from synthcmr.judges.augment import standardise, varied
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import channels_last, channels_last_batch
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings

Floats = npt.NDArray[np.float64]
BATCH = 64


@dataclass(frozen=True)
class Objective:
    """What a classifier is asked to minimise."""

    loss: Literal["entropy", "focal", "dro"] = "entropy"
    gamma: float = 2.0  # focal
    rate: float = 0.1  # of group-DRO


@dataclass(frozen=True)
class ClassifierTrainingSet:
    """What one classifier learns from: images, labels of their people, and how often each is shown."""

    examples: Examples
    label: npt.NDArray[np.int64]  # of each person
    cell: npt.NDArray[np.int64]  # of each person, numbered from 0
    shown: Floats  # of each person: relative frequency in batches
    weight: Floats  # of each person: in the loss
    augment: bool = False

    @property
    def frequency(self) -> Floats:
        """Of each image: a person's, shared by the person's images."""
        count = np.bincount(self.examples.person, minlength=len(self.label))
        share: Floats = self.shown[self.examples.person] / count[self.examples.person]
        return share


class Classifier(nn.Module):
    """Looks at ED and ES of a slice and says how likely the patient is sick."""

    q: Tensor

    def __init__(self, settings: ClassifierSettings, objective: Objective, cells: int) -> None:
        """Build the network; `cells` are the groups that group-DRO tells apart."""
        from monai.networks.nets import ResNet, resnet18

        super().__init__()
        self.objective = objective
        if settings.network == "resnet18":
            self.network = resnet18(spatial_dims=2, n_input_channels=FRAMES, num_classes=1, feed_forward=True)
        else:
            self.network = ResNet(
                block="basic",
                layers=[1, 1, 1, 1],
                block_inplanes=list(settings.filters),
                spatial_dims=2,
                n_input_channels=FRAMES,
                conv1_t_size=5,
                conv1_t_stride=2,
                num_classes=1,
            )
        self.network.fc = nn.Sequential(nn.Dropout(settings.dropout), self.network.fc)
        self.register_buffer("q", torch.ones(cells) / cells)  # group-DRO's weights
        channels_last(self)

    def look(self, image: Tensor) -> Tensor:
        """Log-odds of being sick, one per image."""
        result: Tensor = self.network(channels_last_batch(standardise(image)))[:, 0]
        return result

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch."""
        odds = self.look(batch["image"]).float()
        label = batch["label"].float()
        each = functional.binary_cross_entropy_with_logits(odds, label, reduction="none")
        if self.objective.loss == "focal":
            each = (1 - torch.exp(-each)) ** self.objective.gamma * each
        if self.objective.loss == "dro":
            return self._worst(each, batch["cell"]), {}
        return (each * batch["weight"]).sum() / batch["weight"].sum(), {}

    def _worst(self, each: Tensor, cell: Tensor) -> Tensor:
        """Group-DRO (Sagawa et al. 2020): groups count the more, the worse they are."""
        count = torch.bincount(cell, minlength=len(self.q)).float()
        mean = torch.zeros_like(count).index_add(0, cell, each) / count.clamp(min=1)
        if self.training:
            with torch.no_grad():
                self.q *= torch.exp(self.objective.rate * mean.detach() * (count > 0))
                self.q /= self.q.sum()
        return (self.q * mean).sum()


class ClassifierTask:
    """The classifier in training."""

    optimizer_phases: tuple[str, ...] = ("classify",)

    def __init__(self, network: Classifier, lesson: ClassifierTrainingSet) -> None:
        """Take a network and what it learns from."""
        self.network: nn.Module = network
        self._lesson = lesson

    def sizes(self) -> tuple[int, int]:
        """Number of images; the validation split is scored from outside."""
        return len(self._lesson.examples), 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Images with label, weight and cell of their people."""
        rows = [d.row for d in draws]
        lesson = self._lesson
        image = torch.from_numpy(lesson.examples.image[rows].astype(np.float32))
        if lesson.augment:
            image = varied(image, torch.Generator().manual_seed(int(draws[0].rng.integers(2**31))))
        person = lesson.examples.person[rows]
        return {
            "image": image,
            "label": torch.from_numpy(lesson.label[person]),
            "cell": torch.from_numpy(lesson.cell[person]),
            "weight": torch.from_numpy(lesson.weight[person].astype(np.float32)),
        }


@dataclass
class TrainedClassifier:
    """The best network seen, and how it went on the validation split."""

    network: Classifier
    loss: float = float("inf")
    step: int = 0
    history: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True)
class ValidationSet:
    """The people that tell when to stop, and by what: each cell of each attribute counts the same."""

    examples: Examples
    label: npt.NDArray[np.int64]
    groups: tuple[npt.NDArray[np.int64], ...]  # per sensitive attribute, the group of each person

    def loss(self, probability: Floats) -> float:
        """Mean of the log-loss over label x group, then over attributes: the rare count as much as the frequent."""
        p = np.where(self.label == 1, probability, 1 - probability).clip(1e-6, 1)
        each = -np.log(p)
        results = []
        for group in self.groups or (np.zeros_like(self.label),):
            cell = group * 2 + self.label
            results.append(np.mean([each[cell == c].mean() for c in np.unique(cell)]))
        return float(np.mean(results))


def train(
    network: Classifier,
    lesson: ClassifierTrainingSet,
    watch: ValidationSet | None,
    loop: LoopSettings,
    look_every: int,
    folder: Path,
) -> TrainedClassifier:
    """Train a classifier and keep what was best on the validation split; without one, what came last."""
    shutil.rmtree(folder, ignore_errors=True)  # what a stopped training left: one takes a minute
    folder.mkdir(parents=True)
    going = Loop(ClassifierTask(network, lesson), loop, RunFolder(folder), weights=lesson.frequency)
    best = TrainedClassifier(network)
    stops = range(look_every, loop.steps, look_every) if watch is not None else ()
    for stop in (*stops, loop.steps):
        averaged = cast(Classifier, going.fit(until=stop))
        loss = float("inf") if watch is None else watch.loss(probabilities(averaged, watch.examples, len(watch.label)))
        best.history.append((stop, loss))
        if loss < best.loss or watch is None:
            best.network, best.loss, best.step = copy.deepcopy(averaged), loss, stop
    shutil.rmtree(folder)
    return best


@torch.no_grad()
def probabilities(network: Classifier, examples: Examples, people: int) -> Floats:
    """How likely each person is sick: the mean over the person's images."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    for k in range(0, len(examples), BATCH):
        image = torch.from_numpy(examples.image[k : k + BATCH].astype(np.float32)).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            parts.append(network.look(image).float().sigmoid().cpu().numpy())
    each = np.concatenate(parts).astype(np.float64)
    count = np.bincount(examples.person, minlength=people)
    total = np.bincount(examples.person, weights=each, minlength=people)
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean
