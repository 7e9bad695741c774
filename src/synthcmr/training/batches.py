"""Which image comes at which place of which step, the random numbers that belong to it, and batches that are made ahead.

Everything follows from (seed, step, place) alone. So a resumed run needs no stored position, and two processes with half a batch
each see exactly what one process with the whole batch sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Batch = dict[str, Any]  # name -> tensor; everything random is in it already
TRAIN, HELD_OUT, EPOCH = 1, 2, 3  # streams of random numbers that never meet
STEPS_AHEAD, THREADS = 3, 3  # how far ahead, and how many are made at once
Make = Callable[[int, int], Callable[[], Batch]]


@dataclass(frozen=True)
class Draw:
    """One place in a batch: a row of the data and its own source of randomness."""

    row: int
    rng: np.random.Generator


class Order:
    """The order in which rows are visited: a permutation per epoch, or a weighted draw per epoch."""

    def __init__(self, rows: int, seed: int, weights: npt.NDArray[np.float64] | None = None) -> None:
        """Keep what decides the order.

        Args:
            rows: how many there are.
            seed: of the run.
            weights: relative frequency of each row; None visits each once per epoch.
        """
        self.rows, self.seed = rows, seed
        self._share = None if weights is None else weights / weights.sum()
        self._epoch = -1
        self._rows: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def row(self, position: int) -> int:
        """The row at a position counted from the start of training."""
        epoch, place = divmod(position, self.rows)
        if epoch != self._epoch:
            rng = np.random.default_rng([self.seed, EPOCH, epoch])
            if self._share is None:
                self._rows = rng.permutation(self.rows)
            else:
                self._rows = rng.choice(self.rows, self.rows, p=self._share)
            self._epoch = epoch
        return int(self._rows[place])

    def draws(self, step: int, batch: int, places: range) -> Iterator[Draw]:
        """The draws of some places of one step's batch."""
        for place in places:
            rng = np.random.default_rng([self.seed, TRAIN, step, place])
            yield Draw(self.row(step * batch + place), rng)


def held_out_draws(rows: int, count: int, seed: int) -> list[Draw]:
    """A fixed set of draws for the held-out loss, the same at every look; spread over all rows."""
    chosen = np.linspace(0, rows - 1, min(count, rows)).round().astype(int)
    return [Draw(int(row), np.random.default_rng([seed, HELD_OUT, i])) for i, row in enumerate(chosen)]


def balanced_weights(groups: list[list[str]], cap: float) -> npt.NDArray[np.float64]:
    """Weight of each row: inverse frequency of its value, capped, multiplied over attributes.

    Args:
        groups: per attribute, the value of every row.
        cap: the most by which one attribute may raise a row above its share.
    """
    weights = np.ones(len(groups[0]))
    for values in groups:
        names, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        even = len(values) / len(names)
        weights *= np.minimum(even / counts, cap)[which]
    return weights


class Ahead:
    """The parts of each step's batch, in order; every turn of a step gets the same ones.

    A batch follows from its step and part alone, so that it is the same whenever it is made.
    """

    def __init__(self, make: Make, parts: int, steps: int, card: bool) -> None:
        """Take what makes a batch.

        Args:
            make: (step, part) -> a call that makes the batch. It draws at once, in order; the call may run in any thread.
            parts: of a step.
            steps: of the run; nothing is made beyond.
            card: whether the CPU is idle while the network computes; without, each batch is made when it is needed.
        """
        self._make, self._parts, self._steps = make, parts, steps
        self._pool = ThreadPoolExecutor(THREADS) if card else None
        self._waiting: dict[tuple[int, int], Future[Batch]] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no thread behind."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def batch(self, step: int, part: int) -> Batch:
        """The batch of a part of a step; steps never go back."""
        for old in [key for key in self._waiting if key[0] < step]:
            del self._waiting[old]
        for later in range(step, min(step + STEPS_AHEAD, self._steps) if self._pool is not None else step + 1):
            for k in range(self._parts):
                if (later, k) not in self._waiting:
                    self._waiting[later, k] = self._begun(self._make(later, k))
        return self._waiting[step, part].result()

    def _begun(self, call: Callable[[], Batch]) -> Future[Batch]:
        if self._pool is not None:
            return self._pool.submit(call)
        future: Future[Batch] = Future()
        future.set_result(call())
        return future
