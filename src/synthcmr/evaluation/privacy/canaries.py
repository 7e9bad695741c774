"""Canaries in a private run: the real loop, with the promise that is audited, trains a tiny network on subjects made to be noticed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.audit_bound import Audit, audit
from synthcmr.training.draws import Draw
from synthcmr.training.loop import Loop
from synthcmr.training.privacy import PrivacySettings
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings

LOUD = 100.0  # what a canary asks for: its gradient is longer than any clipping norm
FEATURES = 8  # of the ordinary subjects


class Claim(Settings):
    """What a private run says that it did."""

    epsilon: float
    delta: float
    sample_rate: float  # chance of a subject to take part in a step
    releases: int  # noisy sums


class Line(nn.Module):
    """A linear regression; every canary has a weight that no one else moves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Half the mean squared error."""
        return (batch["x"] @ self.weight - batch["y"]).square().mean() / 2, {}


class Canaries:
    """Ordinary subjects and those canaries whose coin said so, as the loop trains on them."""

    turns: tuple[str, ...] = ("line",)

    def __init__(self, included: npt.NDArray[np.bool_], ordinary: int, seed: int) -> None:
        """Make everyone."""
        rng = np.random.default_rng([seed, 12])
        x = np.zeros((ordinary + int(included.sum()), FEATURES + len(included)), dtype=np.float32)
        x[:ordinary, :FEATURES] = rng.normal(size=(ordinary, FEATURES))
        x[np.arange(ordinary, len(x)), FEATURES + np.flatnonzero(included)] = 1
        y = np.full(len(x), LOUD, dtype=np.float32)
        y[:ordinary] = x[:ordinary, :FEATURES] @ rng.normal(size=FEATURES)
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self.network: nn.Module = Line(x.shape[1])

    def sizes(self) -> tuple[int, int]:
        """Subjects, and none held out."""
        return len(self._x), 0

    def people(self) -> list[list[int]]:
        """Everyone has one record."""
        return [[k] for k in range(len(self._x))]

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """All weights."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> dict[str, Tensor]:
        """The records of some subjects."""
        rows = [draw.row for draw in draws]
        return {"x": self._x[rows], "y": self._y[rows]}


def audit_claim(claim: Claim, folder: Path, canaries: int = 200, ordinary: int = 100, seed: int = 0) -> Audit:
    """Train under a claim and let the canaries speak: what they prove of the code that keeps such promises.

    Args:
        claim: epsilon, delta, sampling rate and releases of the run whose promise is audited.
        folder: for the run; new or empty.
        canaries: of which each is included with chance one half.
        ordinary: subjects beside them.
        seed: of coins and subjects; the noise of the run is its own secret.
    """
    included = np.random.default_rng([seed, 13]).random(canaries) < 0.5
    trainee = Canaries(included, ordinary, seed)
    people = len(trainee.people())
    promised = PrivacySettings(epsilon=claim.epsilon, delta=claim.delta, subjects=claim.sample_rate * people, slices=1)
    settings = LoopSettings(
        steps=claim.releases,
        batch=1,
        learning_rate=0.01,
        warmup=0,
        weight_decay=0.0,
        ema=0.0,
        precision="fp32",
        checkpoint_every=claim.releases,
        held_out_every=claim.releases,
        sheet_every=claim.releases,
        seed=seed,
        dp=promised,
    )
    run = RunFolder(folder)
    run.start({"family": "canaries", "loop": settings.model_dump(mode="json")}, [])
    learned = Loop(trainee, settings, run, cpu=True).go()
    weight = next(learned.parameters()).detach().numpy()[FEATURES:]
    return audit(weight, included, claim.epsilon, claim.delta)
