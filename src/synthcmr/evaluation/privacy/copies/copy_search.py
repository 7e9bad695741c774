"""For each image the best match among others after registration: candidates by their signatures, then registration of a few."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, normalize

from synthcmr.cohort.parallel import cores
from synthcmr.evaluation.privacy.copies.registration import (
    DEGREES,
    SCALE,
    Placement,
    half_turned,
    overlap_correlation,
    place,
    refine,
    undo_variants,
    variant_grid,
)
from synthcmr.evaluation.privacy.image_index import ImageIndex, Report, RowStore, mirrored_signature, signature, silent
from synthcmr.evaluation.privacy.settings import SearchSettings

QUERIES, PAIRS = 64, 256  # at once: what more would need, each core would need at the same time
KEYS = 512  # at once: more take memory that small cohorts do not need
POLISHED = 3  # candidates whose scale and rotation are then found exactly
FACTORS, TURNS = (0.96, 0.98, 1.0, 1.02, 1.04), (-4.0, -2.0, 0.0, 2.0, 4.0)
# Pixels of a thumbnail: where little is seen, as at apices, a window far off sees another image.
SHIFTS = ((-6, -6), (-6, 6), (6, -6), (6, 6))
LEAST = 1e-4


class Matches(NamedTuple):
    """What each of some images is most like."""

    key: Tensor  # row of the others, (images,)
    correlation: Tensor
    variant: Tensor  # what would have been done to it to make the image, (images, 4)
    down: Tensor  # share of the side by which the middle of the image, with its variant undone, lies lower in the other
    right: Tensor

    @property
    def correlations(self) -> npt.NDArray[np.float64]:
        """The correlation of each image with its match."""
        return self.correlation.numpy().astype(np.float64)


@dataclass(frozen=True)
class SignatureScaling:
    """What is common to the images that are searched, so that only what tells them apart is compared."""

    mean: Tensor
    spread: Tensor

    @classmethod
    def of(cls, signatures: RowStore) -> SignatureScaling:
        """Mean and spread of each number."""
        total, squares = torch.zeros(signatures.shape), torch.zeros(signatures.shape)
        for _, rows in signatures.chunks(KEYS):
            x = torch.from_numpy(rows)
            total, squares = total + x.sum(dim=0), squares + x.square().sum(dim=0)
        mean = total / len(signatures)
        return cls(mean, (squares / len(signatures) - mean.square()).clamp(min=0).sqrt() + LEAST)

    def unit(self, signatures: Tensor) -> Tensor:
        """Vectors of unit length whose products say how alike two images are."""
        return normalize((signatures - self.mean) / self.spread, dim=1)


def search(
    queries: ImageIndex,
    keys: ImageIndex,
    settings: SearchSettings,
    report: Report = silent,
    what: str = "searching",
    apart: bool = False,
) -> Matches:
    """The best match of every image.

    Args:
        queries: images.
        keys: what they might be copies of.
        settings: what may have been done to them.
        report: called with (done, total, what).
        what: is done, in words.
        apart: no image is compared with those of its own subject.
    """
    variants = variant_grid(settings.scales, settings.degrees)
    scaling = SignatureScaling.of(keys.signatures)
    largest = int(np.unique(keys.subject, return_counts=True)[1].max()) if apart else 0
    count = min(settings.candidates, len(keys) - largest)

    def match(rows: slice, images: npt.NDArray[np.float32]) -> Matches:
        barred = queries.subject[rows, None] == keys.subject if apart else None
        with torch.no_grad():
            query = torch.from_numpy(images)
            return _best(query, keys.thumbnails, *_candidates(query, keys.signatures, scaling, variants, count, barred))

    parts: list[Matches] = []
    with _one_thread_per_core() as pool:
        waiting: deque[Future[Matches]] = deque()
        for rows, images in queries.thumbnails.chunks(QUERIES):
            waiting.append(pool.submit(match, rows, images))
            while len(waiting) > cores():
                parts.append(waiting.popleft().result())
                report(min(QUERIES * len(parts), len(queries)), len(queries), what)
        parts += [one.result() for one in waiting]
    report(len(queries), len(queries), what)
    return Matches(*map(torch.cat, zip(*parts, strict=True)))


@contextmanager
def _one_thread_per_core() -> Iterator[ThreadPoolExecutor]:
    """A pool in which torch does not share out work itself, as the steps of one search are too small for that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(cores()) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _candidates(
    queries: Tensor,
    keys: RowStore,
    scaling: SignatureScaling,
    variants: Tensor,
    count: int,
    barred: npt.NDArray[np.bool_] | None,
) -> tuple[Tensor, Tensor]:
    """Rows of the signatures that are most like those of each image, and the variant that makes them so.

    Args:
        queries: thumbnails, (images, frames, SIDE, SIDE).
        keys: signatures that are searched.
        scaling: of them.
        variants: that are tried, (variants, 4).
        count: wanted for each image, of which there are as many.
        barred: keys that an image is not compared with, (images, keys).

    Returns:
        Rows (images, count) and variants (images, count, 4).
    """
    signatures, variants = _query_signatures(queries, scaling, variants)
    best = torch.full((len(queries), count), -2.0)
    row, way = (torch.zeros(len(queries), count, dtype=torch.long) for _ in range(2))
    for rows, chunk in keys.chunks(KEYS):
        alike = (signatures @ scaling.unit(torch.from_numpy(chunk)).T).reshape(len(variants), len(queries), -1)
        most, which = alike.max(dim=0)
        if barred is not None:
            most = most.masked_fill(torch.from_numpy(barred[:, rows]), -2.0)
        top, column = most.topk(min(count, most.shape[1]), dim=1)
        further_rows, further_ways = column + rows.start, which.gather(1, column)
        best, order = torch.cat([best, top], dim=1).topk(count, dim=1)
        row = torch.cat([row, further_rows], dim=1).gather(1, order)
        way = torch.cat([way, further_ways], dim=1).gather(1, order)
    return row, variants[way]


