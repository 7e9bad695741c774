"""Which third of the ventricle a slice lies in, and how far from base to apex."""

import numpy as np

from synthcmr.cohort.labels import Label, Mask

LEVELS = ("basal", "mid", "apical")
Level = tuple[str | None, float | None]


def slice_levels(mask: Mask) -> list[Level]:
    """Level and fraction of every slice with LV in any frame; (None, None) of the others.

    Args:
        mask: (frames, slices, rows, columns), base -> apex.
    """
    none: Level = (None, None)
    present = np.flatnonzero((mask == Label.LV).any(axis=(0, 2, 3)))
    if present.size < 3:
        return [none] * mask.shape[1]
    first, last = int(present[0]), int(present[-1])
    levels: list[Level] = []
    for z in range(mask.shape[1]):
        fraction = (z - first) / (last - first)
        if not 0.0 <= fraction <= 1.0:
            levels.append(none)
            continue
        third = min(2, int(3 * (z - first + 0.5) / (last - first + 1)))
        levels.append((LEVELS[third], round(fraction, 4)))
    return levels


def slice_at(mask: Mask, level: str) -> int:
    """The slice in the middle of a third of the ventricle; the middle one where no slice lies in it."""
    at = [z for z, (name, _) in enumerate(slice_levels(mask)) if name == level]
    return at[len(at) // 2] if at else mask.shape[1] // 2
