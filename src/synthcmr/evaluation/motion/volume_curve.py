"""The volume of the left ventricle over the heartbeat: one contraction, its end where hearts have it, and no jumps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.phases import SYSTOLE_WINDOW

Numbers = npt.NDArray[np.float64]
FULL, EMPTY = 2 / 3, 1 / 3  # of the way from the smallest volume to the largest: a contraction goes from above to below
LEAST_STROKE = 0.05  # of the largest volume, below which nothing beats


def contractions(volume: Numbers) -> int:
    """Times that the ventricle goes from full to empty in one cycle; 0 where it hardly changes.

    Args:
        volume: of each phase, in any unit; the first follows the last.
    """
    low, high = float(volume.min()), float(volume.max())
    if high <= 0 or (high - low) / high < LEAST_STROKE:
        return 0
    way = (np.roll(volume, -int(volume.argmax())) - low) / (high - low)
    count, full = 0, True
    for one in way:
        if full and one < EMPTY:
            count, full = count + 1, False
        elif one > FULL:
            full = True
    return count


def systole(volume: Numbers) -> float:
    """Share of the cycle from the largest volume to the smallest, of the curve smoothed over three phases."""
    smooth = (np.roll(volume, 1) + 2 * volume + np.roll(volume, -1)) / 4
    return float((int(smooth.argmin()) - int(smooth.argmax())) % len(volume)) / len(volume)


def roughness(volume: Numbers) -> float:
    """Root mean square of each volume less the mean of its neighbours, over the stroke; NaN where nothing beats."""
    stroke = float(volume.max() - volume.min())
    if not contractions(volume):
        return float("nan")
    between = volume - (np.roll(volume, 1) + np.roll(volume, -1)) / 2
    return float(np.sqrt((between**2).mean())) / stroke


def plausible(volume: Numbers) -> bool:
    """Whether the heart contracts once, and within systole's share of the cycle."""
    low, high = SYSTOLE_WINDOW
    return contractions(volume) == 1 and low <= systole(volume) <= high


def from_end_diastole(volume: Numbers) -> Numbers:
    """The curve from its largest volume on, as a share of that."""
    shares: Numbers = np.roll(volume, -int(volume.argmax())) / volume.max()
    return shares
