"""One heart in a stack: what is not part of it goes, and holes in it are closed."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask

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
    found = (
        np.flatnonzero(region.any(axis=tuple(k for k in range(region.ndim) if k != axis)))
        for axis in range(region.ndim)
    )
    return tuple(slice(int(places[0]), int(places[-1]) + 1) for places in found)


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
