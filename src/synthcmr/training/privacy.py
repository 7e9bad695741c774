"""Differential privacy of a training run: what was promised, what it takes, and what has been spent.

One subject is one record, with all of its slices. Every step takes each subject with the same chance q (Poisson sampling), sums the
subjects' clipped gradients and adds Gaussian noise: a subsampled Gaussian mechanism, composed over the steps. Opacus holds the accounts.

How many subjects there are decides q, delta and with them the noise, which are all published. So the number is a public one that the user
states, or a count with Laplace noise, which has its share of epsilon. The number itself is used nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.errors import SettingsError
from synthcmr.privacy.accountant import expect_accountants
from synthcmr.privacy.ledger import LedgerEntry, new_token
from synthcmr.privacy.mechanisms import RELATION, UNIT, GaussianMechanism, LaplaceMechanism
from synthcmr.training.batches import Draw
from synthcmr.training.secret_noise import Secret
from synthcmr.training.settings import LoopSettings, PrivacySettings, check_even
from synthcmr.training.training_task import KnowsPeople, Trainee

ACCOUNTANT = "rdp"
MIXING = (nn.modules.batchnorm._BatchNorm, nn.SyncBatchNorm)


@dataclass(frozen=True)
class Promise:
    """The mechanism of a run: everything that its accountant needs."""

    epsilon: float
    delta: float
    sigma: float  # noise, in units of the clipping norm
    q: float  # chance of a subject to take part in a step
    clip: float
    releases: int  # noisy sums that are made over the whole run
    people: int  # as stated, or as counted with noise: never the number itself
    count_epsilon: float = 0.0  # what that count cost

    def spent(self, releases: int) -> float:
        """Epsilon after some noisy sums, as Opacus' accountant says, with that of the count."""
        if releases == 0:
            return self.count_epsilon
        from opacus.accountants import RDPAccountant

        accountant = RDPAccountant()
        accountant.history = [(self.sigma, self.q, releases)]
        return self.count_epsilon + float(accountant.get_epsilon(delta=self.delta))

    def statement(self, releases: int) -> dict[str, Any]:
        """What a run, and every image of it, says of its privacy."""
        return {
            "epsilon": round(self.spent(releases), 4),
            "delta": self.delta,
            "unit": UNIT,
            "neighbouring_relation": RELATION,
            "accountant": ACCOUNTANT,
            "noise_multiplier": self.sigma,
            "sample_rate": self.q,
            "clip": self.clip,
            "releases": releases,
            "subjects": self.people,
            "subjects_are": "counted with noise" if self.count_epsilon else "stated",
        }

    def entries(self, token: str) -> tuple[LedgerEntry, ...]:
        """As a ledger has them: the noisy sums, and the count."""
        sums = LedgerEntry("weights", GaussianMechanism(self.sigma, self.q, self.releases), token, self.delta)
        if not self.count_epsilon:
            return (sums,)
        return (
            LedgerEntry("number of training subjects", LaplaceMechanism(1 / self.count_epsilon), f"{token}-count"),
            sums,
        )


def promise(settings: PrivacySettings, people: int, releases: int) -> Promise:
    """The least noise that keeps the promise.

    Args:
        settings: what is promised.
        people: training subjects, as stated or as counted with noise.
        releases: noisy sums over the whole run.

    Raises:
        SettingsError: no noise does, or a library is missing.
    """
    expect_accountants()
    from opacus.accountants.utils import get_noise_multiplier

    delta = settings.delta or min(1e-3, 1 / (10 * people))
    q = min(1.0, settings.subjects / people)
    try:
        sigma = get_noise_multiplier(
            target_epsilon=settings.epsilon - settings.count_epsilon,
            target_delta=delta,
            sample_rate=q,
            steps=releases,
            accountant=ACCOUNTANT,
        )
    except ValueError as error:
        raise SettingsError(
            f"--dp epsilon={settings.epsilon:g}: no amount of noise keeps this over {releases} releases at delta {delta:g}; "
            "ask for a larger epsilon or for fewer steps"
        ) from error
    return Promise(settings.epsilon, delta, float(sigma), q, settings.clip, releases, people, settings.count_epsilon)


