"""What phases say: images with all amplitudes made equal, and how peaked their bands are.

Amplitudes tell how much there is of a frequency, phases where. An image of random phases is Gaussian noise in every band (excess
kurtosis 0); edges, where the phases of many frequencies agree, make it peaked. Recalibration keeps phases, so it cannot mend
what this shows.
"""

from __future__ import annotations

import numpy as np

from synthcmr.frequency.plane import Floats, Spectra, pixels

BANDS = ((0.0625, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0))  # of the way to the highest frequency along an axis
NAMES = tuple(f"{low:g} to {high:g}" for low, high in BANDS)


def phase_peaks(spectra: Spectra) -> Floats:
    """Excess kurtosis of each band of the image with equal amplitudes, (images, bands)."""
    plane = spectra.plane
    highest = plane.corner / np.sqrt(2)
    amplitude = np.abs(spectra.coefficients)
    phase = np.divide(spectra.coefficients, amplitude, out=np.zeros_like(spectra.coefficients), where=amplitude > 0)
    bare = Spectra(phase, np.zeros_like(phase), plane)
    found = []
    for low, high in BANDS:
        inside = (plane.radius > low * highest) & (plane.radius <= high * highest)
        band = pixels(phase * inside, bare)
        power = band**2
        square = power.mean(axis=(1, 2))
        found.append((power**2).mean(axis=(1, 2)) / np.maximum(square**2, 1e-30) - 3)
    return np.stack(found, axis=1)
