r"""A claimed epsilon, audited in one run (Steinke, Nasr, Jagielski 2023): guesses about canaries bound it from below.

The real loop, with the promise that is audited, trains a tiny network on subjects made to be noticed. Each of m canaries was included with
chance one half. An auditor guesses r of them, and v guesses are right. Under (epsilon, delta)-DP, v exceeds a binomial with chance
q = e^epsilon / (1 + e^epsilon) hardly more often than delta allows (their theorem 5.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.config import Settings
from synthcmr.training.batches import Draw
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder
from synthcmr.training.settings import LoopSettings, PrivacySettings

CONFIDENCE = 0.95
MOST = 50.0  # no bound above is reported
STEPS = 40  # of the bisection
LOUD = 100.0  # what a canary asks for: its gradient is longer than any clipping norm
FEATURES = 8  # of the ordinary subjects


class PrivacyClaim(Settings):
    """What a private run says that it did."""

    epsilon: float
    delta: float
    sample_rate: float  # chance of a subject to take part in a step
    releases: int  # noisy sums


class EpsilonAudit(Settings):
    """A claimed epsilon beside what canaries prove."""

    claimed: float
    delta: float
    bound: float  # epsilon is at least this, with a confidence of 95 %
    canaries: int
    guesses: int
    right: int
    could_show: float  # the bound, had every guess been right: no larger epsilon can be shown by so many canaries

    @property
    def exposed(self) -> bool:
        """Whether the claim is false."""
        return self.bound > self.claimed

    @property
    def sentence(self) -> str:
        """The result in a sentence."""
        if self.exposed:
            return (
                f"epsilon is at least {self.bound:.2f}, the run claims {self.claimed:g}: it does not keep its promise"
            )
        if self.could_show <= self.claimed:
            return f"{self.canaries} canaries can show at most {self.could_show:.2f}, too few to test a claim of {self.claimed:g}"
        return f"canaries prove no more than epsilon = {self.bound:.2f}, within the claim of {self.claimed:g}"


class CanaryRegression(nn.Module):
    """A linear regression; every canary has a weight that no one else moves."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Half the mean squared error."""
        return (batch["x"] @ self.weight - batch["y"]).square().mean() / 2, {}


class CanarySubjects:
    """Ordinary subjects and those canaries whose coin said so, as the loop trains on them."""

    optimizer_phases: tuple[str, ...] = ("line",)

    def __init__(self, included: npt.NDArray[np.bool_], ordinary: int, seed: int) -> None:
        """Make everyone."""
        rng = np.random.default_rng([seed, 12])
        x = np.zeros((ordinary + int(included.sum()), FEATURES + len(included)), dtype=np.float32)
        x[:ordinary, :FEATURES] = rng.normal(size=(ordinary, FEATURES))
        x[np.arange(ordinary, len(x)), FEATURES + np.flatnonzero(included)] = 1
        y = np.full(len(x), LOUD, dtype=np.float32)
        y[:ordinary] = x[:ordinary, :FEATURES] @ rng.normal(size=FEATURES)
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self.network: nn.Module = CanaryRegression(x.shape[1])

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


def audit_claim(
    claim: PrivacyClaim, folder: Path, canaries: int = 200, ordinary: int = 100, seed: int = 0
) -> EpsilonAudit:
    """Train under a claim and let the canaries speak: what they prove of the code that keeps such promises.

    Args:
        claim: epsilon, delta, sampling rate and releases of the run whose promise is audited.
        folder: for the run; new or empty.
        canaries: of which each is included with chance one half.
        ordinary: subjects beside them.
        seed: of coins and subjects; the noise of the run is its own secret.
    """
    included = np.random.default_rng([seed, 13]).random(canaries) < 0.5
    trainee = CanarySubjects(included, ordinary, seed)
    per_step = claim.sample_rate * len(trainee.people())
    number = len(trainee.people())  # public: there are no patients
    promise = PrivacySettings(
        epsilon=claim.epsilon, delta=claim.delta, subjects=per_step, slices=1, subjects_in_cohort=number
    )
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
        dp=promise,
    )
    run = RunFolder(folder)
    run.start({"family": "canaries", "loop": settings.model_dump(mode="json")}, [])
    learned = Loop(trainee, settings, run, cpu=True).fit()
    weight = next(learned.parameters()).detach().numpy()[FEATURES:]
    return audit_scores(weight, included, claim.epsilon, claim.delta)


def audit_scores(
    scores: npt.NDArray[np.floating], included: npt.NDArray[np.bool_], claimed: float, delta: float, share: float = 0.5
) -> EpsilonAudit:
    """Guess that the highest scores were included and the lowest were not.

    Args:
        scores: of every canary, higher where the run looks as if it had been included.
        included: what was decided by fair coins.
        claimed: epsilon.
        delta: of the claim.
        share: of the canaries that are guessed, fixed before anything is seen.
    """
    each = max(1, int(len(scores) * share / 2))
    order = np.argsort(scores, kind="stable")
    right = int(included[order[-each:]].sum() + (~included[order[:each]]).sum())
    m, r = len(scores), 2 * each
    return EpsilonAudit(
        claimed=claimed,
        delta=delta,
        bound=lower_bound(m, r, right, delta),
        canaries=m,
        guesses=r,
        right=right,
        could_show=lower_bound(m, r, r, delta),
    )


def lower_bound(m: int, r: int, v: int, delta: float) -> float:
    """The largest epsilon that v right guesses of r, about m canaries, rule out."""
    if p_value(m, r, v, 0.0, delta) > 1 - CONFIDENCE:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(m, r, v, middle, delta) <= 1 - CONFIDENCE else (low, middle)
    return low


def p_value(m: int, r: int, v: int, epsilon: float, delta: float) -> float:
    """Most chance of v or more right guesses, if the run is (epsilon, delta)-DP."""
    from scipy.stats import binom

    q = 1 / (1 + np.exp(-epsilon))
    i = np.arange(1, v + 1)
    alpha = float((np.cumsum(binom.pmf(v - i, r, q)) / i).max(initial=0.0))
    return min(1.0, float(binom.sf(v - 1, r, q)) + 2 * m * delta * alpha)
