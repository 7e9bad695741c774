"""One arm of an experiment: what its networks learn from and how; the arms of an experiment differ in nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Arm:
    """One way to train a network; the defaults are those of learning from the real training split as it is."""

    name: str
    about: str
    kind: Literal["none", "cheap", "synthetic"]
    real: bool = True  # learns from the real training split
    sets: tuple[str, ...] = ()  # synthetic sets beside it
    before: tuple[str, ...] = ()  # synthetic sets that the first half of the steps is spent on
    even: bool = False  # every cell of label x groups is drawn equally often
    weighted: bool = False  # every cell counts the same in the loss
    loss: Literal["entropy", "focal", "dro"] = "entropy"
    augment: bool = False
    crop: bool = False
    thresholds: bool = False  # one per group, chosen on the validation split

    @property
    def needs(self) -> tuple[str, ...]:
        """The synthetic sets it needs."""
        return (*self.sets, *self.before)

    def at(self, fraction: float) -> str:
        """What the arm is called where it learns from a fraction of the real training subjects."""
        return f"{self.name}, {100 * fraction:g} %" if self.real else self.name
