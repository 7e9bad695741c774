"""Does recalibration carry the detail of a real image into a synthetic one? An attack that looks for it.

For every real image the attacker takes the synthetic one that resembles its high frequencies most, at any shift, and guesses from
that likeness whether the real image was learned from. An AUC of 0.5 means that he learns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from synthcmr.frequency.fourier import Floats, spectra
from synthcmr.frequency.images import ImageBatch
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.spectrum.profiles import CUT, high_passed
from synthcmr.statistics.intervals import Estimate as Interval
from synthcmr.statistics.roc import image_auc_estimate as auc_interval


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
