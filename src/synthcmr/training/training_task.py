"""What the loop needs to know of a model: two methods and a network."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from synthcmr.training.sample_order import Draw

Batch = dict[str, Any]  # name -> tensor; everything random is in it already


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


Loss = tuple[Tensor, dict[str, Tensor]]
