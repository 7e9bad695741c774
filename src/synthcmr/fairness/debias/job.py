"""Training one remedy once, and what it says of every validation and test subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from synthcmr.fairness.debias.classifier import Classifier, Lesson, Objective, Trained, Watch, probabilities, train
from synthcmr.fairness.debias.data import Data, Part, read_data
from synthcmr.fairness.debias.examples import Examples, joined
from synthcmr.fairness.debias.people import cells
from synthcmr.fairness.debias.remedies import Remedy
from synthcmr.fairness.debias.settings import DebiasSettings
from synthcmr.fairness.debias.thresholds import decide

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Job:
    """One remedy with one seed."""

    cohort: Path
    sets: Mapping[str, Path]
    settings: DebiasSettings
    remedy: Remedy
    repeat: int
    out: Path
    share: float = 1.0  # of the real training people
    ask: tuple[str, ...] = ()  # sets whose people it is asked about too; their split is then the set's name

    @property
    def file(self) -> Path:
        """Where its answers go."""
        told = self.remedy.name if self.share == 1 else f"{self.remedy.name} {self.share:g}"
        name = "".join(c if c.isalnum() else "-" for c in told)
        return self.out / "predictions" / f"{name}-{self.repeat}.parquet"


def run_job(job: Job) -> Path:
    """Train, and write what is said of the validation and test subjects: subject_id, split, probability, decision, step, loss."""
    data = read_data(job.cohort, job.sets, job.settings)
    with torch.random.fork_rng():
        torch.manual_seed(job.settings.seed * 1000 + job.repeat)  # the same first weights for every remedy
        trained = _trained(job, data)
    table = _answers(job, data, trained)
    job.file.parent.mkdir(parents=True, exist_ok=True)
    partial = job.file.with_suffix(".part")
    table.to_parquet(partial, index=False)
    partial.replace(job.file)
    return job.file


def _trained(job: Job, data: Data) -> Trained:
    settings, remedy = job.settings, job.remedy
    loop = settings.loop.model_copy(update={"seed": settings.seed * 1000 + job.repeat})
    folder = job.out / "work" / job.file.stem
    real = [thinned(data.real.of("train"), job.share, loop.seed)] if remedy.real else []
    lesson = lesson_of(real + [data.sets[name] for name in remedy.sets], remedy, data, settings)
    network = Classifier(
        settings.classifier, Objective(remedy.loss, settings.focal_gamma, settings.dro_rate), int(lesson.cell.max()) + 1
    )
    if remedy.before:
        first = lesson_of([data.sets[name] for name in remedy.before], remedy, data, settings)
        half = loop.model_copy(update={"steps": max(1, loop.steps // 2)})
        learned = train(network, first, None, half, settings.look_every, folder)
        network.load_state_dict(learned.network.state_dict())
        loop = loop.model_copy(update={"steps": max(1, loop.steps - half.steps)})
    watched = data.real.of("validation")
    groups = tuple(np.unique(watched.people[name], return_inverse=True)[1] for name in settings.sensitive)
    watch = Watch(shown(watched.examples, remedy, data, settings), watched.label, groups)
    return train(network, lesson, watch, loop, settings.look_every, folder)


def thinned(part: Part, share: float, seed: int) -> Part:
    """A share of the sick and of the healthy; a larger share holds the smaller ones."""
    if share == 1:
        return part
    rng = np.random.default_rng([seed, 3])
    orders = [rng.permutation(np.flatnonzero(part.label == value)) for value in (0, 1)]
    rows = np.sort(np.concatenate([order[: max(1, round(share * len(order)))] for order in orders]))
    return Part(part.people.iloc[rows].reset_index(drop=True), part.examples.of(rows))


def lesson_of(parts: list[Part], remedy: Remedy, data: Data, settings: DebiasSettings) -> Lesson:
    """What a classifier learns from under a remedy: people count the same, however many images each has."""
    import pandas as pd

    people = pd.concat([part.people for part in parts], ignore_index=True)
    starts = np.cumsum([0, *(len(part.people) for part in parts)])
    examples = joined([(part.examples, int(start)) for part, start in zip(parts, starts, strict=False)])
    _, cell, count = np.unique(cells(people, settings.sensitive), return_inverse=True, return_counts=True)
    even = len(people) / len(count) / count[cell]  # 1 on average over cells that are equally large
    same = np.ones(len(people))
    return Lesson(
        shown(examples, remedy, data, settings),
        people["label"].to_numpy(dtype=np.int64),
        cell,
        even if remedy.even else same,
        even if remedy.weighted else same,
        remedy.augment,
    )


def shown(examples: Examples, remedy: Remedy, data: Data, settings: DebiasSettings) -> Examples:
    """What of the images a remedy shows: all, or the heart alone."""
    return examples.cropped(round(settings.crop_mm / data.spacing_mm)) if remedy.crop else examples


def _answers(job: Job, data: Data, trained: Trained) -> pd.DataFrame:
    import pandas as pd

    settings, remedy = job.settings, job.remedy
    parts = {split: data.real.of(split) for split in ("validation", "test")}
    asked = {name: data.sets[name] for name in job.ask}
    parts |= {name: Part(part.people.assign(split=name), part.examples) for name, part in asked.items()}
    said = {
        split: probabilities(trained.network, shown(part.examples, remedy, data, settings), len(part.people))
        for split, part in parts.items()
    }
    decided = decide(
        said,
        {k: p.people for k, p in parts.items()},
        settings.sensitive if remedy.thresholds else (),
        settings.min_group,
    )
    rows = [
        parts[split].people[["subject_id", "split", "label"]].assign(probability=said[split], decision=decided[split])
        for split in parts
    ]
    return pd.concat(rows, ignore_index=True).assign(step=trained.step, loss=trained.loss)
