"""A whole stack segmented: what the judge says in each pixel of a window around the heart, seen in two views."""

from dataclasses import dataclass, replace

import numpy as np

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.preprocess.heart import mask_centre
from synthcmr.cohort.raw import Stack
from synthcmr.judges.segmenter import CLASSES, Segmenter
from synthcmr.labelling.anatomy import one_heart
from synthcmr.labelling.blood import with_dark_walls
from synthcmr.labelling.field import Window, intensity_range, pixels, window
from synthcmr.labelling.locate import Place, looked_at
from synthcmr.labelling.views import VIEWS, Floats, seen

PIXEL_MM = 1.5  # what judges are trained on
SIDE = 112  # pixels of the window: the largest hearts, and room around them
AT_ONCE = 64  # slices in memory as probabilities of both views
SMOOTHED_FROM = 8  # frames: of a cine, neighbours in time vote too
SMOOTHING = (0.25, 0.5, 0.25)


@dataclass(frozen=True)
class Segmentation:
    """What was seen of a stack, (frames, slices, ...)."""

    where: Window
    image: Floats  # the window, 0 to 1
    probability: Floats  # (frames, slices, 4, rows, columns), both views and neighbours in time together
    views: tuple[Mask, Mask]  # what each view alone would say
    labels: Mask  # in the window, one heart


def segment(judge: Segmenter, stack: Stack, place: Place) -> Segmentation:
    """Segment every frame of every slice around a place."""
    where = window(place.spacing_mm, PIXEL_MM, place.centre, SIDE)
    return _segment_at(judge, stack, place, _centred(judge, stack, place, where))


def _centred(judge: Segmenter, stack: Stack, place: Place, where: Window) -> Window:
    """The window moved to the middle of what a first look at a few slices sees in it."""
    picked = looked_at(stack)
    image = pixels(stack.image[:1, picked], where, intensity_range(stack))[0]
    found = place.pose.undo(judge.probabilities(np.ascontiguousarray(place.pose.apply(image))))
    middle = mask_centre(one_heart(found.argmax(axis=1).astype(np.uint8)[None]))
    return where if middle is None else replace(where, centre=where.native(middle))


def native_labels(probability: Floats, where: Window, shape: tuple[int, int]) -> Mask:
    """The most probable label of every native pixel, frame by frame.

    Args:
        probability: (frames, slices, 4, rows, columns) in the window.
        where: the window.
        shape: native rows and columns.
    """
    back, box = where.back(shape), where.box(shape)
    out = np.zeros((*probability.shape[:2], *shape), dtype=np.uint8)
    for labels, frame in zip(out, probability, strict=True):
        found = back.image(frame, "linear")
        found[:, Label.BACKGROUND] += 1.0 - found.sum(axis=1)  # at the border of the window there is background
        labels[:, *box] = found.argmax(axis=1)
    return out


def _segment_at(judge: Segmenter, stack: Stack, place: Place, where: Window) -> Segmentation:
    frames, slices = stack.image.shape[:2]
    image = pixels(stack.image, where, intensity_range(stack))
    flat = image.reshape(-1, *where.shape)
    probability = np.empty((len(flat), CLASSES, *where.shape), dtype=np.float32)
    views = (np.empty(flat.shape, dtype=np.uint8), np.empty(flat.shape, dtype=np.uint8))
    for start in range(0, len(flat), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        posed = np.ascontiguousarray(place.pose.apply(flat[part]))
        one, other = seen(judge, posed, VIEWS[0]), _alternating(judge, posed, np.arange(len(flat))[part] // slices)
        views[0][part], views[1][part] = (place.pose.undo(p.argmax(axis=1).astype(np.uint8)) for p in (one, other))
        probability[part] = place.pose.undo((one + other) / 2.0)
    shaped = probability.reshape(frames, slices, CLASSES, *where.shape)
    smooth = _over_time(shaped)
    rough = one_heart(smooth.argmax(axis=2).astype(np.uint8))
    smooth = with_dark_walls(smooth, rough, image)
    labels = one_heart(smooth.argmax(axis=2).astype(np.uint8))
    return Segmentation(where, image, smooth, (views[0].reshape(labels.shape), views[1].reshape(labels.shape)), labels)


def _alternating(judge: Segmenter, image: Floats, frame: np.ndarray) -> Floats:
    """A second view of each slice; frames take turns at being turned left and right, so that a cine sees both."""
    out = np.empty((len(image), CLASSES, *image.shape[-2:]), dtype=np.float32)
    for k, view in enumerate(VIEWS[1:]):
        own = frame % (len(VIEWS) - 1) == k
        if own.any():
            out[own] = seen(judge, image[own], view)
    return out


def _over_time(probability: Floats) -> Floats:
    """Each frame of a cine together with its neighbours."""
    if len(probability) < SMOOTHED_FROM:
        return probability
    before = np.concatenate([probability[:1], probability[:-1]])
    after = np.concatenate([probability[1:], probability[-1:]])
    mixed = SMOOTHING[0] * before + SMOOTHING[1] * probability + SMOOTHING[2] * after
    return np.asarray(mixed, dtype=np.float32)
