"""What the receive coils make of the signal: shading, phase, and noise that varies over the image."""

from dataclasses import dataclass

import numpy as np

from synthcmr.phantom.fields import Image
from synthcmr.phantom.polar import Points
from synthcmr.phantom.relaxation import Complex
from synthcmr.phantom.scan import OVERSAMPLING, Scan

G_FACTOR_REACH_MM = 80.0  # parallel imaging is noisiest in the middle of the body


@dataclass(frozen=True)
class Receive:
    """The coils' elements combined for the best signal-to-noise ratio, as a scanner does."""

    of_water: Complex
    of_fat: Complex
    noise: Image  # relative noise at each reconstructed pixel
    beats: Image  # how much of it moves with the heart

    def combined(self, water: Image, fat: Image) -> Complex:
        """Complex signal of water and fat together."""
        signal = water * self.of_water
        signal += fat * self.of_fat
        return signal


def receive(scan: Scan, coarse: Image, x: Points, y: Points) -> Receive:
    """Sensitivity after prescan normalisation, scaled to 1 at the heart.

    Args:
        scan: the coils.
        coarse: a smooth random function on the points, after which the phase of fat varies.
        x: short-axis coordinates of the simulation grid.
        y: the same.
    """
    total = _total(scan, x, y)
    at_heart = _total(scan, np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float32))[0]
    relative = total / at_heart
    even = relative ** np.float32(-scan.normalised)
    sensitivity = relative * even * np.exp(1j * scan.receive_phase(x, y)).astype(np.complex64)
    contrast = scan.contrast
    turned = np.exp(1j * (contrast.fat_phase + contrast.fat_phase_spread * coarse)).astype(np.complex64)
    px, py = x[::OVERSAMPLING, ::OVERSAMPLING], y[::OVERSAMPLING, ::OVERSAMPLING]
    r2 = (px - np.float32(20.0)) ** 2 + (py - np.float32(10.0)) ** 2
    beats = np.exp(-((((px + np.float32(15.0)) / np.float32(50.0)) ** 2 + (py / np.float32(40.0)) ** 2) ** 2))
    folding = 1 + np.float32(scan.g_factor) * np.exp(-r2 / np.float32(2 * G_FACTOR_REACH_MM**2))
    at_middle = 1 + scan.g_factor
    noise = even[::OVERSAMPLING, ::OVERSAMPLING] * folding / np.float32(at_middle)
    return Receive(sensitivity, sensitivity * turned, noise.astype(np.float32), beats)


def _total(scan: Scan, x: Points, y: Points) -> Points:
    return np.sqrt(np.asarray(sum(coil.sensitivity(x, y) ** 2 for coil in scan.coils)))