def check_private(network: nn.Module) -> None:
    """Refuse layers that remember or mix subjects outside of the gradient.

    Raises:
        SettingsError: the network has some.
    """
    mixing = sorted({type(m).__name__ for m in network.modules() if isinstance(m, MIXING)})
    if mixing:
        raise SettingsError(
            f"--dp: {', '.join(mixing)} keeps statistics of the images beside the gradient, which no noise covers; "
            "use a family without it (flow, diffusion, latent, vae, gan)"
        )


def clipped_sum(
    parameters: Sequence[nn.Parameter], losses: Iterable[Callable[[], Tensor]], clip: float
) -> tuple[list[Tensor], int]:
    """The sum of the subjects' gradients, each scaled down to the clipping norm where it exceeds it.

    Args:
        parameters: what is learned.
        losses: computes the loss of one subject, over all of its images that take part.
        clip: the norm.

    Returns:
        The sum, parameter by parameter, and how many subjects were longer than the norm.
    """
    total = [torch.zeros_like(p, dtype=torch.float32) for p in parameters]
    longer = 0
    for loss in losses:
        gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
        gradient = [torch.zeros_like(t) if g is None else g.float() for g, t in zip(gradients, total, strict=True)]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradient]))
        if not torch.isfinite(norm):
            continue  # a subject whose gradient overflows has no say
        longer += int(norm > clip)
        torch._foreach_add_(total, gradient, alpha=float((clip / (norm + 1e-12)).clamp(max=1.0)))
    return total, longer


@dataclass
class PrivateRun:
    """The mechanism of a private run, its randomness, and whose images are whose."""

    promise: Promise
    secret: Secret
    rows: list[list[int]]  # of each subject
    settings: PrivacySettings
    token: str  # of the mechanism, in ledgers

    def with_key(self, key: int) -> PrivateRun:
        """With the key of another process, which decides the count of subjects too."""
        secret = Secret(key)
        return replace(self, secret=secret, promise=_promised(self.settings, secret, self.rows, self.promise.releases))

    def resumed(self, state: Mapping[str, Any]) -> PrivateRun:
        """As it was when a checkpoint was written; once the run is over there is no key."""
        secret = self.secret if state["key"] is None else Secret(int(state["key"], 16))
        kept = promise(self.settings, state["subjects"], self.promise.releases)
        return replace(self, secret=secret, promise=kept, token=state["token"])

    def state(self, step: int, over: bool) -> dict[str, Any]:
        """What a checkpoint holds; the key is thrown away with the last step.

        Args:
            step: noisy sums that were made.
            over: whether the run is.
        """
        return {
            "spent": self.promise.statement(step),
            "key": None if over else hex(self.secret.key),
            "subjects": self.promise.people,
            "token": self.token,
        }

    def draws(self, person: int, source: np.random.Generator) -> list[Draw]:
        """Some images of one subject."""
        rows = self.rows[person]
        chosen = source.permutation(len(rows))[: self.settings.slices]
        return [Draw(rows[int(k)], np.random.default_rng(source.integers(2**63))) for k in chosen]


def private_run(trainee: Trainee, settings: LoopSettings) -> PrivateRun | None:
    """What a private run needs; None where the run is not private.

    Raises:
        SettingsError: its network, its settings or its trainee do not go with privacy.
    """
    if settings.dp is None:
        return None
    check_private(trainee.network)
    check_even(settings)
    if not isinstance(trainee, KnowsPeople):
        raise SettingsError(
            "--dp: expected a model that tells its subjects apart; judges, and parts trained first, do not"
        )
    rows, secret = trainee.people(), Secret()
    mechanism = _promised(settings.dp, secret, rows, settings.steps * len(trainee.optimizer_phases))
    return PrivateRun(mechanism, secret, rows, settings.dp, new_token())


def _promised(settings: PrivacySettings, secret: Secret, rows: Sequence[Sequence[int]], releases: int) -> Promise:
    """The promise for as many subjects as may be stated."""
    stated = settings.subjects_in_cohort
    counted = secret.noisy_count(len(rows), 1 / settings.count_epsilon) if stated is None else stated
    return promise(settings, counted, releases)
