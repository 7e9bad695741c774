"""A network of any family in training: how rows of a cohort become batches, on the CPU or on the card, and what its sheets show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.conditioning.condition import (
    P_EMPTY,
    P_SOME,
    P_WITHOUT_METADATA,
    SCANNER,
    VIEW,
    Condition,
    as_tensor,
    drop_some,
    one_hot,
)
from synthcmr.conditioning.text_encoders import TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.render import render
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import best_device
from synthcmr.training.images import TrainingImages
from synthcmr.training.training_task import MOST_REAL, Frames, SampleLook, spread_rows

SHEET_IMAGES = 8
SHEET_STEPS = 12
LOOK_STEPS = 8  # of the samples that are scored: a few, as there are many of them
MOST_NEIGHBOURS = 2


class ConditionalTrainee:
    """A network on the images of a cohort."""

    def __init__(self, network: ConditionalNetwork, training: TrainingImages, held_out: TrainingImages | None) -> None:
        """Take a network and the images."""
        self.network: nn.Module = network
        self.optimizer_phases = network.optimizer_phases
        self._own = network
        self._images = {False: training, True: held_out}

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out images."""
        held_out = self._images[True]
        return len(self._training), 0 if held_out is None else len(held_out)

    def people(self) -> list[list[int]]:
        """Rows of the training images of each subject: the records of differential privacy."""
        rows_of: dict[str, list[int]] = {}
        for row, subject in enumerate(self._training.subject):
            rows_of.setdefault(subject, []).append(row)
        return list(rows_of.values())

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """What is changed in a turn."""
        return self._own.parameters_of(turn)

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Images, conditions, noise and times."""
        images = self._images[held_out] or self._training
        settings = self._own.settings
        rows = [draw.row for draw in draws]
        beside = [neighbour_of(images, draw, settings.neighbour_rate) for draw in draws]
        shown = [i if i is not None else row for i, row in zip(beside, rows, strict=True)]
        noisy = [
            _noise_like(images.image[i], draw, settings.neighbour_noise) for i, draw in zip(shown, draws, strict=True)
        ]
        text = [drop_some(images.attributes[draw.row], draw.rng) for draw in draws]
        shape = images.image.shape[1:]
        return {
            "image": scaled(images.image[rows]),
            "mask": one_hot(as_tensor(images.mask[rows])),
            "neighbour": scaled(images.image[shown]) + torch.from_numpy(np.stack(noisy)),
            "neighbour_mask": one_hot(as_tensor(images.mask[shown])),
            "shown": torch.tensor([float(i is not None) for i in beside]),
            "text": self._own.text.prepare(text),
            "time": torch.tensor([self._own.time(draw.rng) for draw in draws]),
            "noise": torch.from_numpy(np.stack([draw.rng.standard_normal(shape, dtype=np.float32) for draw in draws])),
        }

    def sheet(self, network: nn.Module) -> npt.NDArray[np.float32]:
        """Held-out anatomies: real image above, sample below, first and last frame side by side."""
        images = self._images[True] or self._training
        rows = np.linspace(0, len(images) - 1, SHEET_IMAGES + 2).round().astype(int)[1:-1]
        conditions = [Condition(images.mask[i], images.attributes[i]) for i in rows]
        samples = render(self._bare(network), conditions, list(range(len(rows))), SamplerSettings(steps=SHEET_STEPS))
        real = images.image[rows].astype(np.float32)
        columns = [np.vstack([real[k, f], samples[k, f]]) for k in range(len(rows)) for f in {0, real.shape[1] - 1}]
        return np.hstack(columns)

    def look(self, network: nn.Module, frames: int) -> SampleLook | None:
        """Samples for masks and patients of both splits, beside real frames; without guidance, which costs as much again."""
        if self._images[True] is None:
            return None
        count = max(1, frames // (2 * self._training.image.shape[1]))
        settings = SamplerSettings(steps=LOOK_STEPS, guidance=1.0)
        drawn, real = [], []
        for held_out in (False, True):
            images, known = self._images[held_out] or self._training, self.scored_rows(held_out)
            chosen = spread_rows(known, count)
            conditions = [Condition(images.mask[i], images.attributes[i]) for i in chosen]
            samples = render(self._bare(network), conditions, list(range(len(chosen))), settings)
            drawn.append(Frames.of(samples, images.mask[chosen]))
            others = [i for i in spread_rows(known, MOST_REAL // images.image.shape[1]) if i not in set(chosen)]
            real.append(Frames.of(images.image[chosen + others], images.mask[chosen + others]))
        return SampleLook(*drawn, *real)

    def scored_rows(self, held_out: bool) -> list[int]:
        """Rows of a split that samples are drawn for and compared with."""
        return list(range(len(self._images[held_out] or self._training)))

    def _bare(self, network: nn.Module) -> ConditionalNetwork:
        return network if isinstance(network, ConditionalNetwork) else self._own

    @property
    def _training(self) -> TrainingImages:
        images = self._images[False]
        if images is None:
            raise ValueError("no training images")
        return images


def scaled(image: npt.NDArray[np.floating]) -> Tensor:
    """Intensities 0 to 1 -> -1 to 1."""
    return torch.from_numpy(image.astype(np.float32)).clamp(0, 1) * 2 - 1


def neighbour_of(images: TrainingImages, draw: Draw, rate: float) -> int | None:
    """The row of an adjacent slice, where one is to be shown."""
    beside = images.neighbours[draw.row]
    if not beside or draw.rng.random() >= rate:
        return None
    return beside[int(draw.rng.integers(len(beside)))]


def _noise_like(image: npt.NDArray[np.floating], draw: Draw, most: float) -> npt.NDArray[np.float32]:
    level = np.float32(draw.rng.random() * most)
    return level * draw.rng.standard_normal(image.shape, dtype=np.float32)


@dataclass(frozen=True)
class ResidentImages:
    """One split on a device."""

    image: Tensor  # half precision, (images, frames, rows, columns), 0 to 1
    mask: Tensor  # labels as bytes, same shape
    text: Tensor  # (images, words), NaN where nothing is said
    neighbours: Tensor  # rows of adjacent slices, (images, 2)
    neighbour_count: Tensor

    @classmethod
    def of(cls, images: TrainingImages, text: nn.Module, device: torch.device) -> Self:
        """Move a split.

        Raises:
            SettingsError: the texts of the network are no numbers.
        """
        if not isinstance(text, TokenEncoder):
            raise SettingsError("images on the card: expected text_encoder tokens, got one whose texts are words")
        beside = torch.zeros(len(images), MOST_NEIGHBOURS, dtype=torch.long)
        for row, others in enumerate(images.neighbours):
            beside[row, : len(others)] = torch.tensor(others, dtype=torch.long)
        parts = (
            torch.from_numpy(np.ascontiguousarray(images.image, dtype=np.float16)),
            as_tensor(images.mask),
            text.prepare(images.attributes),
            beside,
            torch.tensor([len(others) for others in images.neighbours]),
        )
        return cls(*(part.to(device) for part in parts))

    def beside(self, rows: Tensor, rate: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
        """A row of an adjacent slice for each row, itself where none is shown; and which are shown."""
        draw = torch.rand(2, len(rows), generator=source, device=rows.device)
        count = self.neighbour_count[rows]
        shown = (draw[0] < rate) & (count > 0)
        place = (draw[1] * count).long().clamp(max=MOST_NEIGHBOURS - 1)
        return torch.where(shown, self.neighbours[rows, place], rows), shown


class ResidentTrainee(ConditionalTrainee):
    """A family's network on images that lie where it computes. Held-out ones, which are seldom used, stay where they are."""

    def __init__(self, network: ConditionalNetwork, training: TrainingImages, held_out: TrainingImages | None) -> None:
        """Move the training images, and have the larger part of the network compiled where there is a card."""
        super().__init__(network, training, held_out)
        self._device = best_device()
        self._resident = ResidentImages.of(training, network.text, self._device)
        if self._device.type == "cuda":
            compile_largest(network)

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Images, conditions, noise and times, all made on the device."""
        if held_out:
            return super().batch(draws, held_out)
        here, settings = self._resident, self._own.settings
        rows, source = self._rows(draws), self._source(draws)
        image = here.image[rows].float() * 2 - 1
        beside, shown = here.beside(rows, settings.neighbour_rate, source)
        mask = one_hot(here.mask[rows])
        return {
            "image": image,
            "mask": mask,
            "neighbour": here.image[beside].float() * 2 - 1 + self._grain(image, settings.neighbour_noise, source),
            "neighbour_mask": one_hot(here.mask[beside]),
            "shown": shown.float(),
            "text": drop_words(here.text[rows], self._own.text.vocabulary, source),
            "time": self._times(draws),
            "noise": torch.randn(image.shape, generator=source, device=self._device),
        }

    def _rows(self, draws: Sequence[Draw]) -> Tensor:
        return torch.tensor([draw.row for draw in draws], device=self._device)

    def _source(self, draws: Sequence[Draw]) -> torch.Generator:
        """Random numbers of a batch; they follow from its first place, so that a batch is the same whenever it is made."""
        return torch.Generator(self._device).manual_seed(int(draws[0].rng.integers(2**62)))

    def _times(self, draws: Sequence[Draw]) -> Tensor:
        return torch.tensor([self._own.time(draw.rng) for draw in draws], device=self._device)

    def _grain(self, like: Tensor, most: float, source: torch.Generator) -> Tensor:
        """Noise of a level of its own for each image."""
        level = most * torch.rand(len(like), 1, 1, 1, generator=source, device=self._device)
        return level * torch.randn(like.shape, generator=source, device=self._device)


def drop_words(text: Tensor, vocabulary: Vocabulary, source: torch.Generator, kept: Sequence[str] = ()) -> Tensor:
    """A random part of prepared attributes, as `drop_some` leaves them out one image at a time.

    Args:
        text: (images, words).
        vocabulary: of the words.
        source: of random numbers.
        kept: names that are always said.
    """
    draw = torch.rand(2, len(text), 1, generator=source, device=text.device)
    case, rate = draw[0], draw[1]
    each = torch.rand(text.shape, generator=source, device=text.device)
    patient = torch.tensor([name not in VIEW + SCANNER for name in vocabulary.names], device=text.device)
    always = torch.tensor([name in kept for name in vocabulary.names], device=text.device)
    some = P_EMPTY + P_WITHOUT_METADATA
    left_out = (case < P_EMPTY) | ((case < some) & patient) | ((case >= some) & (case < some + P_SOME) & (each < rate))
    return text.masked_fill(left_out & ~always, torch.nan)


def compile_largest(network: nn.Module) -> None:
    """Compile the part of a network that holds most of its weights; what cannot be compiled is run as it is."""
    import torch._dynamo

    torch._dynamo.config.suppress_errors = True
    largest = max(network.children(), key=lambda part: sum(p.numel() for p in part.parameters()))
    largest.compile()
