"""Which frames of a cine are end-diastole and end-systole."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask

SYSTOLE_WINDOW = (0.15, 0.60)  # share of the cycle in which the ventricle is smallest
MIN_CINE_FRAMES = 6  # fewer do not sample a heartbeat
MOVING_SHARE = 0.02  # of the pixels: those that change most are the heart


def choose_phases(
    image: npt.NDArray[np.generic], mask: Mask | None, labelled: tuple[tuple[str, ...], ...], told: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the phase of each frame of a cine that starts at the R wave.

    End-diastole is the first frame (where masks leave it out: the labelled frame with the largest cavity), end-systole
    the labelled frame with the smallest cavity. Without masks it is estimated from the image.

    Args:
        image: (frames, slices, rows, columns).
        mask: same shape with canonical labels, or None.
        labelled: per frame the structures the mask draws.
        told: per frame what the headers say ("ED", "ES" or ""); where they name any frame, they are believed.

    Returns:
        "ED", "ES" or "" per frame, and notes on what was estimated.
    """
    count = image.shape[0]
    if any(told):
        return told, ()
    areas = {} if mask is None else {t: _cavity(mask[t]) for t in range(count) if "lv" in labelled[t]}
    if len(areas) >= 2:
        ed = 0 if 0 in areas else max(areas, key=lambda t: areas[t])
        es = min((t for t in areas if t != ed), key=lambda t: areas[t])
        return phase_names(count, ed, es), ()
    if count < MIN_CINE_FRAMES:
        return ("",) * count, ()
    es = estimate_es(image)
    return phase_names(count, 0, es), ("ES frame estimated from the images",)


def phase_names(count: int, ed: int, es: int | None) -> tuple[str, ...]:
    """Names of `count` frames of which two are known."""
    return tuple("ED" if t == ed else "ES" if t == es else "" for t in range(count))


def systole_frames(count: int) -> range:
    """Frames in which end-systole may lie, for a cine that starts at the R wave."""
    low, high = (round(share * (count - 1)) for share in SYSTOLE_WINDOW)
    return range(max(low, 1), max(high, low, 1) + 1)


def estimate_es(image: npt.NDArray[np.generic]) -> int:
    """The frame, within systole's share of the cycle, whose moving region differs most from the first frame.

    Args:
        image: (frames, slices, rows, columns); the first frame is end-diastole.
    """
    from scipy.ndimage import gaussian_filter

    frames = image.astype(np.float32)
    spread = gaussian_filter(frames.std(axis=0), (0, 4, 4))
    weight = np.where(spread >= np.quantile(spread, 1 - MOVING_SHARE), spread, 0)
    smooth = gaussian_filter(frames, (0.7, 0, 1, 1), mode=("wrap", "nearest", "nearest", "nearest"))
    differences = [float((weight * np.abs(frame - smooth[0])).sum()) for frame in smooth]
    return max(systole_frames(len(frames)), key=lambda t: differences[t])


def _cavity(mask: Mask) -> int:
    return int((mask == Label.LV).sum())
