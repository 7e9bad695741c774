"""A run with differential privacy: its mechanism, its randomness, and whose images are whose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthcmr.errors import SettingsError
from synthcmr.training.privacy import Promise, promise
from synthcmr.training.private_step import check_private
from synthcmr.training.sample_order import Draw
from synthcmr.training.secret_noise import Secret
from synthcmr.training.settings import LoopSettings, check_even
from synthcmr.training.training_task import KnowsPeople, Trainee


@dataclass
class PrivateRun:
    """The mechanism of a private run, its randomness, and whose images are whose."""

    promise: Promise
    secret: Secret
    rows: list[list[int]]  # of each subject
    slices: int

    def draws(self, person: int, source: np.random.Generator) -> list[Draw]:
        """Some images of one subject."""
        rows = self.rows[person]
        chosen = source.permutation(len(rows))[: self.slices]
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
    people = trainee.people()
    mechanism = promise(settings.dp, len(people), settings.steps * len(trainee.optimizer_phases))
    return PrivateRun(mechanism, Secret(), people, settings.dp.slices)
