"""What a segmentation is worth, case by case: one structure of one subject in one phase, and none is left out for being missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.evaluation.adherence.surfaces import hd95
from synthcmr.evaluation.utility.segmentation.frames import Frames

if TYPE_CHECKING:
    import pandas as pd

Spacing = tuple[float, ...]
CASE = ("subject_id", "phase", "structure")


def cases(frames: Frames, found: Mask) -> pd.DataFrame:
    """One row per subject, phase and structure that the truth has: dice, hd95_mm, failed.

    Args:
        frames: what was segmented, with the truth.
        found: labels of each frame.
    """
    import pandas as pd

    rows = []
    for subject, phase, order in frames.stacks():
        truth, spacing = frames.mask[order], frames.spacing(order)
        known = truth != Label.UNLABELLED
        for name, label in STRUCTURES.items():
            if (truth == label).any():
                rows.append((subject, phase, name, *scored((found[order] == label) & known, truth == label, spacing)))
    table = pd.DataFrame(rows, columns=[*CASE, "dice", "hd95_mm", "failed"])
    return table.groupby(list(CASE), as_index=False).mean()  # of several stacks


def scored(found: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_], spacing: Spacing) -> tuple[float, float, float]:
    """Dice, HD95 in mm, and whether it failed, of one structure; (slices, rows, columns).

    A failed one has a Dice of 0 and the worst HD95 there can be: the diagonal of the imaged block.
    """
    if not found.any():
        return 0.0, worst_mm(truth.shape, spacing), 1.0
    dice = 2 * float((found & truth).sum()) / float(found.sum() + truth.sum())
    if not np.isfinite(spacing).all():  # nobody knows how far apart pixels are
        return dice, float("nan"), 0.0
    if len(truth) == 1:  # of a single slice the outline lies in the plane
        return dice, hd95(found[0], truth[0], spacing[1:]), 0.0
    return dice, hd95(found, truth, spacing), 0.0


def worst_mm(shape: tuple[int, ...], spacing: Spacing) -> float:
    """Diagonal of the block that was imaged."""
    return float(np.linalg.norm([n * s for n, s in zip(shape, spacing, strict=True)]))
