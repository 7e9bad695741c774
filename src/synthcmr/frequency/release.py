"""What a recalibration tells of the real images: a spectrum in four numbers, released with differential privacy, and an attack on detail.

Rings are too many to be hidden in noise. Real log power is stated here as its difference to a public curve, that of phantoms, along
four fixed directions over frequency: level, slope, roll-off, and floor. Each subject's four numbers are cut to a range that was
chosen without looking, averaged, and get Gaussian noise (analytic mechanism, Balle & Wang 2018; neighbours differ in one
subject, with all of its images, exchanged for another). What is not one of the four directions is left as it was.

Does recalibration carry the detail of a real image into a synthetic one? For every real image the attacker takes the synthetic one that
resembles its high frequencies most, at any shift, and guesses from that likeness whether the real image was learned from. An AUC of 0.5
means that he learns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from synthcmr.errors import SettingsError
from synthcmr.frequency.images import ImageBatch
from synthcmr.frequency.plane import Floats, spectra
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.spectrum.profiles import CUT, high_passed
from synthcmr.statistics.intervals import Estimate as Interval
from synthcmr.statistics.roc import image_auc_estimate as auc_interval

NUMBERS = ("level", "slope", "roll-off", "floor")
RANGE = 3.0  # each number lies within so much of the public curve, in log power (root mean square over rings)
CURVE_MM = (-4.8, -1.7, -17.0)  # public: log power = a + b log f + c f, a fit to phantoms
CURVE_PIXEL = (-4.9, -1.7, -11.3)  # the same at 1.5 mm, where the spacing is not known


@dataclass(frozen=True)
class Release:
    """Four numbers, and what is promised of them."""

    theta: Floats
    epsilon: float
    delta: float
    sigma: float  # of the noise on each
    people: int

    def row(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "numbers": dict(zip(NUMBERS, map(float, self.theta), strict=True)),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "noise": self.sigma,
            "subjects": self.people,
            "range": RANGE,
            "unit": "subject",
        }

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> Release:
        """From what `row` gave."""
        theta = np.array([row["numbers"][name] for name in NUMBERS])
        return cls(theta, row["epsilon"], row["delta"], row["noise"], row["subjects"])


def directions(rings: Rings) -> Floats:
    """Four orthogonal curves over the rings, each with a root mean square of 1, (4, rings)."""
    f = rings.centres / rings.highest
    outer = 1 / (1 + np.exp(-(f - 0.75) / 0.03))  # the corners, where scanners leave nothing but noise
    q, _ = np.linalg.qr(np.stack([np.ones_like(f), np.log(f), f**2, outer], axis=1))
    basis: Floats = q.T * np.sqrt(len(f)) * np.sign(q[-1])[:, None]
    return basis


def public_curve(rings: Rings) -> Floats:
    """Log power that needed no patient's image."""
    a, b, c = CURVE_MM if rings.unit == "mm" else CURVE_PIXEL
    return a + b * np.log(rings.centres) + c * rings.centres


def numbers(profiles: Floats, rings: Rings) -> Floats:
    """The four numbers of ring profiles, (profiles, 4)."""
    coordinates: Floats = (profiles - public_curve(rings)) @ directions(rings).T / rings.count
    return coordinates


def curve(theta: Floats, rings: Rings) -> Floats:
    """The part of log power that four numbers tell."""
    log_power: Floats = public_curve(rings) + theta @ directions(rings)
    return log_power


def release(people: Floats, epsilon: float, delta: float, rng: np.random.Generator) -> Release:
    """The mean of the subjects' numbers, with noise.

    Args:
        people: the mean profile's numbers of each subject, (subjects, 4).
        epsilon: most that is spent.
        delta: chance that more is.
        rng: source of the noise; for a real release one that cannot be guessed.

    Raises:
        SettingsError: too few subjects for the noise to leave anything.
    """
    sigma = noise(len(people), epsilon, delta)
    if sigma > RANGE:
        raise SettingsError(
            f"--dp: {len(people)} subjects at epsilon {epsilon:g} need noise of {sigma:.2f}, more than the whole range of "
            f"{RANGE:g}; expected more subjects or a larger epsilon"
        )
    theta = np.clip(people, -RANGE, RANGE).mean(axis=0) + rng.normal(0, sigma, len(NUMBERS))
    return Release(theta, epsilon, delta, sigma, len(people))


