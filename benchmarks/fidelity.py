"""Distances between sets of images, in the features of the attribute reader that ships (trained on phantoms alone)."""

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import sqrtm

from synthcmr.judges.augment import standardise
from synthcmr.judges.reader import AttributeReader

FEATURES = "shipped attribute reader, before its answers"
Features = npt.NDArray[np.float64]


@torch.no_grad()
def features(reader: AttributeReader, images: npt.NDArray[np.floating], batch: int = 64) -> Features:
    """What the reader sees before it answers, (images, width)."""
    parts = [torch.from_numpy(images[k : k + batch].astype(np.float32)) for k in range(0, len(images), batch)]
    return np.concatenate([reader.network.network(standardise(part)).double().numpy() for part in parts])


def frechet(a: Features, b: Features) -> float:
    """Fréchet distance of two sets of features taken as Gaussian (FID in this feature space)."""
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


def kernel_distance(a: Features, b: Features) -> float:
    """Unbiased squared maximum mean discrepancy with the cubic kernel (KID in this feature space)."""
    width = a.shape[1]

    def kernel(x: Features, y: Features) -> Features:
        return (x @ y.T / width + 1) ** 3

    n, m = len(a), len(b)
    own = [(k.sum() - np.trace(k)) / (c * (c - 1)) for k, c in ((kernel(a, a), n), (kernel(b, b), m))]
    return float(own[0] + own[1] - 2 * kernel(a, b).mean())
