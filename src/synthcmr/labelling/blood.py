"""Blood is bright and wall is dark: where a judge takes a dark ventricle for one large cavity, it is put right."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.labelling.anatomy import largest_part
from synthcmr.labelling.views import Floats

Bools = npt.NDArray[np.bool_]
DARK = 0.4  # of the way from wall to blood; below it, a pixel is no blood
MOSTLY = 0.5  # share of dark pixels from which a cavity is none; papillary muscles never fill so much of one
LEAST_PIXELS = 40  # of cavity and of wall in a stack, to know their tones


def with_dark_walls(probability: Floats, labels: Mask, image: Floats) -> Floats:
    """Probabilities in which the dark part of a cavity that is mostly dark has become wall.

    At end-systole a thick ventricle closes nearly completely. Its small cavity is still the brightest thing in it.

    Args:
        probability: (frames, slices, 4, rows, columns).
        labels: what they say, one heart.
        image: the same pixels, 0 to 1.
    """
    cavity, wall = labels == Label.LV, labels == Label.MYOCARDIUM
    if cavity.sum() < LEAST_PIXELS or wall.sum() < LEAST_PIXELS:
        return probability
    tones = float(np.percentile(image[cavity], 75)), float(np.median(image[wall]))
    if tones[0] <= tones[1]:
        return probability
    mended = probability
    for t, z in zip(*np.nonzero(cavity.any(axis=(2, 3))), strict=True):
        limit = tones[1] + DARK * (tones[0] - tones[1])
        dark = cavity[t, z] & (image[t, z] < limit)
        if dark.sum() > MOSTLY * cavity[t, z].sum():
            mended = probability.copy() if mended is probability else mended
            _to_wall(mended[t, z], cavity[t, z] & ~_blood(cavity[t, z] & ~dark, image[t, z], cavity[t, z]))
    return mended


def _blood(bright: Bools, image: Floats, cavity: Bools) -> Bools:
    """The largest bright part, filled, with the pixels at its rim that it shares with the wall.

    Where nothing is bright, it is where the smoothed picture is brightest.
    """
    from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter

    if not bright.any():
        smooth = gaussian_filter(image, 1.5)
        bright = cavity & (smooth >= np.quantile(smooth[cavity], 0.95))
    core = binary_fill_holes(largest_part(bright))
    return np.asarray(binary_dilation(core) & cavity)


def _to_wall(probability: Floats, where: Bools) -> None:
    """Move what the cavity has to the wall."""
    probability[Label.MYOCARDIUM][where] += probability[Label.LV][where]
    probability[Label.LV][where] = 0.0
