"""Random textures in space: periodic volumes of smooth noise, sampled where a slice cuts them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.polar import Points

Volume = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
FAR = 1000  # periods added before rounding down, so that negative positions index like positive ones


@dataclass(frozen=True)
class Corners:
    """Where points lie among the voxels of a plane: their four neighbours, and how far they are from the first."""

    upper_left: Places
    upper_right: Places
    lower_left: Places
    lower_right: Places
    right: Volume  # share of the neighbour to the right
    down: Volume


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


def corners(x: Points, y: Points, pitch_mm: float, n: int) -> Corners:
    """The voxels around each point, in a periodic plane of n by n."""
    fx, fy = x / pitch_mm + FAR * n, y / pitch_mm + FAR * n
    ix, iy = fx.astype(np.int32), fy.astype(np.int32)
    wx, wy = (fx - ix).astype(np.float32), (fy - iy).astype(np.float32)
    left, upper = (ix % n).astype(np.intp), (iy % n).astype(np.intp)
    right, lower = (left + 1) % n, (upper + 1) % n
    return Corners(upper * n + left, upper * n + right, lower * n + left, lower * n + right, wx, wy)


def sample_nearest(volume: Volume, places: Places, z: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, nearest voxel: quick, for thresholds."""
    return np.take(_plane(volume, z, pitch_z_mm), places)


def sample(volume: Volume, at: Corners, z: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, linear within the plane: smooth, for intensities."""
    plane, left, up = _plane(volume, z, pitch_z_mm), 1 - at.right, 1 - at.down
    upper = np.take(plane, at.upper_left) * left + np.take(plane, at.upper_right) * at.right
    lower = np.take(plane, at.lower_left) * left + np.take(plane, at.lower_right) * at.right
    return np.asarray(upper * up + lower * at.down)


def _plane(volume: Volume, z: float, pitch_z_mm: float) -> Volume:
    return volume[round(z / pitch_z_mm) % volume.shape[0]].ravel()
