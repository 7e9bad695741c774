"""Where the heart is in a whole field of view: a coarse look first, so that the fine one sees the heart and little else."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label
from synthcmr.cohort.raw import Stack
from synthcmr.judges.segmenter import Segmenter
from synthcmr.labelling.field import Pair, intensity_range, pixels, whole
from synthcmr.labelling.pose import AS_IT_IS, POSES, Pose
from synthcmr.labelling.views import Floats

COARSE_MM = 2.0
LOOKED_AT = (0.3, 0.5, 0.7)  # of the way through the stack: where a heart is whole
CAVITY_MM, WALL_MM = 8.0, 12.0  # over which probabilities are smoothed: a cavity with wall around it is a heart
REACH_MM = 70.0  # from its middle to its farthest part
FAINT = 0.12  # evidence below which other poses are tried: nine in ten healthy looks have more
NOTHING = 0.02  # evidence below which there is no heart
BETTER = 1.25  # times the evidence that makes another pose or scale believable
MOTION_WEIGHT = 0.5
SCALES_MM = (1.0, 1.25, 1.5, 1.75, 2.0)  # pixels tried where nobody says how large they are


@dataclass(frozen=True)
class Place:
    """Where a heart was found."""

    centre: Pair  # native pixels
    evidence: float  # 0 to 1; how much it looks like a heart
    pose: Pose
    spacing_mm: Pair  # of the pixels: the stack's, or what fits best where it has none
    scale_known: bool = True


def locate(judge: Segmenter, stack: Stack) -> Place | None:
    """Find the heart of a stack; None where there is none.

    Three slices of one frame are looked at in the whole field of view. The heart is where a cavity lies within a wall
    in all of them, and where frames differ it is what moves. A stack that shows little is looked at in other poses.
    """
    image = _slices(stack)
    limits = intensity_range(stack)
    motion = _motion(stack)
    if stack.spacing_mm is not None:
        return _believed(
            [_look(judge, image, motion, limits, stack.spacing_mm, pose) for pose in (AS_IT_IS,)],
            judge,
            image,
            motion,
            limits,
        )
    scales = [_look(judge, image, motion, limits, (mm, mm), AS_IT_IS) for mm in SCALES_MM]
    return _believed(scales, judge, image, motion, limits, scale_known=False)


def _believed(
    places: list[Place], judge: Segmenter, image: Floats, motion: Floats | None, limits: Pair, scale_known: bool = True
) -> Place | None:
    best = max(places, key=lambda place: place.evidence)
    if best.evidence < FAINT:
        others = [_look(judge, image, motion, limits, best.spacing_mm, pose) for pose in POSES[1:]]
        other = max(others, key=lambda place: place.evidence)
        best = other if other.evidence > BETTER * best.evidence else best
    if best.evidence < NOTHING:
        return None
    return Place(best.centre, best.evidence, best.pose, best.spacing_mm, scale_known)


def _slices(stack: Stack) -> Floats:
    """(slices, rows, columns) of the first frame, from the middle of the stack."""
    picked = sorted({min(stack.slice_count - 1, int(stack.slice_count * share)) for share in LOOKED_AT})
    return stack.image[0, picked].astype(np.float32)


def _motion(stack: Stack) -> Floats | None:
    """How much each pixel changes over the frames, (rows, columns), 1 where it changes most; None of a single frame."""
    if stack.frame_count == 1:
        return None
    picked = sorted({min(stack.slice_count - 1, int(stack.slice_count * share)) for share in LOOKED_AT})
    change = stack.image[:, picked].astype(np.float32).std(axis=0).mean(axis=0)
    top = float(change.max())
    return np.asarray(change / top, dtype=np.float32) if top > 0 else None


def _look(judge: Segmenter, image: Floats, motion: Floats | None, limits: Pair, spacing_mm: Pair, pose: Pose) -> Place:
    where = whole((image.shape[-2], image.shape[-1]), spacing_mm, COARSE_MM)
    scaled = pixels(image, where, limits)
    found = pose.undo(judge.probabilities(np.ascontiguousarray(pose.apply(scaled))))
    moving = None if motion is None else np.clip(where.grid.image(motion, "linear"), 0.0, 1.0)
    peak, evidence = _peak(found, moving)
    return Place(where.native(_middle(found, peak)), evidence, pose, spacing_mm)


def _peak(found: Floats, motion: Floats | None) -> tuple[tuple[int, int], float]:
    """Where cavity and wall lie together in all slices, and how much they do."""
    cavity, wall = _smooth(found[:, Label.LV], CAVITY_MM), _smooth(found[:, Label.MYOCARDIUM], WALL_MM)
    evidence = (cavity * wall).mean(axis=0)
    weighted = evidence
    if motion is not None:
        moving = _smooth(motion[None], WALL_MM)[0]
        weighted = evidence * (1.0 - MOTION_WEIGHT + MOTION_WEIGHT * moving / max(float(moving.max()), 1e-6))
    row, column = np.unravel_index(int(weighted.argmax()), weighted.shape)
    return (int(row), int(column)), float(evidence[row, column])


def _middle(found: Floats, peak: tuple[int, int]) -> Pair:
    """The middle of the box around the heart that holds the peak."""
    from scipy.ndimage import label

    likely = (1.0 - found[:, Label.BACKGROUND]).max(axis=0) > 0.5
    rows, columns = np.indices(likely.shape)
    likely &= np.hypot(rows - peak[0], columns - peak[1]) * COARSE_MM < REACH_MM
    parts, _ = label(likely)
    own = parts == parts[peak]
    if not likely[peak] or not own.any():
        return float(peak[0]), float(peak[1])
    inside_rows, inside_columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    return (inside_rows[0] + inside_rows[-1]) / 2.0, (inside_columns[0] + inside_columns[-1]) / 2.0


def _smooth(images: npt.NDArray[np.float32], sigma_mm: float) -> Floats:
    from scipy.ndimage import gaussian_filter

    sigma = sigma_mm / COARSE_MM
    return np.asarray(gaussian_filter(images, (0.0, sigma, sigma)), dtype=np.float32)
