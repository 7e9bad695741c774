"""How good the judges are: Dice of the segmenter, AUC and correlation of the reader, what the encoder sees of damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label, Mask
from synthcmr.errors import SettingsError
from synthcmr.judges.damage import KINDS, damaged
from synthcmr.judges.encoder import ImageEncoder
from synthcmr.judges.reader import AttributeReader, Reading, by_subject
from synthcmr.judges.segmenter import Segmenter, dice
from synthcmr.statistics.roc import auc
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.shipped import shipped
from synthcmr.training.weights import weights_file

MIN_SUBJECTS = 20  # below, an AUC or a correlation says nothing
MIN_GROUP = 5


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
