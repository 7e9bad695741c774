"""Random textures in space: periodic volumes of smooth noise, sampled where a slice cuts them."""

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.polar import Points

Volume = npt.NDArray[np.float32]
FAR = 1000  # periods added before rounding down, so that negative positions index like positive ones


def noise_volume(
    rng: np.random.Generator, shape: tuple[int, int, int], smoothing: tuple[float, float, float]
) -> Volume:
    """Noise of unit variance, smoothed by a Gaussian (in voxels) and periodic, (z, y, x)."""
    from scipy.ndimage import gaussian_filter

    volume = gaussian_filter(rng.standard_normal(shape), smoothing, mode="wrap")
    return (volume / volume.std()).astype(np.float32)


def sample_nearest(volume: Volume, x: Points, y: Points, z: float, pitch_mm: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, nearest voxel: quick, for thresholds."""
    plane = volume[round(z / pitch_z_mm) % volume.shape[0]]
    n = plane.shape[0]
    return plane[(y / pitch_mm).astype(np.int32) % n, (x / pitch_mm).astype(np.int32) % n]


def sample(volume: Volume, x: Points, y: Points, z: float, pitch_mm: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, linear within the plane: smooth, for intensities."""
    plane = volume[round(z / pitch_z_mm) % volume.shape[0]]
    n = plane.shape[0]
    fx, fy = x / pitch_mm + FAR * n, y / pitch_mm + FAR * n
    ix, iy = fx.astype(np.int32), fy.astype(np.int32)
    wx, wy = (fx - ix).astype(np.float32), (fy - iy).astype(np.float32)
    ix %= n
    iy %= n
    right, below = (ix + 1) % n, (iy + 1) % n
    upper = plane[iy, ix] * (1 - wx) + plane[iy, right] * wx
    lower = plane[below, ix] * (1 - wx) + plane[below, right] * wx
    return upper * (1 - wy) + lower * wy
