"""Attacks on membership and what they achieve, whatever they are allowed to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.control import Lookalikes
from synthcmr.evaluation.privacy.cross_fitting import cross_fitted
from synthcmr.evaluation.privacy.figures import Absent, Figure, Floats, Measured
from synthcmr.evaluation.privacy.roc import Roc, auc, roc

Access = Literal["images", "asking", "weights"]
STRONG = 0.7  # area that an attack must reach on a leak that was planted, to be able to say that there is none


class Attack(Settings):
    """One attack."""

    name: str
    access: Access  # black, grey or white box
    result: Roc
    control: Measured  # area between members who look like others and the other members: what looks alone achieve
    planted: Measured  # area on a leak that was planted among held-out subjects

    @property
    def weak(self) -> bool:
        """Whether it could not even find what was planted."""
        return isinstance(self.planted, Figure) and self.planted.value < STRONG


Scores = Mapping[str, tuple[Floats, Floats]]  # attack -> of members, of others


def combined(scores: Scores, seed: int) -> tuple[Floats, Floats]:
    """What all scores say together, to an attacker who learned how to weigh them on other subjects.

    Each points at members; a score that points at the others, as one against a reference that learned from members does, is given
    no weight rather than turned round.
    """
    numbers = np.stack([np.concatenate(pair) for pair in scores.values()], axis=1)
    count = len(next(iter(scores.values()))[0])
    member = np.arange(len(numbers)) < count
    said = cross_fitted(numbers, member, seed, pointing=True)
    return said[:count], said[count:]


def attack(
    name: str,
    access: Access,
    scores: tuple[Floats, Floats],
    names: list[str],
    alike: Lookalikes,
    planted: tuple[Floats, Floats] | None,
    draws: int,
    seed: int,
) -> Attack:
    """What a score of members and others achieves, beside its control and a planted leak."""
    member, other = scores
    control: Measured = Absent(reason="too few members to set some apart who look like held-out subjects")
    if alike.enough:
        control = auc(member[~alike.chosen], member[alike.chosen], draws, seed)
    leak: Measured = Absent(reason="no leak was planted: too few held-out subjects")
    if planted is not None:
        leak = auc(*planted, draws, seed)
    return Attack(
        name=name, access=access, result=roc(member, other, names, draws, seed), control=control, planted=leak
    )
