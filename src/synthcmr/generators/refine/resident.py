"""Frames that lie on the card: windows, quarter turns and contrast are made there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synthcmr.conditioning.condition import LOOK
from synthcmr.generators.conditional.resident import ResidentTrainee, drop_words
from synthcmr.generators.refine.settings import RefineSettings
from synthcmr.generators.refine.trainee import RefineTrainee
from synthcmr.training.batches import Batch, Draw


class ResidentRefineTrainee(ResidentTrainee, RefineTrainee):
    """The refining network on frames that lie where it computes; masks of a batch stay labels."""

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Frames, what is known of them, noise and times."""
        if held_out:
            return RefineTrainee.batch(self, draws, held_out)
        here, settings = self._resident, self._own.settings
        rows, source = self._rows(draws), self._source(draws)
        beside, shown = here.beside(rows, settings.neighbour_rate, source)
        size = (int(here.image.shape[2]), int(here.image.shape[3]))
        window = Windows.draw(len(rows), size, settings, source)
        gamma = torch.exp(settings.contrast * torch.randn(len(rows), 1, 1, 1, generator=source, device=rows.device))
        image = window.of(here.image[rows]).float().clamp(0, 1) ** gamma * 2 - 1
        neighbour = window.of(here.image[beside]).float().clamp(0, 1) ** gamma * 2 - 1
        return {
            "image": image,
            "mask": window.of(here.mask[rows]),
            "neighbour": neighbour + self._grain(image, settings.neighbour_noise, source),
            "neighbour_mask": window.of(here.mask[beside]),
            "shown": shown.float(),
            "text": drop_words(here.text[rows], self._own.text.vocabulary, source, kept=(LOOK,)),
            "time": self._times(draws),
            "noise": torch.randn(image.shape, generator=source, device=rows.device),
        }


@dataclass(frozen=True)
class Windows:
    """Which pixel of each image stands at every place of its window, turned by quarters."""

    row: Tensor  # (images, rows, columns)
    column: Tensor

    @classmethod
    def draw(cls, count: int, size: tuple[int, int], settings: RefineSettings, source: torch.Generator) -> Windows:
        """Random windows of images of one size."""
        device = source.device
        tall, wide = (min(n, settings.crop or n) for n in size)
        draw = torch.rand(4, count, generator=source, device=device)
        top, left = ((draw[k] * (n - side + 1)).long() for k, n, side in ((0, size[0], tall), (1, size[1], wide)))
        turned = (draw[2] < settings.turned) if tall == wide else torch.zeros(count, dtype=torch.bool, device=device)
        quarters = torch.where(turned, (draw[3] * 4).long(), 0)
        return cls.at(top, left, quarters, tall, wide)

    @classmethod
    def at(cls, top: Tensor, left: Tensor, quarters: Tensor, tall: int, wide: int) -> Windows:
        """Windows at given places; quarter turns are of square ones."""
        i, j = torch.meshgrid(
            torch.arange(tall, device=top.device), torch.arange(wide, device=top.device), indexing="ij"
        )
        if tall == wide:
            last = tall - 1
            rows = torch.stack([i, j, last - i, last - j])[quarters]
            columns = torch.stack([j, last - i, last - j, i])[quarters]
        else:
            rows, columns = i.expand(len(top), -1, -1), j.expand(len(top), -1, -1)
        return cls(rows + top[:, None, None], columns + left[:, None, None])

    def of(self, images: Tensor) -> Tensor:
        """The windows of images (images, 1, rows, columns)."""
        each = torch.arange(len(images), device=images.device)[:, None, None]
        return images[:, 0][each, self.row, self.column][:, None]
