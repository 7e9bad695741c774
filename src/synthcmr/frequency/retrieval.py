"""The most similar real images, by structural similarity of small pictures: a few matrix products for thousands of pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthcmr.frequency.plane import Floats

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
    found: npt.NDArray[np.float32] = (
        (2 * mx * my + C1) * (2 * both + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2))
    ).astype(np.float32)
    return found


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
