"""What changes in a slice from phase to phase that motion does not explain, and whether its last phase leads to the first.

Of three successive phases the middle one is compared with the mean of its neighbours (the cine is a circle): whatever moves or brightens
steadily cancels, what is drawn anew in every phase does not. Flicker is the root mean square of that difference over the spread of the
image, near the heart and away from it, of pixels as they are and blurred by 2 pixels (noise is gone then, and textures that wander
are left), and of the mean brightness of each region.

Closure is the step from the last phase to the first over the mean step between neighbours, of blurred pixels near the heart: 1 where
the cine loops as smoothly as it plays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

BLUR = 2.0  # pixels
HEART_MM, AWAY_MM = 45.0, 60.0  # from the middle of the left ventricle
LEAST_PHASES = 8
FLICKERS = (
    "heart, as it is",
    "heart, blurred",
    "heart, brightness",
    "around, as it is",
    "around, blurred",
    "around, brightness",
)
Floats = npt.NDArray[np.floating]
Region = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


class Regions(NamedTuple):
    """Pixels near the heart, and away from it."""

    heart: Region
    around: Region


def regions(cavity: Region, spacing_mm: float) -> Regions | None:
    """Both regions of a slice; None where no phase shows the cavity.

    Args:
        cavity: of the left ventricle, (phases, rows, columns).
        spacing_mm: size of a pixel.
    """
    _, rows, columns = np.nonzero(cavity)
    if not len(rows):
        return None
    y, x = np.indices(cavity.shape[1:])
    away = np.hypot(y - rows.mean(), x - columns.mean()) * spacing_mm
    return Regions(away < HEART_MM, away > AWAY_MM)


def unsteady(cine: Floats) -> Floats:
    """Each phase less the mean of its neighbours, (phases, rows, columns); the first follows the last."""
    between: Floats = cine - (np.roll(cine, 1, axis=0) + np.roll(cine, -1, axis=0)) / 2
    return between


def flicker(cine: Floats, heart: Region, around: Region) -> Numbers:
    """The six measures of one slice, as `FLICKERS` names them; NaN where a region is empty.

    Args:
        cine: (phases, rows, columns).
        heart: pixels of the heart.
        around: pixels away from it.
    """
    values = []
    smooth = gaussian_filter(cine, (0, BLUR, BLUR))
    for region in (heart, around):
        if not region.any():
            values += [float("nan")] * 3
            continue
        spread = cine.mean(axis=0)[region].std() + 1e-6
        brightness = cine[:, region].mean(axis=1)[:, None, None]
        each = (unsteady(cine)[:, region], unsteady(smooth)[:, region], unsteady(brightness))
        values += [float(np.sqrt((one**2).mean()) / spread) for one in each]
    return np.array(values)


def closure(cine: Floats, heart: Region) -> float:
    """The step from the last phase to the first over the mean step between neighbours; NaN where nothing moves."""
    smooth = gaussian_filter(cine, (0, BLUR, BLUR))[:, heart]
    steps = np.sqrt(((np.roll(smooth, -1, axis=0) - smooth) ** 2).mean(axis=1))
    between = float(steps[:-1].mean())
    return float(steps[-1]) / between if between > 0 else float("nan")
