"""Training images that lie on the card: batches are cut, noised and told of there, and no step waits for the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.conditioning.condition import P_EMPTY, P_SOME, P_WITHOUT_METADATA, SCANNER, VIEW, as_tensor, one_hot
from synthcmr.conditioning.text_encoders import TokenEncoder
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.trainee import ConditionalTrainee
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import best_device
from synthcmr.training.images import TrainingImages

MOST_NEIGHBOURS = 2


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
    """A family's network on images that lie where it computes. Held-out ones, which are seldom looked at, stay where they are."""

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
