"""Is a mask a heart? Rules that hold for every real short-axis mask, with the rule that was broken."""

import numpy as np

from synthcmr.cohort.labels import Label, Mask

MIN_ENCLOSED = 0.6  # share of the cavity's border that is wall; basal slices open towards the outflow tract
MIN_WALL_SHARE = 0.15  # of the ventricle's area
PARTS_ALLOWED = 0.05  # of a structure's area that may lie apart from its largest part


def implausible(mask: Mask) -> str | None:
    """Why the masks of one slice are no heart; None where they may be one.

    Args:
        mask: (frames, rows, columns), canonical labels.
    """
    for frame in mask:
        reason = _frame(frame)
        if reason is not None:
            return reason
    return None


def _frame(mask: Mask) -> str | None:
    from scipy.ndimage import binary_dilation, label

    for structure in (Label.LV, Label.MYOCARDIUM, Label.RV):
        region = mask == structure
        if not region.any():
            continue
        parts, count = label(region, np.ones((3, 3)))
        if count > 1 and 1 - np.bincount(parts.ravel())[1:].max() / region.sum() > PARTS_ALLOWED:
            return f"{structure.name.lower()} in {count} parts"
    cavity, wall = mask == Label.LV, mask == Label.MYOCARDIUM
    if not cavity.any():
        return None
    border = binary_dilation(cavity, np.ones((3, 3))) & ~cavity
    if wall[border].mean() < MIN_ENCLOSED:
        return "the wall does not enclose the cavity"
    if wall.sum() < MIN_WALL_SHARE * (wall.sum() + cavity.sum()):
        return "the wall is thinner than any heart's"
    return None
