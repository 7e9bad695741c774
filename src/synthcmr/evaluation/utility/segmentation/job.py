"""Training one network, and how well it outlines the hearts it is tested on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import torch

from synthcmr import __version__
from synthcmr.cohort.labels import Mask
from synthcmr.evaluation.adherence.outlines import segmented
from synthcmr.evaluation.utility.people import SYNTHETIC, Names
from synthcmr.evaluation.utility.segmentation.cases import cases
from synthcmr.evaluation.utility.segmentation.frames import Frames, read_frames
from synthcmr.evaluation.utility.segmentation.network import Lesson, Outliner, OutlinerTrainee
from synthcmr.evaluation.utility.settings import SegmentationSettings
from synthcmr.judges.segmenter import Segmenter, build
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder


@dataclass(frozen=True)
class Job:
    """One network: what it learns from, what it is tested on, and its seed."""

    name: str
    paths: Mapping[str, Path]  # source -> cohort
    hashes: Mapping[str, str]  # source -> hash of the cohort
    pools: Mapping[str, Names]  # source -> all subjects of any job: what a process reads
    learn: Mapping[str, Names]
    test: Mapping[str, Names]
    augment: bool
    seed: int
    settings: SegmentationSettings
    out: Path

    @property
    def file(self) -> Path:
        """Where its cases go; the name tells everything they depend on, so that nothing else is mistaken for them."""
        told = asdict(self) | {"settings": self.settings.model_dump(mode="json"), "version": __version__}
        told = {k: v for k, v in told.items() if k not in ("name", "paths", "pools", "out")}
        key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
        plain = "".join(c if c.isalnum() else "-" for c in self.name)
        return self.out / f"{plain}-{key}.parquet"

    def frames(self, source: str, names: Names) -> Frames:
        """The frames of some subjects."""
        return read_frames(self.paths[source], self.pools[source]).of(names)


def run_job(job: Job) -> Path:
    """Train and test; writes one row per source, subject, phase and structure."""
    import pandas as pd

    tested = {source: job.frames(source, names) for source, names in job.test.items()}
    found = _nnunet(job, tested) if job.settings.learner == "nnunet" else _dynunet(job, tested)
    table = pd.concat([cases(tested[s], found[s]).assign(source=s) for s in tested], ignore_index=True)
    job.file.parent.mkdir(parents=True, exist_ok=True)
    partial = job.file.with_suffix(".part")
    table.to_parquet(partial, index=False)
    partial.replace(job.file)
    return job.file


def _dynunet(job: Job, tested: Mapping[str, Frames]) -> dict[str, Mask]:
    """What our network outlines after training."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the same weights whether jobs run beside each other or not
    try:
        trained = train(job)
        return {source: segmented(trained, frames.image) for source, frames in tested.items()}
    finally:
        torch.set_num_threads(before)


def train(job: Job) -> Segmenter:
    """The network after the last step: nothing is chosen by looking at real subjects that others do not get to see."""
    settings = job.settings
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)  # the same first weights for every arm
        network = Outliner(build(SegmenterSettings(filters=settings.filters)).network)
    folder = job.out / "work" / job.file.stem
    shutil.rmtree(folder, ignore_errors=True)  # what a stopped training left: one takes a minute
    folder.mkdir(parents=True)
    lesson = lesson_of(job)
    loop = settings.loop.model_copy(update={"seed": job.seed, "threads": None})
    trainee = OutlinerTrainee(network, lesson)
    trained = Loop(trainee, loop, RunFolder(folder), weights=lesson.frequency).fit()
    shutil.rmtree(folder)
    return Segmenter(cast(Outliner, trained), "", {})


def lesson_of(job: Job) -> Lesson:
    """The sets of a job; of two, the synthetic one has the share that the settings say, however large it is."""
    settings = job.settings
    synthetic = settings.share if len(job.learn) > 1 else 1.0
    shares = tuple(synthetic if source == SYNTHETIC else 1 - settings.share for source in job.learn)
    total = sum(shares)
    sets = tuple(job.frames(source, names) for source, names in job.learn.items())
    return Lesson(sets, tuple(s / total for s in shares), settings.crop, job.augment)


def _nnunet(job: Job, tested: Mapping[str, Frames]) -> dict[str, Mask]:
    from synthcmr.evaluation.utility.nnunet.adapter import Nnunet

    learner = Nnunet(job.settings.nnunet_commands, job.settings.nnunet_epochs)
    learned = [job.frames(source, names) for source, names in job.learn.items()]
    return learner.outlined(job.out / "work" / job.file.stem, learned, tested)
