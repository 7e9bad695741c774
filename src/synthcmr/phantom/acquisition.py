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
    shift = _quarter_pixel(scan.reconstructed, lines)
    for sensitivity in sensitivities:
        k = _scaled(_transformed(signal * sensitivity, lines), 1 / signal.size)
        noise = rng.standard_normal((2, *lines), dtype=np.float32)
        k = (k * ghost + sigma * (noise[0] + 1j * noise[1])) * weights
        image = _reconstructed(k * shift[0] * shift[1], scan.reconstructed)
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


def _transformed(image: Complex, lines: tuple[int, int]) -> Complex:
    """The middle of k-space; what lies beyond the measured lines is not worked out."""
    rows = _middle(fft.fft(image, axis=0, workers=1), lines[0], 0)
    return _middle(fft.fft(rows, axis=1, workers=1), lines[1], 1)


def _reconstructed(k: Complex, size: tuple[int, int]) -> Complex:
    """Image of k-space zero-filled to `size`, whose sum is k's middle."""
    columns = fft.ifft(_zero_filled(k, size[0], 0), axis=0, norm="forward", workers=1)
    columns = _scaled(columns, 1 / (size[0] * size[1]))  # and back below: images keep the last bit they have always had
    image = fft.ifft(_zero_filled(columns, size[1], 1), axis=1, norm="forward", workers=1)
    return _scaled(image, size[0] * size[1])


def _scaled(values: Complex, by: float) -> Complex:
    """Times a real number, part by part."""
    return np.asarray((values.view(np.float32) * np.float32(by)).view(np.complex64))


def _middle(k: Complex, n: int, axis: int) -> Complex:
    """The `n` (even) lowest frequencies, in rising order."""
    full = k.shape[axis]
    return np.take(k, np.arange(-n // 2, n // 2) % full, axis=axis)


def _zero_filled(k: Complex, n: int, axis: int) -> Complex:
    """The reverse of `_middle`, with zeros for all other frequencies."""
    shape = (n, k.shape[1]) if axis == 0 else (k.shape[0], n)
    full = np.zeros(shape, dtype=np.complex64)
    places = np.arange(-(k.shape[axis] // 2), k.shape[axis] // 2) % n
    if axis == 0:
        full[places] = k
    else:
        full[:, places] = k
    return full


def _quarter_pixel(size: tuple[int, int], lines: tuple[int, int]) -> tuple[Complex, Complex]:
    """Phase along rows and columns of k-space that closes the quarter pixel between the two grids' first points."""
    offset = (OVERSAMPLING - 1) / (2 * OVERSAMPLING)
    rows, columns = (
        np.exp(2j * np.pi * offset * fft.fftshift(fft.fftfreq(n))).astype(np.complex64)[(n - m) // 2 : (n - m) // 2 + m]
        for n, m in zip(size, lines, strict=True)
    )
    return rows[:, None], columns[None, :]


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
