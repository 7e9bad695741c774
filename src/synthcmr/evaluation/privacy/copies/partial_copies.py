"""Copies of a part of a training image: half of it, its heart in another chest, or its chest around another heart.

Windows of an image are compared with the same windows of every training image, as they are and mirrored. Each window has its own scale of
chance, so that what is compared with a threshold is the window that lies farthest above what held-out images reach in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.copies.calibration import ChanceCorrelations, copy_limits
from synthcmr.evaluation.privacy.image_index import SIDE, ImageIndex, SplitIndexes, build_index
from synthcmr.evaluation.privacy.image_selection import Images, ImageSelection, MemberSplit, Names
from synthcmr.evaluation.privacy.interval_estimates import Floats, IntervalEstimate, share_of_images
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

SHRINK = 2  # of thumbnails, so that a pixel off is no other image
ROWS = SIDE // SHRINK
QUERIES, KEYS = 256, 512  # at once
HEART, CHEST = 0.25, 0.3  # radius of the one window, and of the hole of the other, as shares of the side
PASTED = 0.27  # radius of what is planted in another image
LEAST = 1e-6


class PartialCopies(Settings):
    """The search for copies of parts, and whether planted ones are among them."""

    threshold: float  # of the window that stands out most, on the scale of correlations of half images
    copied: IntervalEstimate  # share of synthetic images
    false_alarms: IntervalEstimate  # the same, of held-out real images that the threshold does not know
    planted: dict[str, IntervalEstimate]  # share found of each kind of planted copies
    weak: tuple[str, ...]  # kinds of which too few were found
    subjects: dict[str, int]  # training subjects of whom a part was copied, and into how many synthetic images


def windows() -> dict[str, Tensor]:
    """Masks of the parts that are compared, (rows, rows)."""
    place = (torch.arange(ROWS) + 0.5) / ROWS - 0.5
    down, right = place[:, None].expand(ROWS, ROWS), place.expand(ROWS, ROWS)
    radius = torch.hypot(down, right)
    parts = {"left": right < 0, "right": right > 0, "top": down < 0, "bottom": down > 0}
    return {name: part.float() for name, part in (parts | {"heart": radius < HEART, "chest": radius > CHEST}).items()}


def window_matches(queries: ImageIndex, keys: ImageIndex, apart: bool = False) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The highest correlation of each window of each image with that of any other, and whose it is, both (images, windows).

    Args:
        queries: images.
        keys: what they might be copies of.
        apart: no image is compared with those of its own subject.
    """
    parts = [
        _chunk_matches(torch.from_numpy(images), queries.subject[rows], keys, apart)
        for rows, images in queries.thumbnails.chunks(QUERIES)
    ]
    best, row = (torch.cat(values).numpy() for values in zip(*parts, strict=True))
    return best.astype(np.float64), row


def partial_copies(
    split: MemberSplit, indexes: SplitIndexes, settings: PrivacyPartSettings, chosen: ImageSelection, work: Path
) -> PartialCopies:
    """Search for copies of parts of members, with a threshold from held-out images.

    Args:
        split: the real images.
        indexes: all images as they are compared.
        settings: of false alarms, and of planted copies.
        chosen: images of members of whom parts are planted.
        work: folder for planted copies.
    """
    own, members, held_out = settings.copies, indexes.members, indexes.held_out
    innocent, _ = window_matches(held_out, members)
    scale = _Scale.of(innocent[indexes.calibrating])
    chance = ChanceCorrelations(scale(innocent)[0], held_out.subject)
    limits = copy_limits(
        chance, indexes.calibrating, partial(_among_members, members, scale), own.false_alarms, len(indexes.synthetic)
    )
    correlation, which = _best(scale, *window_matches(indexes.synthetic, members))
    copied, judged = correlation > limits.threshold, chance.where(~indexes.calibrating)
    planted = {
        kind: _share_found(kind, chosen, split.held_out, members, scale, limits.threshold, settings, work)
        for kind in PARTIAL_KINDS
    }
    names, counts = np.unique(members.subject[which[copied]], return_counts=True)
    return PartialCopies(
        threshold=limits.threshold,
        copied=share_of_images(copied, indexes.synthetic.subject, settings.draws, settings.seed),
        false_alarms=share_of_images(
            judged.correlation > limits.threshold, judged.subject, settings.draws, settings.seed
        ),
        planted=planted,
        weak=tuple(kind for kind, share in planted.items() if share.value < own.found),
        subjects=dict(zip(names.tolist(), counts.tolist(), strict=True)),
    )


class _Scale:
    """What held-out images reach in each window, so that windows of any size can be compared."""

    def __init__(self, mean: Floats, spread: Floats) -> None:
        self.mean, self.spread = mean, spread

    @classmethod
    def of(cls, correlations: Floats) -> _Scale:
        """From those that calibrate, by Fisher's z."""
        z = _fisher(correlations)
        return cls(z.mean(axis=0), z.std(axis=0) + LEAST)

    def __call__(self, correlations: Floats) -> tuple[Floats, npt.NDArray[np.intp]]:
        """The window that stands out most, as a correlation on the scale of the first, and which it is."""
        above = (_fisher(correlations) - self.mean) / self.spread
        return np.tanh(self.mean[0] + self.spread[0] * above.max(axis=1)), above.argmax(axis=1)


