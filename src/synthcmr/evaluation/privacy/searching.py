"""For each image the one among others that it is most like once laid over it: a coarse look at all, a close look at a few."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from synthcmr.cohort.parallel import cores
from synthcmr.evaluation.privacy.pile import Pile
from synthcmr.evaluation.privacy.refining import refined
from synthcmr.evaluation.privacy.registering import Laid, alike_where_they_meet, lay
from synthcmr.evaluation.privacy.settings import SearchSettings
from synthcmr.evaluation.privacy.shelf import Shelf
from synthcmr.evaluation.privacy.signatures import Measure, candidates
from synthcmr.evaluation.privacy.variants import DEGREES, SCALE, half_turned, tried, undone

QUERIES, PAIRS = 64, 256  # at once: what more would need, each core would need at the same time
POLISHED = 3  # candidates whose scale and rotation are then found exactly
FACTORS, TURNS = (0.96, 0.98, 1.0, 1.02, 1.04), (-4.0, -2.0, 0.0, 2.0, 4.0)
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Matches:
    """What each of some images is most like."""

    key: Tensor  # row of the others, (images,)
    correlation: Tensor
    variant: Tensor  # what would have been done to it to make the image, (images, 4)
    down: Tensor  # share of the side by which the middle of the image, with its variant undone, lies lower in the other
    right: Tensor

    @classmethod
    def joined(cls, parts: list[Matches]) -> Matches:
        """One after the other."""
        names = ("key", "correlation", "variant", "down", "right")
        return cls(*(torch.cat([getattr(p, name) for p in parts]) for name in names))


def search(
    queries: Pile, keys: Pile, settings: SearchSettings, report: Report | None = None, apart: bool = False
) -> Matches:
    """The best match of every image.

    Args:
        queries: images.
        keys: what they might be copies of.
        settings: what may have been done to them.
        report: called with (done, total).
        apart: no image is compared with those of its own subject.
    """
    variants = tried(settings.scales, settings.degrees)
    known = Measure.of(keys.signatures)
    most = int(np.unique(keys.subject, return_counts=True)[1].max()) if apart else 0
    count = min(settings.candidates, len(keys) - most)

    def matched(place: slice, rows: npt.NDArray[np.float32]) -> Matches:
        own = queries.subject[place, None] == keys.subject if apart else None
        with torch.no_grad():
            look = torch.from_numpy(rows)
            found = candidates(look, keys.signatures, known, variants, count, own)
            return _best(look, keys.looks, *found)

    found: list[Matches] = []
    with _side_by_side() as pool:
        waiting: deque[Future[Matches]] = deque()
        for place, rows in queries.looks.stretches(QUERIES):
            waiting.append(pool.submit(matched, place, rows))
            while len(waiting) > cores():
                found.append(waiting.popleft().result())
                if report is not None:
                    report(min(QUERIES * len(found), len(queries)), len(queries))
        found += [one.result() for one in waiting]
    if report is not None:
        report(len(queries), len(queries))
    return Matches.joined(found)


@contextmanager
def _side_by_side() -> Iterator[ThreadPoolExecutor]:
    """A thread for each core, as the steps of one search are too small to share out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(cores()) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


def _best(look: Tensor, keys: Shelf, key: Tensor, variant: Tensor) -> Matches:
    """Of the candidates the one that each image lies on best."""
    key, variant = torch.cat([key, key], dim=1), torch.cat([variant, half_turned(variant)], dim=1)
    roughly = _laid(look, keys, key, variant, shrink=2)
    _, kept = roughly.correlation.topk(min(POLISHED, key.shape[1]), dim=1)
    key, variant = _chosen(key, kept), _chosen(variant, kept)
    for column, steps in ((SCALE, FACTORS), (DEGREES, TURNS)):
        tries = _changed(variant, column, steps)
        laid = _laid(look, keys, key.repeat_interleave(len(steps), dim=1), tries.flatten(1, 2))
        best = laid.correlation.reshape(tries.shape[:3]).argmax(dim=2)
        variant = tries.gather(2, best[:, :, None, None].expand(-1, -1, 1, 4))[:, :, 0]
    laid = _laid(look, keys, key, variant)
    whole = _whole(look, keys, key, variant, laid)
    best = whole.argmax(dim=1, keepdim=True)
    key, variant, *place = (_chosen(x, best)[:, 0] for x in (key, variant, laid.correlation, laid.down, laid.right))
    under, which = _rows(keys, key)
    last = refined(look, under[which], variant, Laid(*place))
    return Matches(key, last.correlation, last.variant, last.laid.down, last.laid.right)


def _chosen(values: Tensor, columns: Tensor) -> Tensor:
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


def _laid(look: Tensor, keys: Shelf, key: Tensor, variant: Tensor, shrink: int = 1) -> Laid:
    """Every image over each of its candidates, (images, candidates)."""
    small = avg_pool2d(look, shrink) if shrink > 1 else look
    image = torch.arange(len(look)).repeat_interleave(key.shape[1])
    flat, ways = key.flatten(), variant.reshape(-1, 4)
    parts = []
    for start in range(0, len(flat), PAIRS):
        some = slice(start, start + PAIRS)
        parts.append(lay(undone(small[image[some]], ways[some]), *_rows(keys, flat[some], shrink)))
    whole = [torch.cat([getattr(p, name) for p in parts]) for name in ("correlation", "down", "right")]
    return Laid(*(value.reshape(key.shape) for value in whole))


def _whole(look: Tensor, keys: Shelf, key: Tensor, variant: Tensor, laid: Laid) -> Tensor:
    """The correlation of all that an image and each of its candidates show, (images, candidates)."""
    image = torch.arange(len(look)).repeat_interleave(key.shape[1])
    flat = Laid(*(x.flatten() for x in (laid.correlation, laid.down, laid.right)))
    under, which = _rows(keys, key.flatten())
    found = alike_where_they_meet(look[image], under[which], variant.reshape(-1, 4), flat)
    return found.reshape(key.shape)


def _rows(keys: Shelf, places: Tensor, shrink: int = 1) -> tuple[Tensor, Tensor]:
    """Looks from anywhere, each once, and which of them lies at each place."""
    once, which = torch.unique(places, return_inverse=True)
    seen = torch.from_numpy(keys.rows(np.asarray(once)))
    return avg_pool2d(seen, shrink) if shrink > 1 else seen, which
