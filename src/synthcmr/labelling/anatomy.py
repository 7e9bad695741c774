"""One heart in a stack: what is not part of it goes, holes in it are closed, and dark walls that were taken for cavity are put right."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.labelling.stack_views import Floats

Bools = npt.NDArray[np.bool_]


def one_heart(labels: Mask) -> Mask:
    """Keep the heart that all frames share, and in each frame one part of each structure.

    Args:
        labels: (frames, slices, rows, columns).
    """
    shared = largest_part((labels != Label.BACKGROUND).any(axis=0))
    out = np.zeros_like(labels)
    if shared.any():
        box = _box(shared)  # a heart fills a small part of a slice
        for frame, own in zip(out, labels, strict=True):
            frame[box] = _one_of_each(np.where(shared[box], own[box], np.uint8(Label.BACKGROUND)))
    return out


def _box(region: Bools) -> tuple[slice, ...]:
    """The box around a region."""
    bounds = (
        np.flatnonzero(region.any(axis=tuple(k for k in range(region.ndim) if k != axis)))
        for axis in range(region.ndim)
    )
    return tuple(slice(int(places[0]), int(places[-1]) + 1) for places in bounds)


def largest_part(region: Bools) -> Bools:
    """The largest connected part of a region, over slices too."""
    from scipy.ndimage import label

    parts, count = label(region)
    if count <= 1:
        return region
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == sizes.argmax())


def _one_of_each(frame: Mask) -> Mask:
    """One cavity, the wall that lies around it, one right ventricle, and no holes."""
    heart = largest_part(frame != Label.BACKGROUND)
    kept = np.zeros_like(frame)
    for value in STRUCTURES.values():
        kept[largest_part((frame == value) & heart)] = value
    for z in np.flatnonzero((kept != Label.BACKGROUND).any(axis=(1, 2))):
        kept[z] = without_holes(kept[z])
    return kept


def without_holes(labels: Mask) -> Mask:
    """Give holes of a slice the label that is nearest to each of their pixels.

    Where the left ventricle encloses a hole with wall all around, it is the cavity.
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    left = (labels == Label.LV) | (labels == Label.MYOCARDIUM)
    filled = np.asarray(binary_fill_holes(left))
    heart = np.asarray(binary_fill_holes(left | (labels == Label.RV)))
    out = labels.copy()
    inside = filled & ~left
    if inside.any() and not (labels == Label.LV).any():
        out[inside] = Label.LV
    gaps = heart & (out == Label.BACKGROUND)
    if gaps.any():
        nearest = distance_transform_edt(out == Label.BACKGROUND, return_distances=False, return_indices=True)
        out[gaps] = out[tuple(index[gaps] for index in nearest)]
    return out


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
