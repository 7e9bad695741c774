"""The remedies that are compared: what each changes, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from synthcmr.errors import SettingsError

COPY, PLANNED = "copy", "planned"  # the two synthetic sets
NOTHING = "nothing"


@dataclass(frozen=True)
class Remedy:
    """One way to train the classifier; the defaults are those of doing nothing."""

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


REMEDIES: tuple[Remedy, ...] = (
    Remedy(NOTHING, "the real training split as it is", "none"),
    Remedy("oversampling", "rare cells are drawn as often as frequent ones", "cheap", even=True),
    Remedy("reweighting", "rare cells count as much in the loss as frequent ones", "cheap", weighted=True),
    Remedy("focal loss", "what is classified well already counts less", "cheap", loss="focal"),
    Remedy("augmentation", "shifted, turned, shaded, of another contrast, noisy", "cheap", augment=True),
    Remedy("cropping", "only the heart is shown", "cheap", crop=True),
    Remedy("group-DRO", "the worst cell counts most", "cheap", loss="dro", even=True),
    Remedy("thresholds", "nothing in training; one decision threshold per group", "cheap", thresholds=True),
    Remedy("synthetic only", "the synthetic copy without a real image", "synthetic", real=False, sets=(COPY,)),
    Remedy(
        "real + copy",
        "real images and a synthetic copy of the cohort, rare people more often",
        "synthetic",
        sets=(COPY,),
    ),
    Remedy("real + planned", "real images and those that balance them", "synthetic", sets=(PLANNED,)),
    Remedy(
        "pre-training",
        "first on all synthetic images, then on the real ones alone",
        "synthetic",
        before=(COPY, PLANNED),
    ),
)
ON_TOP = "planned + best cheap"


def chosen(names: tuple[str, ...], sets: frozenset[str]) -> tuple[Remedy, ...]:
    """The remedies of these names (all, where none is named) whose synthetic images are there; always with 'nothing'.

    Raises:
        SettingsError: a name is unknown, or its images are not there.
    """
    known = {r.name: r for r in REMEDIES}
    unknown = [n for n in names if n not in known and n != ON_TOP]
    if unknown:
        raise SettingsError(f"remedies: expected some of {', '.join([*known, ON_TOP])}; got {', '.join(unknown)}")
    asked = [known[n] for n in names if n in known]
    without = [r.name for r in asked if not set(r.needs) <= sets]
    if without:
        raise SettingsError(f"remedies: {', '.join(without)} need synthetic images; leave out --no-synthetic")
    wanted = asked or [r for r in REMEDIES if set(r.needs) <= sets]
    return (known[NOTHING], *(r for r in wanted if r.name != NOTHING))


def needed(names: tuple[str, ...]) -> frozenset[str]:
    """The synthetic sets that remedies of these names need; all, where none is named."""
    remedies = chosen(names, frozenset({COPY, PLANNED}))
    top = {PLANNED} if ON_TOP in names else set()
    return frozenset({name for r in remedies for name in r.needs} | top)


def on_top_of(best: Remedy) -> Remedy:
    """Planned images together with the best cheap remedy."""
    about = f"the planned images together with {best.name}, the best cheap remedy by validation"
    return replace(best, name=ON_TOP, about=about, kind="synthetic", sets=(PLANNED,))
