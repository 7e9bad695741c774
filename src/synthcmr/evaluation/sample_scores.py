"""What samples in the middle of training score: how far from real images, and whether they are copies of those learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.features.radiomics import OF_REGION, REGIONS, RadiomicsExtractor
from synthcmr.evaluation.features.spectrum import COUNT
from synthcmr.evaluation.features.stream import FrameBatch
from synthcmr.evaluation.privacy.image_index import thumbnails
from synthcmr.frequency.fourier import Plane, spectra
from synthcmr.frequency.rings import Rings
from synthcmr.statistics.energy import distance

if TYPE_CHECKING:
    from synthcmr.training.training_task import Frames, SampleLook

Numbers = npt.NDArray[np.float64]
NOT_SHAPE = len(REGIONS) * len(
    OF_REGION
)  # columns of radiomics that are of pixels; shapes are those of the masks that were asked for
SPACING = ["spacing_row_mm", "spacing_column_mm"]


def sample_scores(look: SampleLook) -> dict[str, float]:
    """Distances at equal numbers of frames, the error of ring powers, and how near copies the samples are.

    Returns:
        frames: on each side of a distance.
        held_out, training: mean energy distance of textures and ring powers to real frames of either split; 0 where nothing differs.
        real: the same of the two splits, which is what real images reach.
        rings: mean error of the logarithm of power, over all rings.
        own_ratio: distance of a sample to the very frame whose mask and patient were asked for, training split over held-out; about 1
            unless training images come back.
        near_ratio: distance of samples for held-out people to the nearest training frame, over that of the held-out frames themselves.
    """
    drawn = _joined(look.drawn_for_training, look.drawn_for_held_out)
    count = min(len(drawn), len(look.training), len(look.held_out))
    samples, training, held_out = (
        frame_descriptors(thinned(one, count)) for one in (drawn, look.training, look.held_out)
    )
    rings = NOT_SHAPE
    return {
        "frames": float(count),
        "held_out": distance(held_out, samples),
        "training": distance(training, samples),
        "real": distance(held_out, training),
        "rings": float(np.abs(np.nanmean(samples[:, rings:], axis=0) - np.nanmean(held_out[:, rings:], axis=0)).mean()),
        **copy_ratios(look),
    }


def copy_ratios(look: SampleLook) -> dict[str, float]:
    """How much nearer samples come to what was learned from than to what was not; see `sample_scores`."""
    training, held_out = _pictures(look.training), _pictures(look.held_out)
    for_training, for_held_out = _pictures(look.drawn_for_training), _pictures(look.drawn_for_held_out)
    own = [
        float(np.median(1 - (drawn * real[: len(drawn)]).sum(axis=1)))
        for drawn, real in ((for_training, training), (for_held_out, held_out))
    ]
    near = [
        float(np.median(1 - (one @ training.T).max(axis=1))) for one in (for_held_out, held_out[: len(for_held_out)])
    ]
    return {"own_ratio": own[0] / max(own[1], 1e-6), "near_ratio": near[0] / max(near[1], 1e-6)}


def frame_descriptors(frames: Frames) -> Numbers:
    """Intensity and texture of regions, then log power of rings, (frames, numbers)."""
    import pandas as pd

    unknown = pd.DataFrame(np.full((len(frames), 2), np.nan), columns=SPACING)
    batch = FrameBatch(np.arange(len(frames)), frames.image[:, None], frames.mask[:, None], unknown)
    texture = RadiomicsExtractor().of(batch)[:, :NOT_SHAPE]
    return np.concatenate([texture, ring_powers(frames)], axis=1).astype(np.float64)


def ring_powers(frames: Frames) -> Numbers:
    """Log power of the rings, (frames, rings)."""
    plane = Plane(*frames.image.shape[1:])
    shared = Rings.of(plane, min(COUNT, min(plane.rows, plane.columns) // 2))
    return shared.log_power(spectra(frames.image, plane)).astype(np.float64)


def _pictures(frames: Frames) -> npt.NDArray[np.float32]:
    """Small band-passed pictures of unit length, (frames, pixels): their products are correlations."""
    flat = thumbnails(frames.image[:, None]).flatten(1)
    unit: npt.NDArray[np.float32] = (flat / flat.norm(dim=1, keepdim=True).clamp(min=1e-6)).numpy()
    return unit


def _joined(one: Frames, other: Frames) -> Frames:
    return type(one)(np.concatenate([one.image, other.image]), np.concatenate([one.mask, other.mask]))


def thinned(frames: Frames, count: int) -> Frames:
    """At most so many frames, evenly from all."""
    rows = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
    return type(frames)(frames.image[rows], frames.mask[rows])
