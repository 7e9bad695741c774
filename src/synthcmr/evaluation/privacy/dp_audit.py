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
NOISE_RANGE = 3.5  # standard deviations that noise hardly leaves
FEW, MANY = 200, 25600  # canaries
TIMES = 12.5  # that a canary takes part, on average, in an audit: hardly one of many is left out by its own luck


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
            if self.canaries < MANY and canaries_for(self.claimed, self.delta) is None:
                claim = f"a claim of {self.claimed:g} at delta {self.delta:g}"
                return f"no number of canaries up to {MANY} can test {claim}; a smaller delta can be tested"
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
        x = rng.normal(size=(ordinary, FEATURES)).astype(np.float32)
        y = (x @ rng.normal(size=FEATURES)).astype(np.float32)
        self._x, self._y = torch.from_numpy(x), torch.from_numpy(y)
        self._weight = FEATURES + np.flatnonzero(included)  # of each canary that is there
        self._width = FEATURES + len(included)
        self.network: nn.Module = CanaryRegression(self._width)

    def sizes(self) -> tuple[int, int]:
        """Subjects, and none held out."""
        return len(self._x) + len(self._weight), 0

    def people(self) -> list[list[int]]:
        """Everyone has one record."""
        return [[k] for k in range(self.sizes()[0])]

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """All weights."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> dict[str, Tensor]:
        """The records of some subjects."""
        ordinary = len(self._x)
        x = torch.zeros(len(draws), self._width)
        y = torch.full((len(draws),), LOUD)
        for k, row in enumerate(draw.row for draw in draws):
            if row < ordinary:
                x[k, :FEATURES], y[k] = self._x[row], self._y[row]
            else:
                x[k, self._weight[row - ordinary]] = 1
        return {"x": x, "y": y}


def canaries_for(epsilon: float, delta: float) -> tuple[int, float] | None:
    """The fewest canaries, and the share of them that is guessed, that can show more than a claim; None: none up to the most."""
    for share in (0.5, 1.0):  # doubtful ones are left out where that can be afforded
        canaries = FEW
        while canaries <= MANY:
            guesses = int(canaries * share)
            if lower_bound(canaries, guesses, guesses, delta) > epsilon:
                return canaries, share
            canaries *= 2
    return None


def audit_claim(
    claim: PrivacyClaim, folder: Path, canaries: int | None = None, ordinary: int = 100, seed: int = 0
) -> EpsilonAudit:
    """Train under a claim and let the canaries speak: what they prove of the code that keeps such promises.

    Many canaries, as a claim of 8 needs, are trained over fewer releases than a long run has, with the noise that keeps the same
    epsilon and delta over these.

    Args:
        claim: epsilon, delta, sampling rate and releases of the run whose promise is audited.
        folder: for the run; new or empty.
        canaries: of which each is included with chance one half; None: as many as the claim needs.
        ordinary: subjects beside them.
        seed: of coins and subjects; the noise of the run is its own secret.
    """
    needed, share = canaries_for(claim.epsilon, claim.delta) or (FEW, 0.5)
    canaries = canaries or needed
    releases = claim.releases if canaries <= FEW else min(claim.releases, int(np.ceil(TIMES / claim.sample_rate)))
    included = np.random.default_rng([seed, 13]).random(canaries) < 0.5
    trainee = CanarySubjects(included, ordinary, seed)
    per_step = claim.sample_rate * len(trainee.people())
    number = len(trainee.people())  # public: there are no patients
    promise = PrivacySettings(
        epsilon=claim.epsilon, delta=claim.delta, subjects=per_step, slices=1, subjects_in_cohort=number
    )
    settings = LoopSettings(
        steps=releases,
        batch=1,
        learning_rate=0.01,
        warmup=0,
        weight_decay=0.0,
        ema=0.0,
        precision="fp32",
        checkpoint_every=releases,
        held_out_every=releases,
        sheet_every=releases,
        seed=seed,
        dp=promise,
    )
    run = RunFolder(folder)
    run.start({"family": "canaries", "loop": settings.model_dump(mode="json")}, [])
    learned = Loop(trainee, settings, run, cpu=True).fit()
    weight = next(learned.parameters()).detach().numpy()[FEATURES:]
    return audit_scores(weight, included, claim.epsilon, claim.delta, share, middle_of_weights(weight))


def audit_scores(
    scores: npt.NDArray[np.floating],
    included: npt.NDArray[np.bool_],
    claimed: float,
    delta: float,
    share: float = 0.5,
    middle: float | None = None,
) -> EpsilonAudit:
    """Guess that scores above a middle were included and those below were not; those nearest to it are left out.

    The middle is one of scores, not a rank, so that any number of canaries may have been included.

    Args:
        scores: of every canary, higher where the run looks as if it had been included.
        included: what was decided by fair coins.
        claimed: epsilon.
        delta: of the claim.
        share: of the canaries that are guessed, fixed before anything is seen.
        middle: from scores alone, never from what was included; None: between the two groups into which they fall.
    """
    m, r = len(scores), max(1, int(len(scores) * share))
    above = scores - (_between_groups(scores) if middle is None else middle)
    guessed = np.argsort(-np.abs(above), kind="stable")[:r]
    right = int(((above[guessed] > 0) == included[guessed]).sum())
    return EpsilonAudit(
        claimed=claimed,
        delta=delta,
        bound=lower_bound(m, r, right, delta),
        canaries=m,
        guesses=r,
        right=right,
        could_show=lower_bound(m, r, r, delta),
    )


def middle_of_weights(weights: npt.NDArray[np.floating]) -> float:
    """Where a canary's weight is as likely with as without it, from all weights.

    Without the canary a weight is noise around zero, whose size the negative ones tell; with it, it lies above by amounts that differ
    with how often the canary took part. Half are included, so that the mean of all is half of what a canary adds.
    """
    negative = weights[weights < 0]
    noise = float(np.sqrt(np.square(negative, dtype=np.float64).mean())) if len(negative) else 0.0
    return min(float(weights.mean(dtype=np.float64)), NOISE_RANGE * noise)


def _between_groups(scores: npt.NDArray[np.floating]) -> float:
    """Midway between the means of two groups, divided so that they differ least within themselves (Otsu's threshold)."""
    ordered = np.sort(scores.astype(np.float64))
    count = np.arange(1, len(ordered))
    total = np.cumsum(ordered)[:-1]
    low, high = total / count, (ordered.sum() - total) / (len(ordered) - count)
    best = int(np.argmax(count * (len(ordered) - count) * (high - low) ** 2))
    return float((low[best] + high[best]) / 2)


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
