"""The randomness of a private run: who takes part in a step, and the noise, from a key that is thrown away at the end.

Whoever could tell the noise could take it off, so it comes from a cryptographic stream (SHAKE-256 of the key) and not from a generator
of simulations: torch's takes 32 bits of its seed, so that all of its noises could be tried.

Floating-point attacks (Mironov 2012) tell values apart by their last bits, which rounding leaves in a pattern of its own. Noise is
therefore drawn and added in double precision, and the sum is rounded to a grid far coarser than that pattern and far finer than the
noise. Rounding what has been released already costs no privacy.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

KEY_BITS = 256
GRID_BITS = 24  # how much finer than the noise's spread the grid is
TAKING_PART, NOISE, IMAGES = range(3)  # what one release needs random numbers for
COUNT, COUNTS = "count", "counts"  # and the number of subjects, once, or that of each group


class Secret:
    """The key of a run and what follows from it.

    All of it follows from the key and the step: so a resumed run takes the very same steps again, and releases nothing twice with
    different noise. The key is kept in the checkpoint while the run goes on, and thrown away at its end.
    """

    def __init__(self, key: int | None = None) -> None:
        """Take the key of a run, or make one."""
        self.key = secrets.randbits(KEY_BITS) if key is None else key

    def taking_part(self, step: int, turn: int, people: int, q: float) -> list[int]:
        """Poisson sampling: each subject by itself."""
        return np.flatnonzero(_uniform(self._bytes(8 * people, step, turn, TAKING_PART)) < q).tolist()

    def image_source(self, step: int, turn: int, person: int) -> np.random.Generator:
        """A source of random numbers for which images of a subject take part, and how they are varied."""
        seed = int.from_bytes(self._bytes(16, step, turn, IMAGES, person), "big")
        return np.random.default_rng(seed)

    def add_noise(self, total: Sequence[Tensor], spread: float, step: int, turn: int) -> None:
        """Gaussian noise on a sum of gradients, in place, and the same on every process.

        Args:
            total: the sum, parameter by parameter.
            spread: standard deviation of the noise.
            step: of the run.
            turn: which optimizer of that step.
        """
        import torch

        ends = np.cumsum([value.numel() for value in total])
        count = int(ends[-1]) + int(ends[-1]) % 2  # they come in pairs
        noise = np.split(_gaussian(self._bytes(8 * count, step, turn, NOISE)), ends)
        step_size = grid_of(spread)
        for value, part in zip(total, noise, strict=False):
            noisy = value.double().cpu() + spread * torch.from_numpy(part).view(value.shape)
            value.copy_((noisy / step_size).round() * step_size)

    def noisy_count(self, number: int, scale: float) -> int:
        """A number of subjects with Laplace noise, the same at every call; whole numbers have no last bits that could tell.

        Args:
            number: of subjects.
            scale: of the noise; one subject more or less costs an epsilon of 1 / scale.
        """
        return _counts([number], self._bytes(8, COUNT), scale)[0]

    def noisy_counts(self, numbers: Sequence[int], scale: float) -> list[int]:
        """Numbers of subjects in groups, at least one in each, the same at every call.

        Args:
            numbers: of subjects; nobody is in two groups.
            scale: of the noise; one subject more or less costs an epsilon of 1 / scale.
        """
        return _counts(numbers, self._bytes(8 * len(numbers), COUNTS), scale)

    def _bytes(self, number: int, *purpose: int | str) -> bytes:
        """The start of the stream of one purpose. No two purposes share one: numbers are written with separators."""
        name = f"synthcmr private run:{self.key:x}:{':'.join(map(str, purpose))}"
        return hashlib.shake_256(name.encode()).digest(number)


def grid_of(spread: float) -> float:
    """What noisy sums are multiples of: a power of two, so that single precision keeps them on it."""
    return float(2.0 ** (math.floor(math.log2(spread)) - GRID_BITS))


def _uniform(stream: bytes) -> npt.NDArray[np.float64]:
    """Between 0 and 1, without either end, with 53 bits each."""
    bits = np.frombuffer(stream, np.uint64) >> np.uint64(11)
    return np.asarray((bits + 0.5) * 2.0**-53, np.float64)


def _counts(numbers: Sequence[int], stream: bytes, scale: float) -> list[int]:
    """With Laplace noise, rounded; none is less than one."""
    u = _uniform(stream) - 0.5
    noise = -scale * np.copysign(np.log1p(-2 * np.abs(u)), u)
    return [max(1, number + round(float(own))) for number, own in zip(numbers, noise, strict=True)]


def _gaussian(stream: bytes) -> npt.NDArray[np.float64]:
    """Of mean 0 and spread 1, by Box and Muller."""
    radius, angle = _uniform(stream).reshape(2, -1)
    radius, angle = np.sqrt(-2 * np.log(radius)), 2 * np.pi * angle
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
