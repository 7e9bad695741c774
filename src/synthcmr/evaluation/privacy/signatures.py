"""The coarse look: which of many images have a signature like that of a given one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from synthcmr.evaluation.privacy.looks import mirrored_signature, signature
from synthcmr.evaluation.privacy.shelf import Shelf
from synthcmr.evaluation.privacy.variants import DEGREES, SCALE, undone

MOVES = (
    (-6, -6),
    (-6, 6),
    (6, -6),
    (6, 6),
)  # pixels of a look: where little is seen, as at apices, a window far off sees another image
KEYS = 512  # at once: more take memory that small cohorts do not need
LEAST = 1e-4


@dataclass(frozen=True)
class Measure:
    """What is common to the images that are searched, so that only what tells them apart is compared."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, signatures: Shelf) -> Measure:
        """Mean and spread of each number."""
        total, squares = torch.zeros(signatures.shape), torch.zeros(signatures.shape)
        for _, rows in signatures.stretches(KEYS):
            x = torch.from_numpy(rows)
            total, squares = total + x.sum(dim=0), squares + x.square().sum(dim=0)
        mean = total / len(signatures)
        return cls(mean, (squares / len(signatures) - mean.square()).clamp(min=0).sqrt() + LEAST)

    def unit(self, signatures: Tensor) -> Tensor:
        """Vectors of unit length whose products say how alike two images are."""
        return normalize((signatures - self.mean) / self.spread, dim=1)


def candidates(
    looks: Tensor,
    keys: Shelf,
    known: Measure,
    variants: Tensor,
    count: int,
    barred: npt.NDArray[np.bool_] | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows of the signatures that are most like those of each image, and the variant that makes them so.

    Args:
        looks: (images, frames, SIDE, SIDE).
        keys: signatures that are searched.
        known: their measure.
        variants: that are tried, (variants, 4).
        count: wanted for each image, of which there are as many.
        barred: keys that an image is not compared with, (images, keys).

    Returns:
        Rows (images, count) and variants (images, count, 4).
    """
    asked, variants = _asked(looks, known, variants)
    best = torch.full((len(looks), count), -2.0)
    row, way = torch.zeros(len(looks), count, dtype=torch.long), torch.zeros(len(looks), count, dtype=torch.long)
    for place, signatures in keys.stretches(KEYS):
        alike = (asked @ known.unit(torch.from_numpy(signatures)).T).reshape(len(variants), len(looks), -1)
        most, which = alike.max(dim=0)
        if barred is not None:
            most = most.masked_fill(torch.from_numpy(barred[:, place]), -2.0)
        top, column = most.topk(min(count, most.shape[1]), dim=1)
        rows, ways = torch.cat([row, column + place.start], dim=1), torch.cat([way, which.gather(1, column)], dim=1)
        best, order = torch.cat([best, top], dim=1).topk(count, dim=1)
        row, way = rows.gather(1, order), ways.gather(1, order)
    return row, variants[way]


def _asked(looks: Tensor, known: Measure, variants: Tensor) -> tuple[Tensor, Tensor]:
    """Signatures of all variants of each image, and of those moved that are neither turned nor rescaled; whose each is."""
    plain = variants[(variants[:, SCALE] == 1) & (variants[:, DEGREES] == 0)]
    moved = [torch.roll(looks, move, dims=(-2, -1)) for move in MOVES]
    found = _signatures(looks, variants)
    found += [one for look in moved for one in _signatures(look, plain)]
    return torch.cat([known.unit(one) for one in found]), torch.cat([variants, plain.repeat(len(MOVES), 1)])


def _signatures(looks: Tensor, variants: Tensor) -> list[Tensor]:
    """Of every variant; of mirrored ones without looking again."""
    seen: dict[tuple[float, float], Tensor] = {}
    found = []
    for variant in variants:
        mirror, _, scale, degrees = variant.tolist()
        key = scale, mirror * degrees  # mirroring turns a rotation round
        if key not in seen:
            seen[key] = signature(undone(looks, torch.tensor([[1.0, 1.0, *key]])))
        found.append(seen[key] if mirror > 0 else mirrored_signature(seen[key], looks.shape[1]))
    return found
