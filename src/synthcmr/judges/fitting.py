"""What all judges are: fitted in a run folder, on one cohort or several, from random or from known weights; and loaded again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.provenance import Input
from synthcmr.judges.settings import JudgeSettings
from synthcmr.judges.starting_weights import StartingWeights, starting_weights
from synthcmr.privacy.ledger import EMPTY, LEDGER, learned_openly, union
from synthcmr.training.device import main_first
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.training_task import Trainee
from synthcmr.training.weights import save_weights
from synthcmr.training.weights_ledger import weights_ledger

Model = TypeVar("Model", bound=JudgeSettings)
Limits = dict[str, dict[str, float]]  # "slice" and "stack" -> what -> what nearly all real images reach


@dataclass(frozen=True)
class JudgeTask:
    """A judge that is about to be trained."""

    build: Callable[[], Trainee]  # called after the seed is set
    record: dict[str, Any]  # what its weights say of it, beside family and model


class FittedJudge(ABC, Generic[Model]):
    """A network that looks at an image and says what it sees."""

    kind: ClassVar[str]

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        run: Path,
        model: Model,
        loop: LoopSettings,
        observe: Observer | None = None,
        also: Sequence[Cohort] = (),
        init_from: str | Path | None = None,
    ) -> Self:
        """Train on the training split of a cohort, and of others too; a run that was cut short goes on.

        Args:
            cohort: what is learned from.
            run: the run folder.
            model: settings of the network; with `init_from` those of its weights.
            loop: settings of the loop.
            observe: called with the progress.
            also: further cohorts that are learned from.
            init_from: weights to go on from: 'shipped', a run or a file; what they do not know gets new outputs. None
                begins from random weights.

        Raises:
            SettingsError: the weights do not fit the settings, or the cohort has nothing to learn.
        """
        start = None if init_from is None else starting_weights(cls.kind, init_from)
        if start is not None:
            start.check(model)
        training, held_out = load_splits(cohort, cls.frames_of(cohort, model), also)
        task = cls.task(cohort, model, training, held_out, start)
        record = {"family": cls.kind, "model": model.model_dump(mode="json")} | task.record
        images = held_out or training
        return cls.load(
            fit_judge(cohort, run, record, loop, task.build, lambda n: cls.limits_of(n, images), observe, also, start)
        )

    @classmethod
    @abstractmethod
    def load(cls, weights: Path) -> Self:
        """Load a weights file."""

    @classmethod
    @abstractmethod
    def frames_of(cls, cohort: Cohort, model: Model) -> int:
        """How many frames each image is loaded with."""

    @classmethod
    @abstractmethod
    def task(
        cls,
        cohort: Cohort,
        model: Model,
        training: TrainingImages,
        held_out: TrainingImages | None,
        start: StartingWeights | None,
    ) -> JudgeTask:
        """The network in training."""

    @classmethod
    def limits_of(cls, network: nn.Module, images: TrainingImages) -> Limits:
        """What nearly all real images reach, by which generated ones are screened; nothing where no image is screened."""
        return {}


def fit_judge(
    cohort: Cohort,
    run: Path,
    record: dict[str, Any],
    loop: LoopSettings,
    build: Callable[[], Trainee],
    limits: Callable[[nn.Module], Limits],
    observe: Observer | None,
    also: Sequence[Cohort] = (),
    start: StartingWeights | None = None,
) -> Path:
    """Train, measure what real images score, and write the weights.

    Args:
        cohort: what is learned from.
        run: the run folder; a run that was cut short goes on.
        record: family and model settings.
        loop: settings of the loop.
        build: makes the model in training; called after the seed is set.
        limits: measures the trained network on real images.
        observe: called with the progress.
        also: further cohorts that are learned from.
        start: weights that `build` fills the network with, for the records.

    Returns:
        The weights file.
    """
    folder = RunFolder(run)
    inputs = [Input(str(one.path), "cohort", one.hash) for one in (cohort, *also)]
    full = record | {"loop": loop.model_dump(mode="json"), "cohort_hash": cohort.hash}
    full |= {"also": [one.hash for one in also]} if also else {}
    if start is not None:
        full |= {"begun_from": start.hash}
        inputs.append(start.input)
    with main_first():
        folder.start(full, inputs)
    torch.manual_seed(loop.seed)
    going = Loop(build(), loop, folder, observe)
    network = going.fit()
    if going.main:
        seen = union((*map(cohort_ledger, (cohort, *also)), EMPTY if start is None else weights_ledger(start.file)))
        ledger = {LEDGER: learned_openly(seen, "weights", "weights").to_json()}
        header = full | ledger | {"limits": limits(network), "steps": going.step}
        folder.finish(save_weights(network, run / WEIGHTS, header), inputs)
    return run / WEIGHTS
