"""Copies that are made on purpose, to see whether they are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from synthcmr.evaluation.privacy.pile import Images
from synthcmr.evaluation.privacy.variants import done

SHIFT = 0.125  # of the side, at most, either way
SCALE = (0.8, 1.25)
NOISE = (0.02, 0.08)  # of the range of intensities
GAMMA, GAIN = (0.75, 1.35), (0.7, 1.2)
Change = Callable[[Tensor, np.random.Generator], Tensor]


def mirrored(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Left to right, top to bottom, or both."""
    which = int(rng.integers(3))
    return x.flip([(-1,), (-2,), (-2, -1)][which])


def shifted(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to an eighth of the side down and right; borders are mirrored in."""
    most = int(SHIFT * x.shape[-1])
    down, right = rng.integers(-most, most + 1, size=2)
    wide = pad(x, (most, most, most, most), mode="reflect")
    rows, columns = x.shape[-2:]
    return wide[..., most - down : most - down + rows, most - right : most - right + columns]


def rescaled(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Up to a quarter larger or smaller."""
    scale = float(np.exp(rng.uniform(*np.log(SCALE))))
    return done(x, torch.tensor([[1.0, 1.0, scale, 0.0]]))


def noised(x: Tensor, rng: np.random.Generator) -> Tensor:
    """With white noise."""
    return x + torch.from_numpy(rng.normal(0, rng.uniform(*NOISE), x.shape)).to(x)


def brightened(x: Tensor, rng: np.random.Generator) -> Tensor:
    """With another brightness and contrast."""
    return x.clamp(min=0) ** float(rng.uniform(*GAMMA)) * float(rng.uniform(*GAIN))


def all_at_once(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Everything."""
    for change in (mirrored, shifted, rescaled, brightened, noised):
        x = change(x, rng)
    return x


KINDS: dict[str, Change] = {
    "exact": lambda x, rng: x,
    "mirrored": mirrored,
    "shifted": shifted,
    "rescaled": rescaled,
    "noised": noised,
    "brightened": brightened,
    "all at once": all_at_once,
}


def planted(blocks: Iterator[Images], kind: str, seed: int) -> Iterator[Images]:
    """Copies of images, each changed in its own way."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    for block in blocks:
        changed = [KINDS[kind](torch.from_numpy(image[None].astype(np.float32)), rng) for image in block]
        yield torch.cat(changed).clamp(0, 1).numpy()
