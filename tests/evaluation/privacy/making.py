"""Phantoms of which it is known who leaked."""

from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.people import People, Piles, people
from synthcmr.evaluation.privacy.pile import Side, heap
from synthcmr.evaluation.privacy.settings import CopySettings, PrivacySettings

SETTINGS = PrivacySettings(copies=CopySettings(planted=20), min_subjects=4, draws=200)


def divided(cohort: Cohort) -> People:
    """The real images, by side."""
    return people(cohort, 2, SETTINGS)


def piled(who: People, images: np.ndarray, subject: np.ndarray, folder: Path) -> Piles:
    """Real images, and given ones as the synthetic ones, as they are compared."""
    names = np.array([f"{s}/{k}" for k, s in enumerate(subject)])
    calibrating = np.arange(len(who.held_out.rows)) < len(who.calibrating.rows)
    return Piles(
        who.members.pile(folder / "m", None),
        who.held_out.pile(folder / "h", None),
        calibrating,
        who.calibrating.pile(folder / "r", None),
        heap(folder / "s", [images], subject, names, None),
    )


def pixels_of(side: Side) -> np.ndarray:
    """All images of a side."""
    return np.concatenate(list(side.blocks()))
