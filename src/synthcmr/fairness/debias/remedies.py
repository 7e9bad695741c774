"""The remedies that are compared: what each changes, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from synthcmr.errors import SettingsError
from synthcmr.experiments.jobs import Arm

COPY, PLANNED = "copy", "planned"  # the two synthetic sets
NOTHING = "nothing"


REMEDIES: tuple[Arm, ...] = (
    Arm(NOTHING, "the real training split as it is", "none"),
    Arm("oversampling", "rare cells are drawn as often as frequent ones", "cheap", even=True),
    Arm("reweighting", "rare cells count as much in the loss as frequent ones", "cheap", weighted=True),
    Arm("focal loss", "what is classified well already counts less", "cheap", loss="focal"),
    Arm("augmentation", "shifted, turned, shaded, of another contrast, noisy", "cheap", augment=True),
    Arm("cropping", "only the heart is shown", "cheap", crop=True),
    Arm("group-DRO", "the worst cell counts most", "cheap", loss="dro", even=True),
    Arm("thresholds", "nothing in training; one decision threshold per group", "cheap", thresholds=True),
    Arm("synthetic only", "the synthetic copy without a real image", "synthetic", real=False, sets=(COPY,)),
    Arm(
        "real + copy",
        "real images and a synthetic copy of the cohort, rare people more often",
        "synthetic",
        sets=(COPY,),
    ),
    Arm("real + planned", "real images and those that balance them", "synthetic", sets=(PLANNED,)),
    Arm(
        "pre-training",
        "first on all synthetic images, then on the real ones alone",
        "synthetic",
        before=(COPY, PLANNED),
    ),
)
ON_TOP = "planned + best cheap"


def chosen(names: tuple[str, ...], sets: frozenset[str]) -> tuple[Arm, ...]:
    """The remedies of these names (all, where none is named) whose synthetic images are there; always with 'nothing'.

    Raises:
        SettingsError: a name is unknown, or its images are not there.
    """
    known = {r.name: r for r in REMEDIES}
    unknown = [n for n in names if n not in known and n != ON_TOP]
    if unknown:
        raise SettingsError(f"remedies: expected some of {', '.join([*known, ON_TOP])}; got {', '.join(unknown)}")
    requested = [known[n] for n in names if n in known]
    without = [r.name for r in requested if not set(r.needs) <= sets]
    if without:
        raise SettingsError(f"remedies: {', '.join(without)} need synthetic images; leave out --no-synthetic")
    wanted = requested or [r for r in REMEDIES if set(r.needs) <= sets]
    return (known[NOTHING], *(r for r in wanted if r.name != NOTHING))


def needed(names: tuple[str, ...]) -> frozenset[str]:
    """The synthetic sets that remedies of these names need; all, where none is named."""
    remedies = chosen(names, frozenset({COPY, PLANNED}))
    top = {PLANNED} if ON_TOP in names else set()
    return frozenset({name for r in remedies for name in r.needs} | top)


def on_top_of(best: Arm) -> Arm:
    """Planned images together with the best cheap remedy."""
    about = f"the planned images together with {best.name}, the best cheap remedy by validation"
    return replace(best, name=ON_TOP, about=about, kind="synthetic", sets=(PLANNED,))
