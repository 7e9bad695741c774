"""How good the judges are on images whose truth is known, and what real images score with them: the limits of screening."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.errors import SettingsError
from synthcmr.judges.encoder import KINDS, ImageEncoder, damaged
from synthcmr.judges.fitting import Limits
from synthcmr.judges.reader import AttributeReader, Reading, by_subject
from synthcmr.judges.segmenter import Segmenter, dice
from synthcmr.statistics.roc import auc
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file

MIN_SUBJECTS = 20  # below, an AUC or a correlation says nothing
MIN_GROUP = 5
MIN_PIXELS = 100  # of a structure, over all frames given; the Dice of a smaller one is a matter of single pixels
INNER = (0.02, 0.9)  # of the way from base to apex: at the ends even annotators disagree about a single slice
PASS = 0.99  # share of real images that a limit lets through


@dataclass(frozen=True)
class Scores:
    """What was measured, on how many, and what could not be."""

    images: int
    subjects: int
    scores: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def score_segmenter(cohort: Cohort, run: Path | None, split: str | None) -> Scores:
    """Mean over subjects of the Dice of each structure, over all slices and frames of a subject."""
    judge = Segmenter.load(weights_file(run) if run else shipped("segmenter"))
    images = load_images(cohort, split, int(cohort.images["n_frames"].mode()[0]))
    segmented = judge.segment(images.image.astype(np.float32))
    segmented = np.where(_unlabelled_frames(images.mask), Label.UNLABELLED, segmented).astype(np.uint8)
    names = np.asarray(images.subject)
    each = [dice(segmented[names == name], images.mask[names == name]) for name in dict.fromkeys(images.subject)]
    scores = {
        k: float(np.mean([d[k] for d in each if k in d])) for k in ("lv", "myo", "rv") if any(k in d for d in each)
    }
    return Scores(len(images), len(each), {f"dice {k}": v for k, v in scores.items()})


def _unlabelled_frames(mask: Mask) -> npt.NDArray[np.bool_]:
    """Pixels that cannot be scored: of frames without a mask, and left out of masks that have a background.

    A mask of one structure alone leaves all other pixels unlabelled, but says that none of them is this structure.
    """
    whole = (mask == Label.BACKGROUND).any(axis=(-2, -1), keepdims=True)
    empty = (mask == Label.UNLABELLED).all(axis=(-2, -1), keepdims=True)
    hidden: npt.NDArray[np.bool_] = (mask == Label.UNLABELLED) & (whole | empty)
    return hidden


def score_reader(cohort: Cohort, run: Path | None, split: str | None) -> Scores:
    """AUC of categories and correlation of numbers, by subject."""
    judge = AttributeReader.load(weights_file(run) if run else shipped("reader"))
    images = load_images(cohort, split, judge.frames)
    return score_readings(judge.read(images.image.astype(np.float32)), images)


def score_encoder(cohort: Cohort, run: Path | None, split: str | None) -> Scores:
    """How well an encoder reads back what was done to images: the correlation of each kind of damage, over images.

    Raises:
        SettingsError: no encoder is named; none comes with the package.
    """
    import torch

    if run is None:
        raise SettingsError("judge score encoder: expected a run after the cohort; none comes with synthcmr")
    judge = ImageEncoder.load(weights_file(run))
    images = load_images(cohort, split, judge.frames)
    spoiled, amount = damaged(torch.from_numpy(images.image.astype(np.float32)), torch.Generator().manual_seed(0))
    read = judge.damage(spoiled)
    scores = {
        f"{kind} correlation": float(np.corrcoef(read[:, k].numpy(), amount[:, k].numpy())[0, 1])
        for k, kind in enumerate(KINDS)
    }
    return Scores(len(images), len(set(images.subject)), scores)


def score_readings(reading: Reading, images: TrainingImages) -> Scores:
    """Compare readings with what is known of each subject."""
    names, averaged = by_subject(reading, images.subject)
    known = [images.attributes[images.subject.index(name)] for name in names]
    scores: dict[str, float] = {}
    absent: dict[str, str] = {}
    for name in (*averaged.categories, *averaged.numbers):
        has = [i for i, a in enumerate(known) if name in a]
        if len(has) < MIN_SUBJECTS:
            absent[name] = f"{len(has)} subjects with it, at least {MIN_SUBJECTS} are needed"
            continue
        truth = [known[i][name] for i in has]
        if name in averaged.categories:
            value = mean_auc(averaged.categories[name][has], [str(t) for t in truth], averaged.values[name])
            if value is None:
                absent[name] = f"fewer than two values with {MIN_GROUP} subjects each"
            else:
                scores[f"{name} AUC"] = value
        else:
            numbers = np.array([float(str(t)) for t in truth])
            scores[f"{name} correlation"] = float(np.corrcoef(averaged.numbers[name][has], numbers)[0, 1])
    return Scores(len(images), len(names), scores, absent)


def mean_auc(probability: npt.NDArray[np.floating], truth: Sequence[str], values: Sequence[str]) -> float | None:
    """Mean over values of one against the rest; None where there are not two values with enough subjects."""
    wanted = np.asarray(truth)
    each = []
    for k, value in enumerate(values):
        mine = wanted == value
        if MIN_GROUP <= mine.sum() <= len(mine) - MIN_GROUP:
            each.append(float(auc(probability[mine, k], probability[~mine, k])[0]))
    return float(np.mean(each)) if each else None


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
