"""Where the heart is: from masks, or from the image alone."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Mask, is_drawn
from synthcmr.cohort.raw_subject import Stack
from synthcmr.config import PreprocessSettings

Centre = tuple[float, float]  # row, column, in native pixels
PRIOR_FRACTION = 0.22  # standard deviation of the heart's place, as a share of the field of view
SMOOTH_MM = 15.0
MOTION_WINDOW_MM = 40.0  # both ventricles move
BLOB_WINDOW_MM = 25.0  # tighter: beside the heart other organs are bright too
MEAN_SHIFT_STEPS = 15
FALLBACK_PIXEL_MM = 1.5


def heart_centre(stack: Stack, settings: PreprocessSettings) -> Centre:
    """The point to crop around, one for the whole stack so that its slices stay aligned."""
    rows, columns = stack.image.shape[-2:]
    middle = ((rows - 1) / 2.0, (columns - 1) / 2.0)
    if settings.centre == "middle":
        return middle
    if settings.centre != "motion" and stack.mask is not None:
        drawn_middle = mask_centre(stack.mask)
        if drawn_middle is not None:
            return drawn_middle
    return image_centre(stack) if settings.centre in ("auto", "motion") else middle


def mask_centre(mask: Mask) -> Centre | None:
    """Middle of the box around everything labelled, (row, column); None where nothing is."""
    flat = np.asarray(is_drawn(mask).any(axis=tuple(range(mask.ndim - 2))))
    if not flat.any():
        return None
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    return (rows[0] + rows[-1]) / 2.0, (columns[0] + columns[-1]) / 2.0


def image_centre(stack: Stack) -> Centre:
    """The heart without masks: what moves between frames, near the middle; else what is bright and blob-like there.

    The strongest evidence starts a mean shift over a window of about the heart's size, which ends at its middle.
    """
    image = _reduced(stack)
    moves = stack.frame_count > 1
    evidence = image.std(axis=0).mean(axis=0) if moves else _blobs(image.mean(axis=(0, 1)))
    pixel = stack.spacing_mm[0] if stack.spacing_mm else FALLBACK_PIXEL_MM
    start = _smooth(evidence, SMOOTH_MM / pixel) * _prior(evidence.shape)
    if start.max() <= 0:
        return (evidence.shape[0] - 1) / 2.0, (evidence.shape[1] - 1) / 2.0
    peak = np.unravel_index(int(start.argmax()), start.shape)
    window = (MOTION_WINDOW_MM if moves else BLOB_WINDOW_MM) / pixel
    return _mean_shift(evidence, (float(peak[0]), float(peak[1])), window)


def _mean_shift(evidence: npt.NDArray[np.float32], start: Centre, window: float) -> Centre:
    rows, columns = np.indices(evidence.shape)
    row, column = start
    for _ in range(MEAN_SHIFT_STEPS):
        weight = evidence * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2.0 * window**2))
        total = float(weight.sum())
        row, column = float((rows * weight).sum()) / total, float((columns * weight).sum()) / total
    return row, column


def _reduced(stack: Stack) -> npt.NDArray[np.float32]:
    """The middle slices, where the heart is widest, with intensities cut so that bright fat does not outweigh it."""
    n = stack.slice_count
    middle = slice(n // 4, max(n // 4 + 1, n - n // 4))
    image = stack.image[:, middle].astype(np.float32)
    high = float(np.percentile(image[0, image.shape[1] // 2], 99.0))
    return np.clip(image, 0.0, high if high > 0 else None)


def _blobs(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    return np.clip(gaussian_filter(image, 4.0) - gaussian_filter(image, 16.0), 0.0, None)


def _smooth(image: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(image, sigma), dtype=np.float32)


def _prior(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    rows, columns = (np.linspace(-0.5, 0.5, n) for n in shape)
    return np.exp(-(rows[:, None] ** 2 + columns[None, :] ** 2) / (2.0 * PRIOR_FRACTION**2))
