"""What all judges are: fitted in a run folder, on one cohort or several, and loaded again.

They begin from random weights or go on from weights which are there already, those that ship or those of another run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.provenance import Input
from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary, Word
from synthcmr.config import settings_from_dict
from synthcmr.errors import SettingsError
from synthcmr.judges.settings import JudgeSettings
from synthcmr.privacy.ledger import EMPTY, LEDGER, learned_openly, union
from synthcmr.training.device import main_first
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.training_task import Trainee
from synthcmr.training.weights import file_hash, read_header, read_tensors, save_weights, weights_file
from synthcmr.training.weights_ledger import weights_ledger

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED = "shipped"
# judge -> whose weights it can go on from, the preferred first; readers and encoders share their trunk
FAMILIES = {"segmenter": ("segmenter",), "reader": ("reader", "encoder"), "encoder": ("encoder", "reader")}
SHIPPED_FOR = {"segmenter": "segmenter", "reader": "reader", "encoder": "reader"}

Model = TypeVar("Model", bound=JudgeSettings)
Limits = dict[str, dict[str, float]]  # "slice" and "stack" -> what -> what nearly all real images reach


@dataclass(frozen=True)
class StartingWeights:
    """A weights file that a judge goes on from."""

    name: str  # as given: 'shipped', a run, or a file
    file: Path
    header: Mapping[str, Any] = field(repr=False)

    @cached_property
    def hash(self) -> str:
        """Hash of the file."""
        return file_hash(self.file)

    @property
    def input(self) -> Input:
        """As it stands in provenance.json."""
        return Input(self.name, "run", self.hash)

    @property
    def vocabulary(self) -> Vocabulary:
        """The attributes that the weights read, and their values."""
        return Vocabulary.from_json(self.header["vocabulary"])

    def settings(self, kind: type[Model]) -> Model:
        """Default settings of a judge with the architecture of these weights."""
        defaults = kind()
        known = self.header["model"]
        own = {name: known[name] for name in kind.architecture() if name in known}
        own |= {name: known[name] for name in ("attributes",) if name in known}
        return settings_from_dict(
            {**defaults.model_dump(), **kind.fine_tuned(), **own}, kind, f"--init-from {self.name}"
        )

    def check(self, model: JudgeSettings) -> None:
        """Refuse settings of another architecture.

        Raises:
            SettingsError: the weights do not fit a network of these settings.
        """
        known = self.header["model"]
        for name in model.architecture():
            wanted, got = _as_json(known.get(name)), _as_json(getattr(model, name))
            if name in known and wanted != got:
                raise SettingsError(
                    f"--init-from {self.name}: expected model.{name} {wanted}, which its weights were trained with, got {got}; "
                    f"leave '--set model.{name}' out, or train from nothing without --init-from"
                )


def starting_weights(judge: str, init_from: str | Path) -> StartingWeights:
    """The weights that a judge goes on from.

    Args:
        judge: segmenter, reader or encoder.
        init_from: 'shipped', a run folder of `synthcmr judge fit`, or its weights file.

    Raises:
        SettingsError: nothing is there, or it is no judge of this kind.
    """
    name = str(init_from)
    if name != SHIPPED and not Path(name).exists():
        raise SettingsError(
            f"--init-from {name}: expected '{SHIPPED}', a run folder of 'synthcmr judge fit {judge}' or its weights file, "
            "but nothing is there"
        )
    file = shipped(SHIPPED_FOR[judge]) if name == SHIPPED else weights_file(Path(name))
    header = read_header(file)
    family = header.get("family")
    if family not in FAMILIES[judge]:
        expected = " or ".join(FAMILIES[judge])
        raise SettingsError(
            f"--init-from {name}: expected weights of a {expected}, got those of '{family}'; name a run of "
            f"'synthcmr judge fit {judge}', or '{SHIPPED}'"
        )
    return StartingWeights(name, file, header)


def fill(network: nn.Module, start: StartingWeights, new: Collection[str] = ()) -> None:
    """Put starting weights into a network.

    Args:
        network: to fill.
        start: what is put there.
        new: parts of the network that keep their random start.

    Raises:
        SettingsError: some other part has another shape.
    """
    own, stored = network.state_dict(), read_tensors(start.file)
    wanted = [name for name in own if name not in new]
    strange = [name for name in wanted if name not in stored or stored[name].shape != own[name].shape]
    if strange:
        raise SettingsError(
            f"--init-from {start.name}: expected weights of a network of the same shape; {len(strange)} parts differ, first "
            f"'{strange[0]}'; train from nothing without --init-from"
        )
    network.load_state_dict(own | {name: stored[name] for name in wanted})


def fill_head(head: nn.Linear, vocabulary: Vocabulary, start: StartingWeights) -> None:
    """Put the outputs of attributes and values that the starting weights know into a head; others stay random."""
    import torch

    stored = read_tensors(start.file)
    known = {output: row for row, output in enumerate(outputs(start.vocabulary))}
    pairs = [(row, known[output]) for row, output in enumerate(outputs(vocabulary)) if output in known]
    with torch.no_grad():
        for parameter, values in ((head.weight, stored["head.weight"]), (head.bias, stored["head.bias"])):
            _copy_rows(parameter, values, pairs)


def outputs(vocabulary: Vocabulary) -> list[tuple[str, str | None]]:
    """(attribute, value) of each output of a head, in order; None for the value of a number."""
    return [
        (word.name, value)
        for word in vocabulary.words
        for value in (word.values if isinstance(word, CategoryWord) else (None,))
    ]


def going_on(known: Vocabulary, own: Vocabulary) -> Vocabulary:
    """The attributes of a cohort; a number that the starting weights read keeps the mean and spread that they learned."""
    numbers = {word.name: word for word in known.words if isinstance(word, NumberWord)}

    def kept(word: Word) -> Word:
        return numbers.get(word.name, word) if isinstance(word, NumberWord) else word

    return Vocabulary(tuple(kept(word) for word in own.words))


def new_outputs(known: Vocabulary, own: Vocabulary) -> list[str]:
    """Attributes, and 'attribute=value', that the starting weights do not read."""
    fresh = [output for output in outputs(own) if output not in outputs(known)]
    named = [name if value is None or name not in known.names else f"{name}={value}" for name, value in fresh]
    return list(dict.fromkeys(named))


def _copy_rows(parameter: Tensor, values: Tensor, pairs: list[tuple[int, int]]) -> None:
    for row, stored_row in pairs:
        parameter[row] = values[stored_row]


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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
