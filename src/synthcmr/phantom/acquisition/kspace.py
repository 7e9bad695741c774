"""From complex signal to a magnitude image: receive coils, k-space, ghosts, noise, reconstruction, post-processing."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from synthcmr.phantom.acquisition.contrast import Complex
from synthcmr.phantom.acquisition.scan import OVERSAMPLING, Scan
from synthcmr.phantom.anatomy.curves import Points
from synthcmr.phantom.anatomy.fields import Image

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


PARTIAL_FOURIER_MISSING = 0.2  # of the phase-encoding lines, about 6/8 after the overscan


@dataclass(frozen=True)
class Acquisition:
    """What all images of one subject's scan share."""

    scan: Scan
    lines: tuple[int, int]  # measured
    filter: Image  # k-space filter of the reconstruction
    shift: Complex  # closes the fraction of a pixel between the two grids' first points
    sigma: float  # noise of one sample
    floor: float  # what the noise of elements that see little adds to a sum of squares

    def image(self, signal: Complex, noise_map: Image, beats: Image, rng: np.random.Generator) -> Image:
        """Magnitude image of one slice and frame, cut to the image size.

        Args:
            signal: complex signal on the simulation grid, as the combined coil sees it.
            noise_map: relative noise at each reconstructed pixel.
            beats: how much of each reconstructed pixel moves with the heart.
            rng: noise and ghosts of this image.
        """
        scan = self.scan
        k = _transformed(signal, self.lines) * np.float32(1 / signal.size)
        k *= self.filter * self.shift
        image = _reconstructed(k, scan.reconstructed)
        if scan.ghost[0] > 0:
            image += _ghosts(image, beats, scan.ghost, rng)
        noise = rng.standard_normal((*self.lines, 2), dtype=np.float32).view(np.complex64)[..., 0]
        noise *= self.filter * np.float32(self.sigma)
        image += _reconstructed(noise, scan.reconstructed) * noise_map
        power = image.real**2 + image.imag**2
        power += (np.float32(self.floor) * noise_map) ** 2
        return _post(np.sqrt(_cut(power, scan.size)), scan)


def plan(scan: Scan) -> Acquisition:
    """Everything that does not depend on slice and frame."""
    lines = _acquired(scan)
    weights = _window(scan, lines)
    sigma = (
        scan.contrast.blood / scan.snr / np.sqrt((weights**2).sum())
    )  # so that the image has it, whatever the filter
    floor = scan.contrast.blood / scan.snr * np.sqrt(2.0 * (scan.channels - 1))
    return Acquisition(scan, lines, weights, _part_of_pixel(scan.reconstructed, lines), float(sigma), float(floor))


def _acquired(scan: Scan) -> tuple[int, int]:
    """Phase-encoding lines and samples per line that are really measured."""
    rows, columns = scan.reconstructed
    return int(rows * scan.phase_resolution) // 2 * 2, int(columns * scan.read_resolution) // 2 * 2


def _window(scan: Scan, lines: tuple[int, int]) -> Image:
    """k-space filter and the manufacturer's blur; partial Fourier leaves lines at one end empty."""
    rows, columns = (
        (1 - min(0.9, 0.6 * scan.window) * np.sin(np.pi / 2 * np.abs(np.linspace(-1, 1, n))) ** 2)
        * np.exp(-2 * (np.pi * scan.character.blur_px * np.linspace(-0.5, 0.5, n) * n / full) ** 2)
        for n, full in zip(lines, scan.reconstructed, strict=True)
    )
    if scan.partial_fourier:
        rows[: int(lines[0] * PARTIAL_FOURIER_MISSING)] = 0.0
    return (rows[:, None] * columns[None, :]).astype(np.float32)


def _ghosts(image: Complex, beats: Image, ghost: tuple[float, float], rng: np.random.Generator) -> Complex:
    """What moves appears again along the phase-encoding direction, because segments of k-space see it in other places."""
    strength, share = ghost
    shift = round(image.shape[0] * share)
    moving = image * (beats * np.float32(strength))
    turn = np.complex64(np.exp(1j * rng.uniform(0, 2 * np.pi)))
    return np.asarray(np.roll(moving, shift, axis=0) * turn + np.roll(moving, -shift, axis=0) * np.conj(turn))


def _transformed(image: Complex, lines: tuple[int, int]) -> Complex:
    """The middle of k-space; what lies beyond the measured lines is not worked out."""
    rows = _middle(fft.fft(image, axis=0, workers=1), lines[0], 0)
    return _middle(fft.fft(rows, axis=1, workers=1), lines[1], 1)


def _reconstructed(k: Complex, size: tuple[int, int]) -> Complex:
    """Image of k-space zero-filled to `size`, whose sum is k's middle."""
    columns = fft.ifft(_zero_filled(k, size[0], 0), axis=0, norm="forward", workers=1)
    return np.asarray(fft.ifft(_zero_filled(columns, size[1], 1), axis=1, norm="forward", workers=1))


def _middle(k: Complex, n: int, axis: int) -> Complex:
    """The `n` (even) lowest frequencies, in rising order."""
    full = k.shape[axis]
    return np.take(k, np.arange(-n // 2, n // 2) % full, axis=axis)


def _zero_filled(k: Complex, n: int, axis: int) -> Complex:
    """The reverse of `_middle`, with zeros for all other frequencies."""
    shape = (n, k.shape[1]) if axis == 0 else (k.shape[0], n)
    full = np.zeros(shape, dtype=np.complex64)
    half = k.shape[axis] // 2
    if axis == 0:
        full[:half], full[n - half :] = k[half:], k[:half]
    else:
        full[:, :half], full[:, n - half :] = k[:, half:], k[:, :half]
    return full


def _part_of_pixel(size: tuple[int, int], lines: tuple[int, int]) -> Complex:
    """Phase over k-space that closes the quarter pixel between the two grids' first points."""
    offset = (OVERSAMPLING - 1) / (2 * OVERSAMPLING)
    rows, columns = (
        np.exp(2j * np.pi * offset * fft.fftshift(fft.fftfreq(n)))[(n - m) // 2 : (n - m) // 2 + m]
        for n, m in zip(size, lines, strict=True)
    )
    return (rows[:, None] * columns[None, :]).astype(np.complex64)


def _cut(image: Image, size: tuple[int, int]) -> Image:
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    return image[top : top + size[0], left : left + size[1]]


def _post(image: Image, scan: Scan) -> Image:
    """The manufacturer's edge enhancement."""
    from scipy.ndimage import gaussian_filter

    if scan.character.sharpen == 0.0:
        return image
    return np.clip(image + scan.character.sharpen * (image - gaussian_filter(image, 1.2)), 0.0, None)
