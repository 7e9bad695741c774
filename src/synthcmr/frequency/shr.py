"""SHR, statistical high-frequency replacement (Liu et al. 2025), as far as it is public.

High frequencies F^h of a synthetic image keep their pattern and get mean and spread of real ones:

    F^h <- sigma' (F^h - mu) / sigma + mu'        mu' ~ N(mean_k mu_k, sd_k mu_k),  sigma' ~ N(mean_k sigma_k, sd_k sigma_k)

over the K real images that look most like it. `magnitude` takes F^h for the magnitudes and keeps the phase; `complex` takes the
coefficients themselves. What is not public, and how it is read here, stands in docs/explanation/frequency.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.fourier import Complex, Floats, Plane, Spectra, pixels, spectra
from synthcmr.frequency.images import ImageBatch, rng_of
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import RecalibrationSettings

SIDE, WINDOW, STEP = 32, 8, 4  # pixels of the small pictures, and of the windows in which similarity is taken
C1, C2 = 0.01**2, 0.03**2  # Wang et al. 2004, for values from 0 to 1


def small(images: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Pictures of SIDE x SIDE by area, (images, SIDE, SIDE)."""
    rows, columns = (_shares(n) for n in images.shape[1:])
    return np.einsum("ar,nrc,bc->nab", rows, images, columns, optimize=True).astype(np.float32)


def similarity(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """SSIM of every picture of `a` with every one of `b`, (a, b): its mean over windows."""
    total = np.zeros((len(a), len(b)), dtype=np.float32)
    places = range(0, SIDE - WINDOW + 1, STEP)
    for top in places:
        for left in places:
            at = (slice(None), slice(top, top + WINDOW), slice(left, left + WINDOW))
            total += _window(a[at].reshape(len(a), -1), b[at].reshape(len(b), -1))
    mean: npt.NDArray[np.float32] = total / np.float32(len(places) ** 2)
    return mean


def _window(x: npt.NDArray[np.float32], y: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    mx, my = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True).T
    x, y = x - mx, y - my.T
    vx, vy = (x**2).mean(axis=1, keepdims=True), (y**2).mean(axis=1, keepdims=True).T
    both = x @ y.T / x.shape[1]
    weighted: npt.NDArray[np.float32] = (
        (2 * mx * my + C1) * (2 * both + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2))
    ).astype(np.float32)
    return weighted


def nearest(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], count: int, barred: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.intp]:
    """Rows of the `count` most similar pictures of `b` for each of `a`; those that are barred only where there are no others."""
    likeness = similarity(a, b)
    if barred is not None:
        likeness = np.where(barred, -np.inf, likeness)
    count = min(count, len(b) if barred is None else int((~barred).sum(axis=1).min()) or len(b))
    return np.argpartition(-likeness, count - 1, axis=1)[:, :count]


def _shares(n: int) -> Floats:
    """How much each of n pixels gives to each of SIDE, (SIDE, n)."""
    edges = np.arange(SIDE + 1) * n / SIDE
    low, high = np.maximum(edges[:-1, None], np.arange(n)), np.minimum(edges[1:, None], np.arange(1, n + 1))
    return np.clip(high - low, 0, None) * SIDE / n


TINY = 1e-12


@dataclass(frozen=True)
class Library:
    """What SHR keeps of each real image: sums by ring, and a small picture by which it is found."""

    magnitude: Floats  # (images, rings): mean of |F|, as a density
    square: Floats  # mean of |F|²
    real: Floats  # mean of the real part; the imaginary one is zero, because the plane is symmetric
    picture: npt.NDArray[np.float32]  # (images, side, side); empty where nothing is retrieved by likeness
    group: list[str]
    subject: list[str]

    def __len__(self) -> int:
        """Number of real images."""
        return len(self.magnitude)


def ring_sums(transformed: Spectra, rings: Rings) -> tuple[Floats, Floats, Floats]:
    """Mean of |F|, of |F|² and of Re F in each ring, each (images, rings); density, so that they fit other pixels."""
    area = transformed.plane.area
    parts = (np.sqrt(transformed.power * area), transformed.power * area, transformed.coefficients.real * np.sqrt(area))
    magnitude, square, real = (rings.mean(part, transformed.plane) for part in parts)
    return magnitude, square, real


@dataclass(frozen=True)
class Replacement:
    """SHR with everything that it needs."""

    rings: Rings
    library: Library
    radius: float
    settings: RecalibrationSettings

    def __call__(self, batch: ImageBatch) -> Floats:
        """The images with their high frequencies replaced."""
        transformed = spectra(batch.images, batch.plane, self.settings.edges)
        high = self.rings.ring_of(batch.plane) >= self.first
        high[0, 0] = False
        if not high.any():
            return np.asarray(batch.images, dtype=np.float64)
        changed = transformed.coefficients.copy()
        for i, rows in enumerate(self._retrieved(batch)):
            rng = rng_of(self.settings.seed, "shr", batch.names[i])
            changed[i][high] = self._replaced(transformed.coefficients[i][high], rows, batch.plane, high, rng)
        return batch.cut(pixels(changed, transformed))

    @property
    def first(self) -> int:
        """The innermost ring that is replaced."""
        return round((1 - self.radius) * self.rings.count)

    def _retrieved(self, batch: ImageBatch) -> list[npt.NDArray[np.intp]]:
        settings = self.settings.replacement
        if settings.retrieval == "ssim":
            barred = np.array([[s == mine for s in self.library.subject] for mine in batch.subjects])
            return list(
                nearest(
                    small(batch.images), self.library.picture, settings.neighbours, barred if barred.any() else None
                )
            )
        groups = np.asarray(self.library.group, dtype=object)
        own = [np.flatnonzero(groups == g) for g in batch.groups]
        return [rows if len(rows) else np.arange(len(groups)) for rows in own]

    def _replaced(
        self,
        F: Complex,
        rows: npt.NDArray[np.intp],
        plane: Plane,
        high: npt.NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> Complex:
        """New coefficients with sampled mean and spread."""
        weight = np.broadcast_to(plane.weight, high.shape)[high]
        share = self.rings.mass(plane)[self.first :]
        share = share / share.sum()
        scale = np.sqrt(plane.area)
        whole = self.settings.replacement.reading == "complex"
        first = (self.library.real if whole else self.library.magnitude)[rows][:, self.first :] @ share
        second = self.library.square[rows][:, self.first :] @ share
        spread = np.sqrt(np.maximum(second - first**2, 0))
        mu_hat, sigma_hat = (_drawn(values, rng) / scale for values in (first, spread))
        value = F if whole else np.abs(F)
        mu = np.average(value.real, weights=weight)
        sigma = np.sqrt(np.average(np.abs(value - mu) ** 2, weights=weight))
        moved = max(sigma_hat, 0.0) * (value - mu) / max(sigma, TINY) + mu_hat
        if whole:
            return np.asarray(moved, dtype=np.complex128)
        kept: Complex = np.maximum(moved.real, 0) * np.exp(1j * np.angle(F))
        return kept


def _drawn(values: Floats, rng: np.random.Generator) -> float:
    """One draw from the Gaussian of some values."""
    return float(rng.normal(values.mean(), values.std()))


def parting_radius(gap: Floats, least: Floats) -> float:
    """Share of the rings, from the highest down, from where the spectra have parted by more than `least`; 0 where they never do."""
    apart = np.flatnonzero(np.abs(gap) > least)
    return float(1 - apart[0] / len(gap)) if len(apart) else 0.0
