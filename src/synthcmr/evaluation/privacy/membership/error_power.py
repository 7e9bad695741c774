"""The size of an error, over all frequencies or in a band of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.privacy.interval_estimates import Floats

LEAST_POWER = 1e-12
Band = tuple[float, float]


def log_power(error: npt.NDArray[np.floating], band: Band | None = None) -> Floats:
    """Logarithm of the mean square of each error, (images,).

    Args:
        error: (images, channels, rows, columns).
        band: lowest and highest radius that counts, as shares of the highest frequency along an axis; None: all. The middle band is
            where what was learned by heart shows: low frequencies are known of anybody, and high ones of no other person.
    """
    if band is None:
        return np.log(np.square(error, dtype=np.float64).mean(axis=(1, 2, 3)) + LEAST_POWER)
    rows, columns = error.shape[2:]
    radius = 2 * np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None])
    kept = (radius >= band[0]) & (radius <= band[1])
    power = np.square(np.abs(np.fft.rfft2(error, norm="ortho"))[:, :, kept])
    return np.log(power.mean(axis=(1, 2)) + LEAST_POWER)
