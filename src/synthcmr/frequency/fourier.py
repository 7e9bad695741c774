"""From pixels to frequencies and back: the half plane of a real image, without what its borders leak into it.

A transform takes an image to go on periodically, so that the step from one border to the opposite one becomes power at all
frequencies along the axes. In crops of hearts that hides half of how images differ (docs/explanation/frequency.md). Moisan's
decomposition (2011) takes it out exactly: image = periodic part + smooth part, where the smooth part follows from the steps
alone. Only the periodic part is measured and changed; the smooth one is added again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import fft

from synthcmr.frequency.settings import Edges

Floats = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Plane:
    """The frequencies of images of one size.

    Frequencies are in cycles per millimetre where the spacing is known, and in cycles per pixel where it is not.
    """

    rows: int
    columns: int
    spacing_mm: tuple[float, float] | None = None  # (row, column)

    @property
    def unit(self) -> Literal["mm", "pixel"]:
        """What a frequency counts cycles per."""
        return "pixel" if self.spacing_mm is None else "mm"

    @property
    def area(self) -> float:
        """Of a pixel, in mm² where that is known: power times area is a density, which does not depend on the pixels."""
        return 1.0 if self.spacing_mm is None else self.spacing_mm[0] * self.spacing_mm[1]

    @property
    def axes(self) -> tuple[Floats, Floats]:
        """Frequencies along rows, (rows, 1), and along columns, (1, half)."""
        dy, dx = self.spacing_mm or (1.0, 1.0)
        return fft.fftfreq(self.rows, dy)[:, None], fft.rfftfreq(self.columns, dx)[None]

    @property
    def radius(self) -> Floats:
        """Distance of every frequency from zero, (rows, half)."""
        return _radius(self)

    @property
    def weight(self) -> Floats:
        """How often each frequency of the half plane stands in the whole one, (half,): once on the axes, twice elsewhere."""
        return _weight(self.columns)

    @property
    def corner(self) -> float:
        """The highest frequency there is."""
        dy, dx = self.spacing_mm or (1.0, 1.0)
        return float(np.hypot(0.5 / dy, 0.5 / dx))


@lru_cache(maxsize=32)
def _radius(plane: Plane) -> Floats:
    return np.hypot(*plane.axes)


@lru_cache(maxsize=32)
def _weight(columns: int) -> Floats:
    weight = np.full(columns // 2 + 1, 2.0)
    weight[0] = 1.0
    if columns % 2 == 0:
        weight[-1] = 1.0
    return weight


@dataclass(frozen=True)
class Spectra:
    """Images as frequencies."""

    coefficients: Complex  # (images, rows, half), of the periodic part
    border: Complex  # same shape: the smooth part; zero where borders are taken as they are
    plane: Plane

    @property
    def power(self) -> Floats:
        """Squared amplitude of the periodic part; white noise of variance 1 has 1 everywhere."""
        return self.coefficients.real**2 + self.coefficients.imag**2


def spectra(images: npt.NDArray[np.floating], plane: Plane, edges: Edges = "periodic") -> Spectra:
    """Transform images, (images, rows, columns)."""
    x = np.asarray(images, dtype=np.float64)
    coefficients = fft.rfft2(x, norm="ortho")
    border = _border(x) if edges == "periodic" else np.zeros_like(coefficients)
    return Spectra(coefficients - border, border, plane)


def pixels(coefficients: Complex, of: Spectra) -> Floats:
    """Images from changed coefficients, with the borders that they had."""
    shape = (of.plane.rows, of.plane.columns)
    return fft.irfft2(coefficients + of.border, s=shape, norm="ortho")


def _border(x: Floats) -> Complex:
    """Spectrum of the smooth part: steps between opposite borders, through the inverse of the discrete Laplacian."""
    m, n = x.shape[1:]
    down, across = _turn(m)[:, None], _turn(n)[None, : n // 2 + 1]
    between_rows = fft.rfft(x[:, -1, :] - x[:, 0, :], axis=1)[:, None, :]
    between_columns = fft.fft(x[:, :, -1] - x[:, :, 0], axis=1)[:, :, None]
    steps = between_rows * (1 - down) + between_columns * (1 - across)
    smooth: Complex = steps * _inverse_laplacian(m, n) / np.sqrt(m * n)
    return smooth


def _turn(n: int) -> Complex:
    """Phase of a shift by one pixel."""
    turn: Complex = np.exp(2j * np.pi * np.arange(n) / n)
    return turn


@lru_cache(maxsize=32)
def _inverse_laplacian(m: int, n: int) -> Floats:
    rows, columns = np.arange(m)[:, None], np.arange(n // 2 + 1)[None]
    laplacian = 2 * np.cos(2 * np.pi * rows / m) + 2 * np.cos(2 * np.pi * columns / n) - 4
    laplacian[0, 0] = np.inf  # the mean stays with the periodic part
    inverse: Floats = 1 / laplacian
    return inverse
