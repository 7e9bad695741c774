"""Batches made on the CPU while the card computes: for networks as small as these, waiting for the next batch is most of a step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from synthcmr.training.training_task import Batch

STEPS, THREADS = 3, 3  # how far ahead, and how many are made at once
Make = Callable[[int, int], Callable[[], Batch]]


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
        for later in range(step, min(step + STEPS, self._steps) if self._pool is not None else step + 1):
            for k in range(self._parts):
                if (later, k) not in self._waiting:
                    self._waiting[later, k] = self._begun(self._make(later, k))
        return self._waiting[step, part].result()

    def _begun(self, call: Callable[[], Batch]) -> Future[Batch]:
        if self._pool is not None:
            return self._pool.submit(call)
        made: Future[Batch] = Future()
        made.set_result(call())
        return made
