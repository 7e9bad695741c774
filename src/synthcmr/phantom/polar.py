"""Closed curves as radius tables over angle: fast to evaluate for a whole image at once."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

SAMPLES = 512  # 0.7 degrees: 0.6 mm along a contour at 50 mm
THETA = np.linspace(-np.pi, np.pi, SAMPLES, endpoint=False)

Table = npt.NDArray[np.float64]  # one value per angle in THETA
Points = npt.NDArray[np.floating]


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


def at(table: Table, angle: Points) -> Points:
    """The table's value at every angle in [-pi, pi]."""
    index = ((angle + np.pi) * (SAMPLES / (2.0 * np.pi))).astype(np.int32) % SAMPLES
    return table.astype(np.float32)[index]


def area(radius: Table) -> float:
    """Area inside a curve."""
    return float(np.pi * np.mean(radius**2))
