"""A whole stack segmented: a coarse look finds the heart, a fine one asks the judge in each pixel of a window around it, in two views."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask
from synthcmr.cohort.preprocess.heart import mask_centre
from synthcmr.cohort.raw_subject import Stack
from synthcmr.judges.segmenter import CLASSES, Segmenter
from synthcmr.labelling.anatomy import one_heart, with_dark_walls
from synthcmr.labelling.stack_views import (
    AS_IT_IS,
    POSES,
    VIEWS,
    Floats,
    Pair,
    Pose,
    Window,
    intensity_range,
    pixels,
    seen,
    whole,
    window,
)

COARSE_MM = 2.0
LOOKED_AT = (0.3, 0.5, 0.7)  # of the way through the stack: where a heart is whole
CAVITY_MM, WALL_MM = 8.0, 12.0  # over which probabilities are smoothed: a cavity with wall around it is a heart
REACH_MM = 70.0  # from its middle to its farthest part
FAINT = 0.12  # evidence below which other poses are tried: nine in ten healthy hearts have more
NOTHING = 0.02  # evidence below which there is no heart
BETTER = 1.25  # times the evidence that makes another pose or scale believable
MOTION_WEIGHT = 0.5
USUAL_MM, SIZE_SPREAD = 95.0, 0.3  # side of the box around a heart, and its spread as a logarithm
SCALES_MM = (1.0, 1.25, 1.5, 1.75, 2.0)  # pixels tried where their size is unknown


@dataclass(frozen=True)
class HeartLocation:
    """Where a heart was found."""

    centre: Pair  # native pixels
    evidence: float  # 0 to 1; how much it looks like a heart
    pose: Pose
    spacing_mm: Pair  # of the pixels: the stack's, or what fits best where it has none
    scale_known: bool = True


def locate(judge: Segmenter, stack: Stack) -> HeartLocation | None:
    """Find the heart of a stack; None where there is none.

    Three slices of one frame are segmented in the whole field of view. The heart is where a cavity lies within a wall
    in all of them, and where frames differ it is what moves. A stack that shows little is segmented in other poses,
    first its middle slice alone, and one whose pixels have no known size in several sizes.
    """
    look = _PoseSearch(
        judge, stack.image[0, looked_at(stack)].astype(np.float32), _motion(stack), intensity_range(stack)
    )
    scales = [stack.spacing_mm] if stack.spacing_mm is not None else [(mm, mm) for mm in SCALES_MM]
    best = max((look.at(spacing, AS_IT_IS) for spacing in scales), key=lambda seen: seen.score)
    if best.place.evidence < FAINT:
        middle, spacing = look.middle_slice(), best.place.spacing_mm
        likeliest = max(POSES, key=lambda pose: middle.at(spacing, pose).score)
        other = best if likeliest == AS_IT_IS else look.at(spacing, likeliest)
        best = other if other.score > BETTER * best.score else best
    if best.place.evidence < NOTHING:
        return None
    return replace(best.place, scale_known=stack.spacing_mm is not None)


def looked_at(stack: Stack) -> list[int]:
    """Slices from the middle of a stack."""
    return sorted({min(stack.slice_count - 1, int(stack.slice_count * share)) for share in LOOKED_AT})


def _motion(stack: Stack) -> Floats | None:
    """How much each pixel changes over the frames, (rows, columns), 1 where it changes most; None of a single frame."""
    if stack.frame_count == 1:
        return None
    change = stack.image[:, looked_at(stack)].astype(np.float32).std(axis=0).mean(axis=0)
    top = float(change.max())
    return np.asarray(change / top, dtype=np.float32) if top > 0 else None


@dataclass(frozen=True)
class _PoseScore:
    """A place, and how believable it is."""

    place: HeartLocation
    score: float


@dataclass(frozen=True)
class _PoseSearch:
    """Slices of one frame, to be segmented in any size and pose."""

    judge: Segmenter
    image: Floats
    motion: Floats | None
    limits: Pair

    def middle_slice(self) -> _PoseSearch:
        """The same look at one slice, at a third of the cost."""
        middle = len(self.image) // 2
        return replace(self, image=self.image[middle : middle + 1])

    def at(self, spacing_mm: Pair, pose: Pose) -> _PoseScore:
        """Where the heart would be, were pixels of this size and the picture in this pose."""
        where = whole((self.image.shape[-2], self.image.shape[-1]), spacing_mm, COARSE_MM)
        scaled = pixels(self.image, where, self.limits)
        probability = pose.undo(self.judge.probabilities(np.ascontiguousarray(pose.apply(scaled))))
        moving = None if self.motion is None else np.clip(where.grid.image(self.motion, "linear"), 0.0, 1.0)
        peak, evidence = _peak(probability, moving)
        middle, side = _box(probability, peak)
        usual = np.exp(-0.5 * (np.log(max(side * COARSE_MM, 1.0) / USUAL_MM) / SIZE_SPREAD) ** 2)
        return _PoseScore(HeartLocation(where.native(middle), evidence, pose, spacing_mm), evidence * float(usual))


def _peak(probability: Floats, motion: Floats | None) -> tuple[tuple[int, int], float]:
    """Where cavity and wall lie together in all slices, and how much they do."""
    cavity, wall = _smooth(probability[:, Label.LV], CAVITY_MM), _smooth(probability[:, Label.MYOCARDIUM], WALL_MM)
    evidence = (cavity * wall).mean(axis=0)
    weighted = evidence
    if motion is not None:
        moving = _smooth(motion[None], WALL_MM)[0]
        weighted = evidence * (1.0 - MOTION_WEIGHT + MOTION_WEIGHT * moving / max(float(moving.max()), 1e-6))
    row, column = np.unravel_index(int(weighted.argmax()), weighted.shape)
    return (int(row), int(column)), float(evidence[row, column])


def _box(probability: Floats, peak: tuple[int, int]) -> tuple[Pair, float]:
    """Middle and mean side of the box around the heart that holds the peak, pixels."""
    from scipy.ndimage import label

    likely = (1.0 - probability[:, Label.BACKGROUND]).max(axis=0) > 0.5
    rows, columns = np.indices(likely.shape)
    likely &= np.hypot(rows - peak[0], columns - peak[1]) * COARSE_MM < REACH_MM
    parts, _ = label(likely)
    own = parts == parts[peak]
    if not likely[peak] or not own.any():
        return (float(peak[0]), float(peak[1])), 1.0
    (top, bottom), (left, right) = (
        (int(p[0]), int(p[-1])) for p in map(np.flatnonzero, (own.any(axis=1), own.any(axis=0)))
    )
    return ((top + bottom) / 2.0, (left + right) / 2.0), (bottom - top + right - left + 2) / 2.0


def _smooth(images: npt.NDArray[np.float32], sigma_mm: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    sigma = sigma_mm / COARSE_MM
    return np.asarray(gaussian_filter(images, (0.0, sigma, sigma)), dtype=np.float32)


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


def segment(judge: Segmenter, stack: Stack, place: HeartLocation) -> Segmentation:
    """Segment every frame of every slice around a place."""
    where = window(place.spacing_mm, PIXEL_MM, place.centre, SIDE)
    return _segment_at(judge, stack, place, _centred(judge, stack, place, where))


def _centred(judge: Segmenter, stack: Stack, place: HeartLocation, where: Window) -> Window:
    """The window moved to the middle of what a first look at a few slices sees in it."""
    picked = looked_at(stack)
    image = pixels(stack.image[:1, picked], where, intensity_range(stack))[0]
    probability = place.pose.undo(judge.probabilities(np.ascontiguousarray(place.pose.apply(image))))
    middle = mask_centre(one_heart(probability.argmax(axis=1).astype(np.uint8)[None]))
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
        resampled = back.image(frame, "linear")
        resampled[:, Label.BACKGROUND] += 1.0 - resampled.sum(axis=1)  # at the border of the window there is background
        labels[:, *box] = resampled.argmax(axis=1)
    return out


def _segment_at(judge: Segmenter, stack: Stack, place: HeartLocation, where: Window) -> Segmentation:
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
