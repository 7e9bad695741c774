"""Smooth random functions of space and periodic volumes of noise, evaluated where a slice cuts them: cheap, because they separate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.phantom.anatomy.curves import Places

Image = npt.NDArray[np.float32]
Line = npt.NDArray[np.float32]
FAR = 1000  # periods added before rounding down, so that negative positions index like positive ones
SPLINE_SPREAD = 0.479**1.5  # mean sum of squared weights of a cubic B-spline, once for each direction


class Rulers:
    """Positions of the rows and columns of a plane, in millimetres from the heart along the image's own sides."""

    def __init__(self, rows: Line, columns: Line) -> None:
        """Take the positions."""
        self.rows, self.columns = rows, columns
        self._bases: dict[tuple[float, int], tuple[Image, Image]] = {}
        self._neighbours: dict[tuple[float, int], tuple[Neighbours, Neighbours]] = {}

    def bases(self, pitch_mm: float, n: int) -> tuple[Image, Image]:
        """Weights of the knots of a periodic cubic spline at every row, and at every column."""
        if (pitch_mm, n) not in self._bases:
            self._bases[pitch_mm, n] = _basis(self.rows, pitch_mm, n), _basis(self.columns, pitch_mm, n)
        return self._bases[pitch_mm, n]

    def neighbours(self, pitch_mm: float, n: int) -> tuple["Neighbours", "Neighbours"]:
        """The two voxels around every row and column of a periodic volume."""
        if (pitch_mm, n) not in self._neighbours:
            self._neighbours[pitch_mm, n] = (
                Neighbours.of(self.rows, pitch_mm, n),
                Neighbours.of(self.columns, pitch_mm, n),
            )
        return self._neighbours[pitch_mm, n]

    def part(self, box: tuple[slice, slice]) -> "Rulers":
        """Those of a window."""
        return Rulers(self.rows[box[0]], self.columns[box[1]])


@dataclass(frozen=True)
class Neighbours:
    """Where positions lie between voxels: the one before, the one after, and the share of the latter."""

    before: npt.NDArray[np.intp]
    after: npt.NDArray[np.intp]
    share: Line

    @classmethod
    def of(cls, positions: Line, pitch_mm: float, n: int) -> "Neighbours":
        """From positions in millimetres."""
        place = positions.astype(np.float64) / pitch_mm + FAR * n
        first = np.floor(place).astype(np.intp)
        return cls(first % n, (first + 1) % n, (place - first).astype(np.float32))


@dataclass(frozen=True)
class SmoothField:
    """A cubic spline through random knots, periodic, of unit variance: for shapes and slow changes of intensity."""

    knots: npt.NDArray[np.float32]  # (z, row, column)
    pitch_mm: float
    pitch_z_mm: float

    def at(self, rulers: Rulers, z: float) -> Image:
        """Values on a plane."""
        rows, columns = rulers.bases(self.pitch_mm, self.knots.shape[-1])
        return np.asarray((rows @ self._plane(z)) @ columns.T)

    def profile(self, positions: Line, z: float) -> Line:
        """Values along one line of the volume."""
        return np.asarray(_basis(positions, self.pitch_mm, self.knots.shape[-1]) @ self._plane(z)[0])

    def _plane(self, z: float) -> Image:
        weights = _basis(np.array([z], dtype=np.float32), self.pitch_z_mm, self.knots.shape[0])[0]
        used = np.flatnonzero(weights)  # four levels of many
        return np.asarray(np.tensordot(weights[used], self.knots[used], axes=1), dtype=np.float32)


@dataclass(frozen=True)
class Grain:
    """Random voxels, linear between them: for fine texture."""

    voxels: npt.NDArray[np.float32]  # (z, row, column)
    pitch_mm: float
    pitch_z_mm: float

    def at(self, rulers: Rulers, z: float) -> Image:
        """Values on a plane."""
        rows, columns = rulers.neighbours(self.pitch_mm, self.voxels.shape[-1])
        plane = self._plane(z)
        across = plane[:, columns.before] * (1 - columns.share) + plane[:, columns.after] * columns.share
        down = rows.share[:, None]
        return np.asarray(across[rows.before] * (1 - down) + across[rows.after] * down)

    def _plane(self, z: float) -> Image:
        count = self.voxels.shape[0]
        place = z / self.pitch_z_mm + FAR * count
        first = int(place)
        share = np.float32(place - first)
        return np.asarray(self.voxels[first % count] * (1 - share) + self.voxels[(first + 1) % count] * share)


