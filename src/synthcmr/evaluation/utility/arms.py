"""The arms that are compared: what each network learns from, and nothing else differs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synthcmr.evaluation.comparison import in_words
from synthcmr.evaluation.utility.participants import OTHER, REAL, SYNTHETIC, Names, Participants, fewer
from synthcmr.evaluation.utility.segmentation_job import SegmentationJob
from synthcmr.evaluation.utility.settings import UtilitySettings
from synthcmr.experiments.jobs import Arm

REAL_ONLY, BOTH, AUGMENTED, ONLY = "real", "real + synthetic", "real + augmentation", "synthetic only"
ARMS = {
    arm.name: arm
    for arm in (
        Arm(REAL_ONLY, "real subjects alone", "none"),
        Arm(
            BOTH,
            "the same real subjects and the synthetic ones, half of what is shown each",
            "synthetic",
            sets=(SYNTHETIC,),
        ),
        Arm(
            AUGMENTED,
            "the same real subjects alone, turned, stretched, shifted, shaded, of another contrast, noisy",
            "cheap",
            augment=True,
        ),
        Arm(
            ONLY,
            "synthetic subjects alone: trained on synthetic, tested on real (TSTR)",
            "synthetic",
            real=False,
            sets=(SYNTHETIC,),
        ),
    )
}


@dataclass(frozen=True)
class GridPoint:
    """One network to train."""

    arm: str
    fraction: float  # of the real training subjects
    repeat: int
    without: str = ""  # the group that is left out of training, and alone tested on

    @property
    def label(self) -> str:
        """What people call it, whatever its seed."""
        return label(self.arm, self.fraction) + (f", without {self.without}" if self.without else "")


def label(arm: str, fraction: float) -> str:
    """An arm at a fraction."""
    return ARMS[arm].at(fraction)


def tasks(settings: UtilitySettings, left_out: Names) -> Iterator[GridPoint]:
    """Every network of a grid, seed by seed."""
    for repeat in range(settings.repeats):
        yield from (
            GridPoint(arm, f, repeat) for f in settings.fractions_tested[::-1] for arm in (REAL_ONLY, BOTH, AUGMENTED)
        )
        yield GridPoint(ONLY, 1.0, repeat)
        yield from (GridPoint(arm, 1.0, repeat, group) for group in left_out for arm in (REAL_ONLY, BOTH))


def job_of(task: GridPoint, people: Participants, settings: UtilitySettings, seed: int, out: Path) -> SegmentationJob:
    """What to train for a task: arms of one seed and fraction share their real subjects."""
    real = fewer(_without(people, REAL, people.train, task.without), task.fraction, (seed, task.repeat))
    synthetic = _without(people, SYNTHETIC, people.synthetic, task.without)
    arm = ARMS[task.arm]
    learn = ({REAL: real} if arm.real else {}) | dict.fromkeys(arm.sets, synthetic)
    test = _tested(task, people, settings)
    return SegmentationJob(
        title=f"{task.label}, seed {task.repeat + 1}",
        paths=people.paths,
        hashes={source: people.cohorts[source].hash for source in {*learn, *test}},
        pools={
            REAL: (*people.train, *people.test),
            SYNTHETIC: people.synthetic,
            OTHER: people.other,
        },
        learn=learn,
        test=test,
        augment=arm.augment,
        seed=seed * 1000 + task.repeat,
        settings=settings.segmentation,
        out=out,
    )


def _tested(task: GridPoint, people: Participants, settings: UtilitySettings) -> dict[str, Names]:
    if task.without:
        return {REAL: people.in_group(task.without)}
    results = {REAL: people.test}
    if people.other:
        results[OTHER] = people.other
    if (task.arm, task.fraction) == (REAL_ONLY, 1.0):  # TRTS
        results[SYNTHETIC] = people.synthetic[: settings.most_tested]
    return results


def _without(people: Participants, source: str, names: Names, group: str) -> Names:
    left = people.groups[source].get(group, frozenset()) if group else frozenset()
    return tuple(name for name in names if name not in left)


def left_out(people: Participants, settings: UtilitySettings, least: int) -> Names:
    """Groups that can be left out: enough subjects to test on, enough to learn from without them."""
    title = in_words(settings.left_out_attribute)
    return tuple(
        name
        for name in people.groups[REAL]
        if title
        and name.startswith(f"{title}: ")
        and len(people.in_group(name)) >= least
        and len(_without(people, REAL, people.train, name)) >= least
    )
