"""Random images with a known spectrum."""

import numpy as np
from scipy import fft


def clouds(count: int, shape: tuple[int, int] = (64, 64), slope: float = 2.0, seed: int = 0) -> np.ndarray:
    """Random fields whose amplitude falls with a power of frequency, each with a contrast of its own; values around 0.5."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None])
    radius[0, 0] = 1.0
    noise = fft.rfft2(rng.standard_normal((count, *shape)))
    found = fft.irfft2(noise * radius ** (-slope / 2), s=shape)
    found *= np.exp(rng.normal(0, 0.2, (count, 1, 1))) * 0.08 / found.std(axis=(1, 2), keepdims=True)
    return found - found.mean(axis=(1, 2), keepdims=True) + 0.5


def blurred(images: np.ndarray, width: float = 0.15) -> np.ndarray:
    """Images whose high frequencies are weakened."""
    radius = np.hypot(fft.fftfreq(images.shape[1])[:, None], fft.rfftfreq(images.shape[2])[None])
    return fft.irfft2(fft.rfft2(images) * np.exp(-((radius / width) ** 2) / 2), s=images.shape[1:])
