"""Training the classifier of one arm once, and what it predicts for validation and test subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from synthcmr.experiments.classifier import (
    Classifier,
    ClassifierTrainingSet,
    Objective,
    TrainedClassifier,
    ValidationSet,
    probabilities,
    train,
)
from synthcmr.experiments.comparison import Floats, Ints
from synthcmr.experiments.images import Examples, ExperimentData, LabelledImages, joined, read_data
from synthcmr.experiments.jobs import Arm, TrainingJob, plain
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.subjects import cells

if TYPE_CHECKING:
    import pandas as pd

HALF = 0.5


@dataclass(frozen=True)
class ClassifierJob(TrainingJob):
    """One arm with one seed; the folder holds results of one experiment, so that its settings need not be in the key."""

    cohort: Path
    sets: Mapping[str, Path]
    settings: DebiasSettings
    arm: Arm
    repeat: int
    out: Path
    fraction: float = 1.0  # of the real training subjects
    predict: tuple[str, ...] = ()  # sets whose subjects are predicted too; their split is then the set's name

    @property
    def name(self) -> str:
        """Arm and seed."""
        return f"{self.arm.name if self.fraction == 1 else self.arm.at(self.fraction)}, seed {self.repeat + 1}"

    @property
    def key(self) -> str:
        """Arm, fraction and seed."""
        stem = self.arm.name if self.fraction == 1 else f"{self.arm.name} {self.fraction:g}"
        return f"{plain(stem)}-{self.repeat}"

    @property
    def file(self) -> Path:
        """Beside the record of the experiment."""
        return self.out / "predictions" / f"{self.key}.parquet"

    def on_one_thread(self) -> Self:
        """The settings of the loop are no part of the key."""
        loop = self.settings.loop.model_copy(update={"threads": 1})
        return replace(self, settings=self.settings.model_copy(update={"loop": loop}))

    def run(self) -> pd.DataFrame:
        """One row per validation and test subject: subject_id, split, label, probability, decision, step, loss."""
        data = read_data(self.cohort, self.sets, self.settings)
        with torch.random.fork_rng():
            torch.manual_seed(self.settings.seed * 1000 + self.repeat)  # the same first weights for every arm
            trained = _trained(self, data)
        return _predicted(self, data, trained)


def _trained(job: ClassifierJob, data: ExperimentData) -> TrainedClassifier:
    settings, arm = job.settings, job.arm
    loop = settings.loop.model_copy(update={"seed": settings.seed * 1000 + job.repeat})
    real = [thinned(data.real.of("train"), job.fraction, loop.seed)] if arm.real else []
    training = training_set([*real, *(data.sets[name] for name in arm.sets)], arm, data, settings)
    network = Classifier(
        settings.classifier, Objective(arm.loss, settings.focal_gamma, settings.dro_rate), int(training.cell.max()) + 1
    )
    if arm.before:
        first = training_set([data.sets[name] for name in arm.before], arm, data, settings)
        half = loop.model_copy(update={"steps": max(1, loop.steps // 2)})
        before = train(network, first, None, half, settings.look_every, job.work_folder)
        network.load_state_dict(before.network.state_dict())
        loop = loop.model_copy(update={"steps": max(1, loop.steps - half.steps)})
    held_out = data.real.of("validation")
    groups = tuple(np.unique(held_out.people[name], return_inverse=True)[1] for name in settings.sensitive)
    validation = ValidationSet(shown(held_out.examples, arm, data, settings), held_out.label, groups)
    return train(network, training, validation, loop, settings.look_every, job.work_folder)


def thinned(part: LabelledImages, fraction: float, seed: int) -> LabelledImages:
    """A fraction of the sick and of the healthy; a larger fraction holds the smaller ones."""
    if fraction == 1:
        return part
    rng = np.random.default_rng([seed, 3])
    orders = [rng.permutation(np.flatnonzero(part.label == value)) for value in (0, 1)]
    rows = np.sort(np.concatenate([order[: max(1, round(fraction * len(order)))] for order in orders]))
    return LabelledImages(part.people.iloc[rows].reset_index(drop=True), part.examples.of(rows))


def training_set(
    parts: list[LabelledImages], arm: Arm, data: ExperimentData, settings: DebiasSettings
) -> ClassifierTrainingSet:
    """What a classifier of an arm learns from: people count the same, however many images each has."""
    import pandas as pd

    people = pd.concat([part.people for part in parts], ignore_index=True)
    starts = np.cumsum([0, *(len(part.people) for part in parts)])
    examples = joined([(part.examples, int(start)) for part, start in zip(parts, starts, strict=False)])
    _, cell, count = np.unique(cells(people, settings.sensitive), return_inverse=True, return_counts=True)
    even = len(people) / len(count) / count[cell]  # 1 on average over cells that are equally large
    same = np.ones(len(people))
    return ClassifierTrainingSet(
        shown(examples, arm, data, settings),
        people["label"].to_numpy(dtype=np.int64),
        cell,
        even if arm.even else same,
        even if arm.weighted else same,
        arm.augment,
    )


def shown(examples: Examples, arm: Arm, data: ExperimentData, settings: DebiasSettings) -> Examples:
    """What of the images an arm shows: all, or the heart alone."""
    return examples.cropped(round(settings.crop_mm / data.spacing_mm)) if arm.crop else examples


def _predicted(job: ClassifierJob, data: ExperimentData, trained: TrainedClassifier) -> pd.DataFrame:
    import pandas as pd

    settings, arm = job.settings, job.arm
    parts = {split: data.real.of(split) for split in ("validation", "test")}
    others = {name: data.sets[name] for name in job.predict}
    parts |= {name: LabelledImages(part.people.assign(split=name), part.examples) for name, part in others.items()}
    probability = {
        split: probabilities(trained.network, shown(part.examples, arm, data, settings), len(part.people))
        for split, part in parts.items()
    }
    people = {split: part.people for split, part in parts.items()}
    decision = decide(probability, people, settings.sensitive if arm.thresholds else (), settings.min_group)
    rows = [
        people[split][["subject_id", "split", "label"]].assign(probability=probability[split], decision=decision[split])
        for split in parts
    ]
    return pd.concat(rows, ignore_index=True).assign(step=trained.step, loss=trained.loss)


def decide(
    probability: Mapping[str, Floats], people: Mapping[str, pd.DataFrame], by: tuple[str, ...], min_group: int
) -> dict[str, Ints]:
    """Decisions: at one half, or with one threshold per group that is chosen on the validation split.

    Args:
        probability: per split, of each person.
        people: per split, with label and groups.
        by: attributes whose crossing has thresholds of its own; empty: one half for all.
        min_group: sick, and healthy, validation subjects that a group needs for a threshold of its own; others take that of everyone.
    """
    if not by:
        return {split: (p >= HALF).astype(np.int64) for split, p in probability.items()}
    held_out = people["validation"]
    everyone = best_threshold(probability["validation"], held_out["label"].to_numpy())
    own = {}
    label, keys = held_out["label"].to_numpy(), _group_keys(held_out, by)
    for group in sorted(set(keys)):
        rows = np.array([key == group for key in keys])
        if min(label[rows].sum(), (1 - label[rows]).sum()) >= min_group:
            own[group] = best_threshold(probability["validation"][rows], label[rows])
    limits = {s: np.array([own.get(key, everyone) for key in _group_keys(table, by)]) for s, table in people.items()}
    return {split: (probability[split] >= limit).astype(np.int64) for split, limit in limits.items()}


def _group_keys(people: pd.DataFrame, by: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [tuple(row) for row in people[list(by)].to_numpy()]


def best_threshold(probability: Floats, label: Ints) -> float:
    """The threshold with the highest balanced accuracy, the middle of all that reach it; one half where one kind is missing."""
    if not 0 < label.sum() < len(label):
        return HALF
    cuts = np.unique(np.concatenate([[0.0, 1.0 + 1e-9], probability]))
    middles = (cuts[:-1] + cuts[1:]) / 2
    positive = probability[None] >= middles[:, None]
    sick = label == 1
    balanced = (positive[:, sick].mean(axis=1) + 1 - positive[:, ~sick].mean(axis=1)) / 2
    best = np.flatnonzero(balanced > balanced.max() - 1e-12)
    return float((middles[best[0]] + middles[best[-1]]) / 2)
