"""The weights that a run hands over: averaged over its steps, and those of the best look at its samples."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from synthcmr.training.run_folder import load_checkpoint, save_checkpoint
from synthcmr.training.verdict import SampleScores, sample_scores_of

BEST_LOOK = "best_look.pt"


class Ema:
    """Exponential moving average of a network's parameters. It starts fast, so that short runs profit too."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the network as it is."""
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the network after its step number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine: list[Tensor] = list(self.network.parameters())
        theirs: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(mine, theirs, 1.0 - decay)
        for own, other in zip(self.network.buffers(), network.buffers(), strict=True):
            own.copy_(other)


class BestLook:
    """Keeps weights whose samples lay nearest to held-out frames and copied nobody."""

    def __init__(self, run: Path) -> None:
        """Take up what an earlier start of the run kept.

        Args:
            run: folder of the run.
        """
        self._file = run / BEST_LOOK
        self._best: SampleScores | None = None
        if self._file.exists():
            kept = load_checkpoint(self._file)
            self._best = SampleScores.of(kept["step"], kept["scores"])

    def keep(self, network: nn.Module, step: int, scores: Mapping[str, float]) -> None:
        """Keep a network's weights, where its samples are the best so far."""
        now, best = SampleScores.of(step, scores), self._best
        if best is not None and not _ranks_before(now, best):
            return
        save_checkpoint(self._file, {"step": step, "scores": dict(scores), "network": network.state_dict()})
        self._best = now

    def forget_after(self, step: int) -> None:
        """A run that goes on from an earlier step takes the looks after it again."""
        if self._best is not None and self._best.step > step:
            self._file.unlink()
            self._best = None

    def restore(self, network: nn.Module, metrics: Sequence[Mapping[str, Any]]) -> int | None:
        """Put the best weights into a network, where they beat those of the last look.

        Returns:
            The step that they are of; None where the last ones stay.
        """
        sample_scores = sample_scores_of(metrics)
        if self._best is None or not sample_scores or not self._best.beats(sample_scores[-1]):
            return None
        network.load_state_dict(load_checkpoint(self._file)["network"])
        return self._best.step


def _ranks_before(one: SampleScores, other: SampleScores) -> bool:
    return (one.copies, one.distance) < (other.copies, other.distance)