@dataclass(frozen=True)
class Warp:
    """A random displacement of space, coarse and fine: what is drawn through it is neither round nor straight."""

    coarse: tuple[SmoothField, SmoothField]
    fine: tuple[SmoothField, SmoothField]
    coarse_mm: float
    fine_mm: float

    def at(self, rulers: Rulers, z: float) -> tuple[Image, Image]:
        """Displacement along x and y on a plane, in millimetres."""
        dx, dy = (
            np.float32(self.coarse_mm) * slow.at(rulers, z) + np.float32(self.fine_mm) * quick.at(rulers, z)
            for slow, quick in zip(self.coarse, self.fine, strict=True)
        )
        return dx, dy


def draw_smooth(rng: np.random.Generator, pitch_mm: float, pitch_z_mm: float, period_mm: float = 480.0) -> SmoothField:
    """Random knots that far apart."""
    n, levels = int(np.ceil(period_mm / pitch_mm)), int(np.ceil(240.0 / pitch_z_mm))
    knots = rng.standard_normal((levels, n, n), dtype=np.float32) / np.float32(SPLINE_SPREAD)
    return SmoothField(knots, pitch_mm, pitch_z_mm)


def draw_grain(rng: np.random.Generator, size: tuple[int, int], pitch_mm: float, pitch_z_mm: float) -> Grain:
    """Random voxels of unit variance, a little smoothed; `size` is how many levels, and how many voxels a side."""
    levels, n = size
    noise = rng.standard_normal((levels, n, n), dtype=np.float32)
    for axis in (1, 2):
        noise = noise + np.float32(0.5) * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return Grain(np.asarray(noise / noise.std(), dtype=np.float32), pitch_mm, pitch_z_mm)


def draw_warp(rng: np.random.Generator, coarse_mm: float, fine_mm: float) -> Warp:
    """A displacement of that strength (standard deviation, mm) at two scales."""
    coarse = draw_smooth(rng, 48.0, 40.0), draw_smooth(rng, 48.0, 40.0)
    fine = draw_smooth(rng, 15.0, 20.0), draw_smooth(rng, 15.0, 20.0)
    return Warp(coarse, fine, coarse_mm, fine_mm)


def _basis(positions: Line, pitch_mm: float, n: int) -> Image:
    """Weights of a periodic cubic B-spline, (positions, knots)."""
    place = positions.astype(np.float64) / pitch_mm + FAR * n
    first = np.floor(place).astype(np.intp)
    t = place - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    basis = np.zeros((positions.size, n), dtype=np.float32)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        np.add.at(basis, (np.arange(positions.size), (first + offset) % n), (weight / 6.0).astype(np.float32))
    return basis


Volume = npt.NDArray[np.float32]


def noise_volume(
    rng: np.random.Generator, shape: tuple[int, int, int], smoothing: tuple[float, float, float]
) -> Volume:
    """Noise of unit variance, smoothed by a Gaussian (in voxels) and periodic, (z, y, x)."""
    from scipy.ndimage import gaussian_filter

    volume = gaussian_filter(rng.standard_normal(shape), smoothing, mode="wrap")
    return (volume / volume.std()).astype(np.float32)


def sample_nearest(volume: Volume, places: Places, z: float, pitch_z_mm: float) -> Volume:
    """Values at points of one plane, nearest voxel: quick, for thresholds."""
    return np.take(_plane(volume, z, pitch_z_mm), places)


def _plane(volume: Volume, z: float, pitch_z_mm: float) -> Volume:
    return volume[round(z / pitch_z_mm) % volume.shape[0]].ravel()