def _query_signatures(queries: Tensor, scaling: SignatureScaling, variants: Tensor) -> tuple[Tensor, Tensor]:
    """Signatures of all variants of each image, and of those moved that are neither turned nor rescaled; whose each is."""
    plain = variants[(variants[:, SCALE] == 1) & (variants[:, DEGREES] == 0)]
    signatures = _variant_signatures(queries, variants)
    for shift in SHIFTS:
        signatures += _variant_signatures(torch.roll(queries, shift, dims=(-2, -1)), plain)
    return torch.cat([scaling.unit(one) for one in signatures]), torch.cat([variants, plain.repeat(len(SHIFTS), 1)])


def _variant_signatures(queries: Tensor, variants: Tensor) -> list[Tensor]:
    """Of every variant; of mirrored ones without transforming again."""
    upright: dict[tuple[float, float], Tensor] = {}
    signatures = []
    for variant in variants:
        mirror, _, scale, degrees = variant.tolist()
        key = scale, mirror * degrees  # mirroring turns a rotation round
        if key not in upright:
            upright[key] = signature(undo_variants(queries, torch.tensor([[1.0, 1.0, *key]])))
        signatures.append(upright[key] if mirror > 0 else mirrored_signature(upright[key], queries.shape[1]))
    return signatures


def _best(queries: Tensor, keys: RowStore, key: Tensor, variant: Tensor) -> Matches:
    """Of the candidates the one that each image lies on best."""
    key, variant = torch.cat([key, key], dim=1), torch.cat([variant, half_turned(variant)], dim=1)
    coarse = _place_all(queries, keys, key, variant, shrink=2)
    _, kept = coarse.correlation.topk(min(POLISHED, key.shape[1]), dim=1)
    key, variant = _take(key, kept), _take(variant, kept)
    for column, steps in ((SCALE, FACTORS), (DEGREES, TURNS)):
        tries = _changed(variant, column, steps)
        placements = _place_all(queries, keys, key.repeat_interleave(len(steps), dim=1), tries.flatten(1, 2))
        best = placements.correlation.reshape(tries.shape[:3]).argmax(dim=2)
        variant = tries.gather(2, best[:, :, None, None].expand(-1, -1, 1, 4))[:, :, 0]
    fine = _place_all(queries, keys, key, variant)
    best = _overlap_all(queries, keys, key, variant, fine).argmax(dim=1, keepdim=True)
    key, variant, down, right = (_take(x, best)[:, 0] for x in (key, variant, fine.down, fine.right))
    under, which = _rows(keys, key)
    return Matches(key, *refine(queries, under[which], variant, down, right))


def _take(values: Tensor, columns: Tensor) -> Tensor:
    """Some candidates of each image."""
    if values.ndim > columns.ndim:
        columns = columns[:, :, None].expand(-1, -1, values.shape[2])
    return values.gather(1, columns)


def _changed(variant: Tensor, column: int, steps: tuple[float, ...]) -> Tensor:
    """Every variant with each of some factors of scale, or turns, (images, candidates, steps, 4)."""
    changed = variant[:, :, None].repeat(1, 1, len(steps), 1)
    by = torch.tensor(steps)
    changed[..., column] = changed[..., column] * by if column == SCALE else changed[..., column] + by
    return changed


def _place_all(queries: Tensor, keys: RowStore, key: Tensor, variant: Tensor, shrink: int = 1) -> Placement:
    """Every image over each of its candidates, (images, candidates)."""
    small = avg_pool2d(queries, shrink) if shrink > 1 else queries
    image = torch.arange(len(queries)).repeat_interleave(key.shape[1])
    flat, variants = key.flatten(), variant.reshape(-1, 4)
    parts = []
    for start in range(0, len(flat), PAIRS):
        some = slice(start, start + PAIRS)
        parts.append(place(undo_variants(small[image[some]], variants[some]), *_rows(keys, flat[some], shrink)))
    return Placement(*(torch.cat(values).reshape(key.shape) for values in zip(*parts, strict=True)))


def _overlap_all(queries: Tensor, keys: RowStore, key: Tensor, variant: Tensor, at: Placement) -> Tensor:
    """The correlation of all that an image and each of its candidates show, (images, candidates)."""
    image = torch.arange(len(queries)).repeat_interleave(key.shape[1])
    under, which = _rows(keys, key.flatten())
    pairs = queries[image], under[which], variant.reshape(-1, 4), at.down.flatten(), at.right.flatten()
    return overlap_correlation(*pairs).reshape(key.shape)


def _rows(keys: RowStore, places: Tensor, shrink: int = 1) -> tuple[Tensor, Tensor]:
    """Thumbnails from anywhere, each once, and which of them lies at each place."""
    once, which = torch.unique(places, return_inverse=True)
    images = torch.from_numpy(keys.rows(np.asarray(once)))
    return avg_pool2d(images, shrink) if shrink > 1 else images, which
