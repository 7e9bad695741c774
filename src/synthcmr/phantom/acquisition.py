"""From complex signal to a magnitude image: coils, k-space, noise, reconstruction, post-processing."""

import numpy as np
import numpy.typing as npt
from scipy import fft

from synthcmr.phantom.relaxation import Complex
from synthcmr.phantom.scan import OVERSAMPLING, Scan

Image = npt.NDArray[np.float32]
PARTIAL_FOURIER_MISSING = 0.2  # of the phase-encoding lines, about 6/8 after the overscan


def acquire(signal: Complex, sensitivities: list[Complex], scan: Scan, blood: float, rng: np.random.Generator) -> Image:
    """Magnitude image of one slice and frame, cut to the image size.

    Args:
        signal: complex signal on the simulation grid.
        sensitivities: of each coil, on the same grid.
        scan: how it is scanned.
        blood: signal of blood that `scan.snr` refers to.
        rng: noise and ghosts of this image.
    """
    lines = _acquired(scan)
    weights = _window(scan, lines)
    ghost = _ghost(scan, lines[0], rng)
    sigma = np.float32(blood / scan.snr / np.sqrt((weights**2).sum()))  # so that the image has it, whatever the filter
    power = np.zeros(scan.reconstructed, dtype=np.float32)
    for sensitivity in sensitivities:
        k = _centre(fft.fftshift(fft.fft2(signal * sensitivity, workers=1)), lines) / signal.size
        noise = rng.standard_normal((2, *lines), dtype=np.float32)
        k = (k * ghost + sigma * (noise[0] + 1j * noise[1])) * weights
        image = fft.ifft2(fft.ifftshift(_padded(k, scan.reconstructed)), workers=1) * power.size
        power += image.real**2 + image.imag**2
    return _post(_cut(np.sqrt(power), scan.size), scan)


def _acquired(scan: Scan) -> tuple[int, int]:
    """Phase-encoding lines and samples per line that are really measured."""
    rows, columns = scan.reconstructed
    return int(rows * scan.phase_resolution) // 2 * 2, int(columns * scan.read_resolution) // 2 * 2


def _window(scan: Scan, lines: tuple[int, int]) -> Image:
    """k-space filter; partial Fourier leaves lines at one end empty."""
    rows, columns = (
        1 - min(0.9, 0.6 * scan.window) * np.sin(np.pi / 2 * np.abs(np.linspace(-1, 1, n))) ** 2 for n in lines
    )
    if scan.partial_fourier:
        rows[: int(lines[0] * PARTIAL_FOURIER_MISSING)] = 0.0
    return (rows[:, None] * columns[None, :]).astype(np.float32)


def _ghost(scan: Scan, lines: int, rng: np.random.Generator) -> Image:
    """Periodic modulation of the lines: pulsation between segments."""
    if scan.ghost == 0.0:
        return np.ones((lines, 1), dtype=np.float32)
    phase = 2 * np.pi * np.arange(lines) / rng.integers(2, 6) + rng.uniform(0, 2 * np.pi)
    return (1 + scan.ghost * np.sin(phase))[:, None].astype(np.float32)


def _centre(k: Complex, lines: tuple[int, int]) -> Complex:
    top, left = (k.shape[0] - lines[0]) // 2, (k.shape[1] - lines[1]) // 2
    return k[top : top + lines[0], left : left + lines[1]]


def _padded(k: Complex, size: tuple[int, int]) -> Complex:
    """Zero-fill to the reconstructed size, and shift by the quarter pixel between the grids' first points."""
    full = np.zeros(size, dtype=np.complex64)
    top, left = (size[0] - k.shape[0]) // 2, (size[1] - k.shape[1]) // 2
    full[top : top + k.shape[0], left : left + k.shape[1]] = k
    offset = (OVERSAMPLING - 1) / (2 * OVERSAMPLING)
    rows, columns = (np.exp(2j * np.pi * offset * fft.fftshift(fft.fftfreq(n))).astype(np.complex64) for n in size)
    return full * rows[:, None] * columns[None, :]


def _cut(image: Image, size: tuple[int, int]) -> Image:
    top, left = (image.shape[0] - size[0]) // 2, (image.shape[1] - size[1]) // 2
    return image[top : top + size[0], left : left + size[1]]


def _post(image: Image, scan: Scan) -> Image:
    """The manufacturer's blur and edge enhancement."""
    from scipy.ndimage import gaussian_filter

    smooth = np.asarray(gaussian_filter(image, scan.character.blur_px), dtype=np.float32)
    if scan.character.sharpen == 0.0:
        return smooth
    return np.clip(smooth + scan.character.sharpen * (smooth - gaussian_filter(smooth, 1.2)), 0.0, None)