def _fisher(correlations: Floats) -> Floats:
    return np.asarray(np.arctanh(np.clip(correlations, -0.999, 0.999)))


def _best(scale: _Scale, correlations: Floats, rows: npt.NDArray[np.intp]) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Of each image the window that stands out most, and the other image that it is of."""
    value, window = scale(correlations)
    return value, rows[np.arange(len(rows)), window]


def _among_members(members: ImageIndex, scale: _Scale) -> ChanceCorrelations:
    """Members, each against the others."""
    return ChanceCorrelations(scale(window_matches(members, members, apart=True)[0])[0], members.subject)


def _chunk_matches(images: Tensor, subject: Names, keys: ImageIndex, apart: bool) -> tuple[Tensor, Tensor]:
    """Of some images."""
    masks = windows()
    best = torch.full((len(images), len(masks)), -1.0)
    row = torch.zeros(len(images), len(masks), dtype=torch.long)
    small = avg_pool2d(images, SHRINK)
    for rows, chunk in keys.thumbnails.chunks(KEYS):
        others = avg_pool2d(torch.from_numpy(chunk), SHRINK)
        barred = torch.from_numpy(subject[:, None] == keys.subject[rows]) if apart else None
        for k, mask in enumerate(masks.values()):
            other = _unit(others, mask)
            alike = torch.maximum(_unit(small, mask) @ other.T, _unit(small.flip(-1), mask) @ other.T)
            if barred is not None:
                alike = alike.masked_fill(barred, -1.0)
            most, column = alike.max(dim=1)
            better = most > best[:, k]
            best[:, k] = torch.where(better, most, best[:, k])
            row[:, k] = torch.where(better, column + rows.start, row[:, k])
    return best, row


def _unit(images: Tensor, mask: Tensor) -> Tensor:
    """A window of each image around its mean, of unit length."""
    inside = images.flatten(2)[:, :, mask.flatten() > 0]
    around = (inside - inside.mean(dim=2, keepdim=True)).flatten(1)
    return around / around.norm(dim=1, keepdim=True).clamp(min=LEAST)


def _half(own: Images, other: Images, rng: np.random.Generator) -> Images:
    """A half of an image beside a half of somebody else's."""
    rows, columns = own.shape[-2:]
    keep = np.zeros((rows, columns), dtype=bool)
    sides = (np.s_[:, : columns // 2], np.s_[:, columns // 2 :], np.s_[: rows // 2], np.s_[rows // 2 :])
    keep[sides[int(rng.integers(4))]] = True
    return np.where(keep, own, other)


def _another_heart(own: Images, other: Images, rng: np.random.Generator) -> Images:
    """An image under another mask: its middle is somebody else's."""
    return np.where(_middle(own), other, own)


def _another_chest(own: Images, other: Images, rng: np.random.Generator) -> Images:
    """The middle of an image in somebody else's."""
    return np.where(_middle(own), own, other)


def _middle(image: Images) -> npt.NDArray[np.bool_]:
    rows, columns = image.shape[-2:]
    down, right = ((np.arange(n) + 0.5) / n - 0.5 for n in (rows, columns))
    inside: npt.NDArray[np.bool_] = np.hypot(down[:, None], right) < PASTED
    return inside


PARTIAL_KINDS: dict[str, Callable[[Images, Images, np.random.Generator], Images]] = {
    "half": _half,
    "another heart": _another_heart,
    "another chest": _another_chest,
}


def planted_parts(images: Images, others: Images, kind: str, seed: int) -> Images:
    """A part of each image within one of the others, who are taken in turn."""
    rng = np.random.default_rng([seed, 14, list(PARTIAL_KINDS).index(kind)])
    mixed = [PARTIAL_KINDS[kind](own, others[k % len(others)], rng) for k, own in enumerate(images)]
    return np.stack(mixed).astype(np.float32)


def _share_found(
    kind: str, chosen: ImageSelection, others: ImageSelection, members: ImageIndex, scale: _Scale, threshold: float,
    settings: PrivacyPartSettings, work: Path,
) -> IntervalEstimate:  # fmt: skip
    """Share of planted copies that are found, with the subject they are of; what is not copied is of people who are no members."""
    strangers = others.with_rows(others.rows[: len(chosen)])
    images = planted_parts(_pixels(chosen), _pixels(strangers), kind, settings.seed)
    index = build_index(work, [images], chosen.subject, chosen.image, None)
    correlation, row = _best(scale, *window_matches(index, members))
    hits = (correlation > threshold) & (members.subject[row] == chosen.subject)
    return share_of_images(hits, chosen.subject, settings.draws, settings.seed)


def _pixels(selection: ImageSelection) -> Images:
    return np.concatenate(list(selection.blocks()))
