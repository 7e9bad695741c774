"""What the loop needs to know of a model: two methods and a network; and what a model may show of its samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import nn

from synthcmr.cohort.labels import Mask
from synthcmr.training.batches import Batch, Draw

MOST_REAL = 512  # frames of each split that samples are compared with


class Trainee(Protocol):
    """A model in training. One that alternates two losses, such as a GAN, names two turns, each with its own parameters."""

    network: (
        nn.Module
    )  # called as network(turn, batch) -> (loss, numbers to log): so that it can be wrapped for several processes
    optimizer_phases: tuple[str, ...]

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Inputs for some rows of the training (or held-out) images; every random number comes from the draws."""
        ...

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """What the optimiser of a turn changes."""
        ...

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out images."""
        ...


@runtime_checkable
class KnowsPeople(Protocol):
    """A model that knows which of its images are of one subject: what privacy of subjects stands on."""

    def people(self) -> list[list[int]]:
        """Rows of the training images, subject by subject."""
        ...


class ShowsSamples(Protocol):
    """A model that can show what it makes while it is trained."""

    def sheet(self, network: nn.Module) -> npt.NDArray[np.float32]:
        """A picture of samples, (rows, columns), 0 to 1."""
        ...


@dataclass(frozen=True)
class Frames:
    """Single frames with their masks."""

    image: npt.NDArray[np.float32]  # (frames, rows, columns), 0 to 1
    mask: Mask

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.image)

    @classmethod
    def of(cls, image: npt.NDArray[np.floating], mask: Mask) -> Frames:
        """The frames of images (images, frames, rows, columns), one after the other."""
        size = image.shape[-2:]
        return cls(image.reshape(-1, *size).astype(np.float32), mask.reshape(-1, *size))


@dataclass(frozen=True)
class SampleLook:
    """Samples and real frames. The first real frames of a split are those whose masks and patients were asked for, in their order."""

    drawn_for_training: Frames
    drawn_for_held_out: Frames
    training: Frames
    held_out: Frames


SampleScorer = Callable[[SampleLook], dict[str, float]]


class DrawsSamples(Protocol):
    """A model that can draw samples for masks and patients of both splits while it is trained."""

    def look(self, network: nn.Module, frames: int) -> SampleLook | None:
        """About so many frames, half of them for either split; None where nothing is held out."""
        ...


def spread_rows(rows: list[int], count: int) -> list[int]:
    """So many of some rows, evenly spread."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows)) + 2).round().astype(int)[1:-1]
    return [rows[k] for k in dict.fromkeys(places.tolist())]
