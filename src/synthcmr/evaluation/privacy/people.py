"""Who is on which side: those learned from, those held out to calibrate on, and those held out to be judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.privacy.pile import Features, Pile, Side, all_of
from synthcmr.evaluation.privacy.settings import PrivacySettings


@dataclass(frozen=True)
class People:
    """The real images of each side; no subject is on two."""

    members: Side
    calibrating: Side  # held out; thresholds and densities come from these
    judged: Side  # held out; what is said of non-members is said of these

    @property
    def held_out(self) -> Side:
        """All who were never seen."""
        return self.judged.at(np.concatenate([self.calibrating.rows, self.judged.rows]))


def people(
    real: Cohort, frames: int, settings: PrivacySettings, vectors: npt.NDArray[np.float32] | None = None
) -> People:
    """Divide the real images.

    Args:
        real: with its splits.
        frames: shown of each image.
        settings: which splits are members and held out.
        vectors: features of all images, where they are known.

    Raises:
        CohortError: one side has too few subjects to say anything.
    """
    if "split" not in real.table.columns or real.table["split"].isna().all():
        raise CohortError(
            f"{real.path}: it is not known whose images were learned from; give subjects a column 'split' "
            f"('{settings.members}', or one of {', '.join(settings.held_out)}), as 'synthcmr ingest' does"
        )
    everything = all_of(real, frames, vectors)
    split = real.table["split"].to_numpy()[everything.rows]
    members = everything.at(everything.rows[split == settings.members])
    others = everything.at(everything.rows[np.isin(split, settings.held_out)])
    for side, names in ((members, settings.members), (others, ", ".join(settings.held_out))):
        count = len(np.unique(side.subject))
        if count < settings.min_subjects:
            raise CohortError(
                f"{real.path}: expected at least {settings.min_subjects} subjects with {frames} frame(s) in '{names}' to "
                f"judge privacy, got {count}; name other splits in privacy.members and privacy.held_out, or ingest more"
            )
    drawn = np.random.default_rng([settings.seed, 1]).permutation(np.unique(others.subject))
    half = len(drawn) // 2
    return People(members, others.of(drawn[:half]), others.of(drawn[half:]))


@dataclass(frozen=True)
class Piles:
    """Everybody's images as they are compared."""

    members: Pile
    held_out: Pile
    calibrating: npt.NDArray[np.bool_]  # of the held-out images
    reference: Pile  # those held out to calibrate on, by themselves
    synthetic: Pile


Report = Callable[[int, int, str], None]


def piles(who: People, synthetic: Side, work: Path, features: Features | None, report: Report | None) -> Piles:
    """Bring all images into the form in which they are compared, on disk."""

    def pile(name: str, side: Side) -> Pile:
        told = None if report is None else lambda done: report(done, len(side.rows), f"reading images: {name}")
        return side.pile(work / name, features, told)

    calibrating = np.arange(len(who.held_out.rows)) < len(who.calibrating.rows)
    return Piles(
        members=pile("members", who.members),
        held_out=pile("held-out", who.held_out),
        calibrating=calibrating,
        reference=pile("reference", who.calibrating),
        synthetic=pile("synthetic", synthetic),
    )