def noise(people: int, epsilon: float, delta: float) -> float:
    """Standard deviation that each number needs: one subject moves the mean by at most 2 RANGE / n along each of four axes."""
    return gaussian_noise(2 * RANGE * np.sqrt(len(NUMBERS)) / people, epsilon, delta)


def gaussian_noise(sensitivity: float, epsilon: float, delta: float) -> float:
    """The least noise for which the Gaussian mechanism is (epsilon, delta)-private, exactly."""
    from scipy.optimize import brentq
    from scipy.stats import norm

    def spent(log_sigma: float) -> float:
        s = np.exp(log_sigma) / sensitivity
        tail = norm.logcdf(-0.5 / s - epsilon * s) + epsilon
        return float(norm.cdf(0.5 / s - epsilon * s) - np.exp(tail)) - delta

    centre = np.log(sensitivity)
    return float(np.exp(brentq(spent, centre - 12, centre + 12)))


@dataclass(frozen=True)
class Leak:
    """How well members are distinguished from others, by two kinds of likeness."""

    pattern: Interval  # of high-passed pixels, at the best shift
    magnitude: Interval  # of magnitudes, ring by ring without their mean


def attack(synthetic: ImageBatch, members: ImageBatch, others: ImageBatch, draws: int = 500, seed: int = 0) -> Leak:
    """Guess from synthetic images who was learned from.

    Args:
        synthetic: synthetic images.
        members: real images that recalibration learned from.
        others: real images of subjects that it did not.
        draws: of the bootstrap over real subjects.
        seed: of the draws.
    """
    subject = np.array([*members.subjects, *(f"other/{s}" for s in others.subjects)], dtype=object)
    label = np.repeat([1, 0], [len(members.images), len(others.images)]).astype(np.int64)
    aucs = []
    for likeness in (pattern_likeness, magnitude_likeness):
        score = np.concatenate([likeness(real, synthetic).max(axis=1) for real in (members, others)])
        aucs.append(auc_interval(score, label, subject, draws, np.random.default_rng(seed)))
    return Leak(*aucs)


def pattern_likeness(real: ImageBatch, synthetic: ImageBatch) -> Floats:
    """Correlation of high-passed pixels at the best shift, (real, made)."""
    a, b = (_unit(high_passed(spectra(x.images, x.plane)).astype(np.float64)) for x in (real, synthetic))
    there = fft.rfft2(b)
    return np.stack([fft.irfft2(np.conj(fft.rfft2(one)) * there, s=a.shape[1:]).max(axis=(1, 2)) for one in a])


def magnitude_likeness(real: ImageBatch, synthetic: ImageBatch) -> Floats:
    """Correlation of log magnitudes of high frequencies, each ring without its mean, (real, made)."""
    a, b = (_unit(_residual(x)) for x in (real, synthetic))
    likeness: Floats = a @ b.T
    return likeness


def _residual(images: ImageBatch) -> Floats:
    transformed, rings = spectra(images.images, images.plane), Rings.of(images.plane)
    log = np.log(np.maximum(transformed.power, 1e-12))
    high = images.plane.radius > CUT * images.plane.corner / np.sqrt(2)
    left: Floats = (log - rings.on_plane(rings.mean(log, images.plane), images.plane))[:, high]
    return left


def _unit(values: npt.NDArray[np.floating]) -> Floats:
    axes: Sequence[int] = range(1, values.ndim)
    centred = values - values.mean(axis=tuple(axes), keepdims=True)
    scaled: Floats = centred / np.maximum(np.sqrt((centred**2).sum(axis=tuple(axes), keepdims=True)), 1e-12)
    return scaled
