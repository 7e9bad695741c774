"""Training one network, and how well it outlines the hearts it is tested on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from synthcmr import __version__
from synthcmr.cohort.labels import Mask
from synthcmr.evaluation.adherence.outlines import segmented
from synthcmr.evaluation.utility.people import SYNTHETIC, Names
from synthcmr.evaluation.utility.segmentation.cases import cases
from synthcmr.evaluation.utility.segmentation.frames import Frames, read_frames
from synthcmr.evaluation.utility.segmentation.network import (
    ExperimentSegmenter,
    SegmentationTask,
    SegmentationTrainingSet,
)
from synthcmr.evaluation.utility.settings import SegmentationSettings
from synthcmr.experiments.jobs import TrainingJob, plain
from synthcmr.judges.segmenter import Segmenter, build
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SegmentationJob(TrainingJob):
    """One network: what it learns from, what it is tested on, and its seed."""

    title: str
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
    def name(self) -> str:
        """Arm and seed."""
        return self.title

    @property
    def key(self) -> str:
        """The hash of everything that the result depends on, so that nothing else is mistaken for it."""
        decided = asdict(self) | {"settings": self.settings.model_dump(mode="json"), "version": __version__}
        decided = {k: v for k, v in decided.items() if k not in ("title", "paths", "pools", "out")}
        digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:16]
        return f"{plain(self.title)}-{digest}"

    def frames(self, source: str, names: Names) -> Frames:
        """The frames of some subjects."""
        return read_frames(self.paths[source], self.pools[source]).of(names)

    def run(self) -> pd.DataFrame:
        """One row per source, subject, phase and structure."""
        import pandas as pd

        tested = {source: self.frames(source, names) for source, names in self.test.items()}
        masks = _nnunet(self, tested) if self.settings.learner == "nnunet" else _dynunet(self, tested)
        return pd.concat([cases(tested[s], masks[s]).assign(source=s) for s in tested], ignore_index=True)


def _dynunet(job: SegmentationJob, tested: Mapping[str, Frames]) -> dict[str, Mask]:
    """What our network outlines after training."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # the same weights whether jobs run beside each other or not
    try:
        trained = train(job)
        return {source: segmented(trained, frames.image) for source, frames in tested.items()}
    finally:
        torch.set_num_threads(before)


def train(job: SegmentationJob) -> Segmenter:
    """The network after the last step: nothing is chosen by looking at real subjects that others do not get to see."""
    settings = job.settings
    with torch.random.fork_rng():
        torch.manual_seed(job.seed)  # the same first weights for every arm
        network = ExperimentSegmenter(build(SegmenterSettings(filters=settings.filters)).network)
    folder = job.work_folder
    shutil.rmtree(folder, ignore_errors=True)  # what a stopped training left: one takes a minute
    folder.mkdir(parents=True)
    learned = training_set(job)
    loop = settings.loop.model_copy(update={"seed": job.seed, "threads": None})
    task = SegmentationTask(network, learned)
    trained = Loop(task, loop, RunFolder(folder), weights=learned.frequency).fit()
    shutil.rmtree(folder)
    return Segmenter(cast(ExperimentSegmenter, trained), "", {})


def training_set(job: SegmentationJob) -> SegmentationTrainingSet:
    """The sets of a job; of two, the synthetic one has the share that the settings say, however large it is."""
    settings = job.settings
    synthetic = settings.share if len(job.learn) > 1 else 1.0
    shares = tuple(synthetic if source == SYNTHETIC else 1 - settings.share for source in job.learn)
    total = sum(shares)
    sets = tuple(job.frames(source, names) for source, names in job.learn.items())
    return SegmentationTrainingSet(sets, tuple(s / total for s in shares), settings.crop, job.augment)


def _nnunet(job: SegmentationJob, tested: Mapping[str, Frames]) -> dict[str, Mask]:
    from synthcmr.evaluation.utility.nnunet.adapter import Nnunet

    learner = Nnunet(job.settings.nnunet_commands, job.settings.nnunet_epochs)
    sets = [job.frames(source, names) for source, names in job.learn.items()]
    return learner.segmented(job.work_folder, sets, tested)
