"""Outlining each image again, and comparing with the mask that was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.evaluation.features.stacks import HEART, LEAST_SLICES, heart_numbers, stacks
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file

Region = npt.NDArray[np.bool_]
SHARE = 95
RIM = 1  # pixels kept around both regions, so that a window's edge is no outline


def hd95(result: Region, requested: Region, spacing_mm: tuple[float, ...]) -> float:
    """Distance of two regions of a slice or of a stack; NaN where one is empty.

    Args:
        result: (rows, columns), or (slices, rows, columns).
        requested: same shape.
        spacing_mm: of pixels, along each axis.
    """
    if not result.any() or not requested.any():
        return float("nan")
    window = _window(result | requested)
    a, b = (_outline(np.pad(region[window], RIM)) for region in (result, requested))
    return max(_directed(a, b, spacing_mm), _directed(b, a, spacing_mm))


def _window(region: Region) -> tuple[slice, ...]:
    return tuple(slice(int(places.min()), int(places.max()) + 1) for places in np.nonzero(region))


def _outline(region: Region) -> Region:
    from scipy.ndimage import binary_erosion

    outline: Region = region & ~binary_erosion(region)
    return outline


def _directed(a: Region, b: Region, spacing_mm: tuple[float, ...]) -> float:
    from scipy.ndimage import distance_transform_edt

    return float(np.percentile(distance_transform_edt(~b, sampling=spacing_mm)[a], SHARE))


Numbers = npt.NDArray[np.float64]
COUNTS = ("both", "found", "asked")  # pixels, over all frames
OUTLINES = (
    "hd95",
    "missed",
    "scored",
)  # mm, summed over frames; frames where nothing was found; frames with enough asked
MULTIPLE = 16  # of rows and columns, that the segmenter needs


class OutlineExtractor:
    """What re-segmentation finds in each image beside what was asked, and what hearts measure both ways."""

    name = "outlines"
    columns = (
        *(f"{s} {n}" for s in STRUCTURES for n in (*COUNTS, *OUTLINES)),
        *(f"found {n}" for n in HEART),
        *(f"asked {n}" for n in HEART),
    )

    def __init__(self, run: Path | None, min_pixels: int) -> None:
        """Load a segmenter of `synthcmr judge fit segmenter`, or the one that ships."""
        self._segmenter, self._least = Segmenter.load(weights_file(run) if run else shipped("segmenter")), min_pixels
        code = Path(__file__).read_bytes()
        self.hash = hashlib.sha256(f"{self._segmenter.hash} {min_pixels}".encode() + code).hexdigest()

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        result = segmented(self._segmenter, batch.image)
        spacing = np.nan_to_num(batch.spacing_mm(), nan=1.0)
        each = [self.compared(f, a, (s[0], s[1])) for f, a, s in zip(result, batch.mask, spacing, strict=True)]
        hearts = _hearts(batch, np.where(batch.mask == Label.UNLABELLED, Label.UNLABELLED, result).astype(np.uint8))
        return np.concatenate([np.array(each, dtype=np.float32), hearts], axis=1)

    def compared(self, predicted: Mask, requested: Mask, spacing_mm: tuple[float, float]) -> list[float]:
        """All structures of one image, (frames, rows, columns) each."""
        known = requested != Label.UNLABELLED
        numbers: list[float] = []
        for label in STRUCTURES.values():
            a, b = (predicted == label) & known, requested == label
            frames = [k for k in range(len(b)) if b[k].sum() >= self._least]
            far = [hd95(a[k], b[k], spacing_mm) for k in frames]
            missed = sum(d != d for d in far)
            numbers += [float((a & b).sum()), float(a.sum()), float(b.sum())]
            numbers += [float(np.nansum(far)), float(missed), float(len(frames))]
        return numbers


def segmented(segmenter: Segmenter, image: npt.NDArray[np.floating]) -> Mask:
    """Labels of images of any size: rims are added for the network and taken off again."""
    rows, columns = image.shape[-2:]
    rim = [(0, 0)] * (image.ndim - 2) + [(0, -n % MULTIPLE) for n in (rows, columns)]
    return segmenter.segment(np.pad(image, rim))[..., :rows, :columns]


def _hearts(batch: FrameBatch, predicted: Mask) -> Values:
    """What each stack measures on the masks found and asked, the same for all its slices."""
    numbers = np.full((len(batch.rows), 2 * len(HEART)), np.nan, dtype=np.float32)
    spacing, step = batch.spacing_mm(), batch.table["slice_step_mm"].to_numpy(dtype=float)
    for rows in stacks(batch):
        first = rows[0]
        if len(rows) < LEAST_SLICES or not np.isfinite([*spacing[first], step[first]]).all():
            continue
        pixel = (spacing[first][0], spacing[first][1])
        both = [heart_numbers(m[rows].swapaxes(0, 1), pixel, step[first]) for m in (predicted, batch.mask)]
        numbers[rows] = np.concatenate(both)
    return numbers


@dataclass(frozen=True)
class Outlines:
    """Scores of each subject, by structure."""

    dice: Mapping[str, Numbers]
    hd95_mm: Mapping[str, Numbers]
    missed: Mapping[str, Numbers]  # share of frames that were asked to show the structure and do not


def by_structure(values: Values, place: npt.NDArray[np.intp], subjects: int) -> Outlines:
    """Sums over the images of each subject turned into scores; NaN for structures that were not asked for."""
    names = OutlineExtractor.columns

    def total(structure: str, name: str) -> Numbers:
        column = np.asarray(values[:, names.index(f"{structure} {name}")], dtype=np.float64)
        return np.bincount(place, column, subjects).astype(np.float64)

    dice, far, missed = {}, {}, {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for s in STRUCTURES:
            requested, scored, gone = total(s, "asked"), total(s, "scored"), total(s, "missed")
            dice[s] = np.where(requested > 0, 2 * total(s, "both") / (total(s, "found") + requested), np.nan)
            far[s] = np.where(scored > gone, total(s, "hd95") / (scored - gone), np.nan)
            missed[s] = np.where(scored > 0, gone / scored, np.nan)
    return Outlines(dice, far, missed)
