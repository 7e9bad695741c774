"""Random textures in space: periodic volumes of smooth noise, sampled where a slice cuts them."""

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.polar import Points

Volume = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


def noise_volume(
    rng: np.random.Generator, shape: tuple[int, int, int], smoothing: tuple[float, float, float]
) -> Volume:
    """Noise of unit variance, smoothed by a Gaussian (in voxels) and periodic, (z, y, x)."""
    from scipy.ndimage import gaussian_filter

    volume = gaussian_filter(rng.standard_normal(shape), smoothing, mode="wrap")
    return (volume / volume.std()).astype(np.float32)


def nearest(x: Points, y: Points, pitch_mm: float, n: int) -> Places:
    """The voxel nearest to each point, in a periodic plane of n by n."""
    row, column = ((p / pitch_mm).astype(np.int32) % n for p in (y, x))
    return row.astype(np.intp) * n + column


def sample_nearest(volume: Volume, places: Places, z: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, nearest voxel: quick, for thresholds."""
    return np.take(_plane(volume, z, pitch_z_mm), places)


def _plane(volume: Volume, z: float, pitch_z_mm: float) -> Volume:
    return volume[round(z / pitch_z_mm) % volume.shape[0]].ravel()
