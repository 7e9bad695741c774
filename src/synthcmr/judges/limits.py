"""What real images score with a judge: the limits by which generated ones are screened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import STRUCTURES
from synthcmr.judges.fitting import Limits
from synthcmr.judges.reader import AttributeReader, Reading, by_subject
from synthcmr.judges.segmenter import Segmenter, dice
from synthcmr.training.images import TrainingImages

MIN_PIXELS = 100  # of a structure, over all frames given; the Dice of a smaller one is a matter of single pixels
INNER = (0.02, 0.9)  # of the way from base to apex: at the ends even annotators disagree about a single slice
PASS = 0.99  # share of real images that a limit lets through


def segmenter_limits(segmenter: Segmenter, images: TrainingImages) -> Limits:
    """The Dice that real slices, and whole stacks, reach with their own masks."""
    segmented = segmenter.segment(images.image.astype(np.float32))
    inner = [
        i for i, a in enumerate(images.attributes) if INNER[0] < float(str(a.get("slice_fraction", -1))) < INNER[1]
    ]
    slices = [mean_dice(segmented[i], images.mask[i]) for i in inner]
    stacks = [mean_dice(segmented[rows], images.mask[rows]) for rows in _rows_of(images.subject)]
    return {"slice": {"dice": _low(slices)}, "stack": {"dice": _low(stacks)}}


def reader_limits(reader: AttributeReader, images: TrainingImages) -> Limits:
    """How far off readings of real slices, and of whole subjects, are: probability of the truth, error of numbers."""
    reading = reader.read(images.image.astype(np.float32))
    names, averaged = by_subject(reading, images.subject)
    first = [images.subject.index(name) for name in names]
    return {
        "slice": _off(reading, images.attributes),
        "stack": _off(averaged, [images.attributes[i] for i in first]),
    }


def mean_dice(segmented: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """Mean over the structures that the mask shows in more than a few pixels; NaN where there is none."""
    shown = [name for name, label in STRUCTURES.items() if (truth == label).sum() >= MIN_PIXELS]
    scores = [score for name, score in dice(segmented, truth).items() if name in shown]
    return float(np.mean(scores)) if scores else float("nan")


def category_probability(reading: Reading, name: str, row: int, value: object) -> float | None:
    """Predicted probability of a category; None where the reader does not know it."""
    if name not in reading.categories or str(value) not in reading.values[name]:
        return None
    return float(reading.categories[name][row, reading.values[name].index(str(value))])


def _off(reading: Reading, attributes: Sequence[Mapping[str, object]]) -> dict[str, float]:
    limits: dict[str, float] = {}
    for name in reading.categories:
        seen = [category_probability(reading, name, i, a[name]) for i, a in enumerate(attributes) if name in a]
        limits[name] = _low([p for p in seen if p is not None])
    for name, values in reading.numbers.items():
        errors = [abs(float(values[i]) - float(str(a[name]))) for i, a in enumerate(attributes) if name in a]
        limits[name] = float(np.quantile(errors, PASS)) if errors else float("inf")
    return limits


def _low(scores: Sequence[float]) -> float:
    known = [s for s in scores if s == s]
    return float(np.quantile(known, 1 - PASS)) if known else 0.0


def _rows_of(subjects: Sequence[str]) -> list[npt.NDArray[np.intp]]:
    names = np.asarray(subjects)
    return [np.flatnonzero(names == name) for name in dict.fromkeys(subjects)]
