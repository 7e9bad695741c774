"""Closed curves as radius tables over angle, and points of a slice with what depends on where they lie alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

SAMPLES = 512  # a power of two; 0.7 degrees: 0.6 mm along a contour at 50 mm
WAVER_LEVELS = 7  # heights at which a waver is drawn; straight lines between
THETA = np.linspace(-np.pi, np.pi, SAMPLES, endpoint=False)

Table = npt.NDArray[np.float64]  # one value per angle in THETA
Points = npt.NDArray[np.floating]
Places = npt.NDArray[np.intp]  # of points in a flattened plane


def harmonics(rng: np.random.Generator, spreads: Mapping[int, float]) -> Table:
    """A random smooth function of angle: cosine of each order with normal amplitude and random phase."""
    total = np.zeros(SAMPLES)
    for order, spread in spreads.items():
        total += rng.normal(0.0, spread) * np.cos(order * THETA + rng.uniform(0.0, 2.0 * np.pi))
    return total


def bump(centre: float, width: float) -> Table:
    """A Gaussian of angle, 1 at its centre (radians)."""
    distance = np.angle(np.exp(1j * (THETA - centre)))
    return np.exp(-0.5 * (distance / width) ** 2)


@dataclass(frozen=True)
class Waver:
    """A function of angle that changes smoothly from base to apex and over the beat."""

    tables: npt.NDArray[np.float64]  # (ED and ES, heights from base to apex, SAMPLES)

    def at(self, u: float, s: float) -> Table:
        """Its values at a height (0 to 1, held beyond) and a contraction."""
        place = min(max(u, 0.0), 1.0) * (self.tables.shape[1] - 1)
        low = min(int(place), self.tables.shape[1] - 2)
        relaxed, contracted = ((1 - place + low) * t[low] + (place - low) * t[low + 1] for t in self.tables)
        return np.asarray((1 - s) * relaxed + s * contracted)


def draw_waver(rng: np.random.Generator, spreads: Mapping[int, float], growth: float = 1.2) -> Waver:
    """Draw one: low orders mostly belong to the whole heart, high ones to a level; contraction makes them `growth` times larger."""
    orders = np.array(list(spreads))
    spread = np.array([spreads[k] for k in spreads])[:, None]
    whole, level, beat = rng.standard_normal((3, 2, len(orders), WAVER_LEVELS))
    shared = np.sqrt(np.clip(1.6 / orders, 0.1, 0.7))[:, None]
    relaxed = spread * (shared * whole[..., :1] + np.sqrt(1 - shared**2) * level)
    contracted = growth * (0.75 * relaxed + np.sqrt(1 - 0.75**2) * spread * beat)
    waves = np.stack([np.cos(orders[:, None] * THETA), np.sin(orders[:, None] * THETA)])
    return Waver(np.stack([np.einsum("pkl,pka->la", amounts, waves) for amounts in (relaxed, contracted)]))


@dataclass(frozen=True)
class Polar:
    """Points as seen from a centre, ready to be looked up in many tables."""

    r: Points
    place: npt.NDArray[np.intp]  # of their angle, in THETA

    @classmethod
    def of(cls, dx: Points, dy: Points) -> Self:
        """From offsets to the centre."""
        return cls(np.sqrt(dx * dx + dy * dy), _place(np.arctan2(dy, dx)))  # quicker than hypot

    def at(self, table: Table) -> Points:
        """The table's value at every point."""
        return np.take(table.astype(np.float32), self.place)


def at(table: Table, angle: Points) -> Points:
    """The table's value at every angle in [-pi, pi]."""
    return np.take(table.astype(np.float32), _place(angle))


def _place(angle: Points) -> npt.NDArray[np.intp]:
    return ((angle + np.pi) * (SAMPLES / (2.0 * np.pi))).astype(np.int32).astype(np.intp) & (SAMPLES - 1)


def area(radius: Table) -> float:
    """Area inside a curve."""
    return float(np.pi * np.mean(radius**2))


def nearest(x: Points, y: Points, pitch_mm: float, n: int) -> Places:
    """The voxel nearest to each point, in a periodic plane of n by n."""
    row, column = ((p / pitch_mm).astype(np.int32) % n for p in (y, x))
    return row.astype(np.intp) * n + column


class Around:
    """Points of one slice as its LV axis sees them: the same at every contraction."""

    def __init__(self, dx: Points, dy: Points, index: int) -> None:
        """Take the points' offsets from the axis, and which slice it is."""
        self.dx, self.dy, self.index = dx, dy, index
        self.polar = Polar.of(dx, dy)
        self._nearest: dict[tuple[float, int], Places] = {}

    def nearest(self, pitch_mm: float, n: int) -> Places:
        """The voxel nearest to each point, in a periodic plane of n by n."""
        if (pitch_mm, n) not in self._nearest:
            self._nearest[pitch_mm, n] = nearest(self.dx, self.dy, pitch_mm, n)
        return self._nearest[pitch_mm, n]
