"""The segmentation network of an experiment, what it learns from, and the job that trains and tests one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from synthcmr import __version__
from synthcmr.cohort.labels import Label, Mask
from synthcmr.evaluation.adherence.outlines import segmented
from synthcmr.evaluation.utility.participants import SYNTHETIC, Names
from synthcmr.evaluation.utility.segmentation_frames import LabelledFrames, cases, read_frames
from synthcmr.evaluation.utility.settings import SegmentationSettings
from synthcmr.experiments.jobs import TrainingJob, plain
from synthcmr.judges.augment import standardise, varied_with_mask
from synthcmr.judges.segmenter import CLASSES, Segmenter, SegmenterNetwork, build
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import channels_last_batch
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

UNLABELLED = int(Label.UNLABELLED)
Patch = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


class ExperimentSegmenter(SegmenterNetwork):
    """DynUNet whose loss leaves out unlabelled pixels."""

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy plus soft Dice of the structures, batch-wise."""
        logits = self.network(channels_last_batch(batch["image"])).float()
        mask = batch["mask"]
        known = (mask != UNLABELLED)[:, None]
        wanted = functional.one_hot(mask * known[:, 0], CLASSES).permute(0, 3, 1, 2).float() * known
        predicted = logits.softmax(dim=1) * known
        overlap = (predicted * wanted).sum(dim=(0, 2, 3))[1:]
        total = (predicted + wanted).sum(dim=(0, 2, 3))[1:]
        dice = ((2 * overlap + 1) / (total + 1)).mean()
        entropy = functional.cross_entropy(logits, mask, ignore_index=UNLABELLED, reduction="sum") / known.sum().clamp(
            1
        )
        return entropy + 1 - dice, {"dice": dice}


@dataclass(frozen=True)
class SegmentationTrainingSet:
    """What one network learns from: sets of frames, and how often each set is shown."""

    sets: tuple[LabelledFrames, ...]
    shares: tuple[float, ...]
    crop: int
    augment: bool = False

    @property
    def frequency(self) -> npt.NDArray[np.float64]:
        """Of each frame: within a set every subject is shown as often as any other, however many slices it has."""
        return np.concatenate([share * _even(part) for part, share in zip(self.sets, self.shares, strict=True)])

    def frame(self, row: int) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
        """A frame by its place among those of all sets."""
        for part in self.sets:
            if row < len(part):
                return part.image[row], part.mask[row]
            row -= len(part)
        raise IndexError(row)


def _even(frames: LabelledFrames) -> npt.NDArray[np.float64]:
    count = frames.table.groupby("subject_id")["subject_id"].transform("size").to_numpy(dtype=float)
    return np.asarray(1 / count / frames.table["subject_id"].nunique())


class SegmentationTask:
    """The network in training."""

    optimizer_phases: tuple[str, ...] = ("segment",)

    def __init__(self, network: ExperimentSegmenter, training: SegmentationTrainingSet) -> None:
        """Take a network and what it learns from."""
        self.network: nn.Module = network
        self._training_set = training

    def sizes(self) -> tuple[int, int]:
        """Number of frames; nothing is held out, as every network takes the same number of steps."""
        return sum(len(part) for part in self._training_set.sets), 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Patches from anywhere in the frames: where the heart is does not decide what is shown."""
        patches = [patch(*self._training_set.frame(draw.row), self._training_set.crop, draw.rng) for draw in draws]
        image = torch.from_numpy(np.stack([p[0] for p in patches]))[:, None]
        mask = torch.from_numpy(np.stack([p[1] for p in patches])).long()
        if self._training_set.augment:
            source = torch.Generator().manual_seed(int(draws[0].rng.integers(2**31)))
            image, mask = varied_with_mask(image, mask, source)
        return {"image": standardise(image), "mask": mask}


def patch(image: npt.NDArray[np.floating], mask: npt.NDArray[np.uint8], side: int, rng: np.random.Generator) -> Patch:
    """A square cut out at random; what lies beyond a smaller frame is black, and unlabelled."""
    rim = [(0, max(0, side - n)) for n in image.shape]
    wide, labels = np.pad(image, rim), np.pad(mask, rim, constant_values=UNLABELLED)
    top, left = (int(rng.integers(n - side + 1)) for n in wide.shape)
    window = slice(top, top + side), slice(left, left + side)
    return wide[window].astype(np.float32), labels[window]


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

    def frames(self, source: str, names: Names) -> LabelledFrames:
        """The frames of some subjects."""
        return read_frames(self.paths[source], self.pools[source]).of(names)

    def run(self) -> pd.DataFrame:
        """One row per source, subject, phase and structure."""
        import pandas as pd

        tested = {source: self.frames(source, names) for source, names in self.test.items()}
        masks = _nnunet(self, tested) if self.settings.learner == "nnunet" else _dynunet(self, tested)
        return pd.concat([cases(tested[s], masks[s]).assign(source=s) for s in tested], ignore_index=True)


def _dynunet(job: SegmentationJob, tested: Mapping[str, LabelledFrames]) -> dict[str, Mask]:
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
    training = training_set(job)
    loop = settings.loop.model_copy(update={"seed": job.seed, "threads": None})
    task = SegmentationTask(network, training)
    trained = Loop(task, loop, RunFolder(folder), weights=training.frequency).fit()
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


def _nnunet(job: SegmentationJob, tested: Mapping[str, LabelledFrames]) -> dict[str, Mask]:
    from synthcmr.evaluation.utility.nnunet import Nnunet

    learner = Nnunet(job.settings.nnunet_commands, job.settings.nnunet_epochs)
    sets = [job.frames(source, names) for source, names in job.learn.items()]
    return learner.segmented(job.work_folder, sets, tested)
