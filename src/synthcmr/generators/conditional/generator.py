"""A family as a generator: trained in a run folder, loaded from one, asked for images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.output_place import known_as
from synthcmr.cohort.provenance import Input
from synthcmr.conditioning.condition import SCANNER, Condition
from synthcmr.conditioning.hub import named_by_a_file
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import Settings
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.private_run import PublicWords, check_cohort, check_start, run_ledger
from synthcmr.generators.conditional.render import errors, noise_estimates, render
from synthcmr.generators.conditional.settings import ConditionalSettings, Presets, chosen
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.conditional.warm_start import begin_from, phantoms_like, start_file, start_vocabulary
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.privacy.ledger import LEDGER
from synthcmr.training.batches import balanced_weights
from synthcmr.training.described_network import settings_of, vocabulary_of
from synthcmr.training.device import best_device, main_first
from synthcmr.training.images import TrainingImages, check_balance, load_splits
from synthcmr.training.loop import Loop, Observer, as_part
from synthcmr.training.low_rank import merge_low_rank, tune_low_rank
from synthcmr.training.run_folder import SO_FAR, WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings, PrivacySettings
from synthcmr.training.training_task import SampleScorer
from synthcmr.training.verdict import verdict
from synthcmr.training.weights import file_hash, load_weights, read_header, save_weights

N = TypeVar("N", bound=ConditionalNetwork)
MEASURED_IMAGES = 512
FACTS = ("cohort_hash", "images", "steps", "origin", "scanners", "privacy", "looks", LEDGER)
OF_THE_COHORT = ("cohort_hash", "images")  # of a run's record, what weights of a private run do not say


@dataclass(frozen=True)
class TrainingData:
    """What is learned from, what is watched, and the words for both."""

    training: TrainingImages
    held_out: TrainingImages | None
    vocabulary: Vocabulary
    start: Path | None  # weights that the network begins from
    only_here: dict[str, Any] = field(default_factory=dict)  # what the run folder says of them, and no weights


@dataclass(frozen=True)
class Fitting:
    """What a training run has at hand before its first step."""

    cohort: Cohort
    run: Path
    training: TrainingImages
    held_out: TrainingImages | None
    loop: LoopSettings
    observe: Observer | None


class ConditionalGenerator(Generic[N]):
    """Base of the families: what differs between them is the network and its settings."""

    family: str
    settings_kind: ClassVar[type[ConditionalSettings]]
    network_kind: ClassVar[type[Any]]  # built from settings and vocabulary
    trainee_kind: ClassVar[type[ConditionalTrainee]] = ConditionalTrainee
    presets: ClassVar[Presets]
    taught: ClassVar[bool] = False  # by what it begins from: it can say no more than that understands

    def __init__(self, network: N, weights_hash: str, facts: dict[str, object]) -> None:
        """Use `fit` or `load`."""
        self.network: N = network.eval().requires_grad_(False)
        self.hash, self.facts = weights_hash, facts
        self.frames, self.multiple = network.settings.frames, network.settings.multiple
        self.vocabulary = network.text.vocabulary

    @classmethod
    def settings(cls, preset: str) -> tuple[ConditionalSettings, LoopSettings]:
        """Model and loop settings of a preset.

        Raises:
            SettingsError: there is no such preset.
        """
        return chosen(cls.presets, preset)

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        run: Path,
        model: Settings,
        loop: LoopSettings,
        observe: Observer | None = None,
        score: SampleScorer | None = None,
    ) -> Self:
        """Train on the training split, watching the validation split; a run that was cut short goes on.

        Args:
            cohort: whose images are learned from.
            run: folder to make, or to go on in.
            model: settings of the network.
            loop: settings of the training.
            observe: receives how far the run is.
            score: scores samples at every sheet, against the validation and the training split; the run then ends with its best weights.

        Raises:
            CohortError: the cohort has no suitable images, or the folder holds another run.
        """
        settings = cls.settings_kind.model_validate(model.model_dump())
        check_balance(cohort, loop.balance)
        check_start(settings, cls.begins_from(settings), loop)
        check_cohort(cohort, loop)
        data = cls._data(cohort, run, settings, loop, observe)
        torch.manual_seed(loop.seed)
        network = cast(N, cls.network_kind(settings, data.vocabulary))  # before there is a folder: it may lack weights
        folder, inputs = RunFolder(run), [Input(str(cohort.path), "cohort", cohort.hash)]
        with main_first():
            # Where the start lies, other weights may lie when the run goes on.
            seen = {LEDGER: run_ledger(cohort, data.start, settings).digest()}
            folder.start(cls._record(settings, loop, data.vocabulary, data.training) | data.only_here | seen, inputs)
        fitting = Fitting(cohort, run, data.training, data.held_out, loop, observe)
        cls._begin(network, settings, data, fitting)
        header = cls._header(cohort, settings, loop, data)
        going = cls._loop(network, settings, folder, fitting, header, score)
        header[LEDGER] = run_ledger(cohort, data.start, settings, going.mechanisms).to_json()
        network = cast(N, going.fit())
        if not going.main:
            return cls(network, "", {})
        merge_low_rank(network)
        cls.complete(network, fitting)
        header |= {"steps": going.step_of_weights or going.step, "privacy": going.privacy}
        if loop.dp is None:  # fingerprints of private images are what no noise covers
            Fingerprints.of(data.training, data.held_out).save(run / NAME)
        digest = save_weights(network, run / WEIGHTS, header)
        (run / SO_FAR).unlink(missing_ok=True)
        folder.finish(digest, inputs, ended(folder, int(header["steps"])))
        return cls.load(run / WEIGHTS)

    @classmethod
    def _data(
        cls,
        cohort: Cohort,
        run: Path,
        settings: ConditionalSettings,
        loop: LoopSettings,
        observe: Observer | None,
    ) -> TrainingData:
        """The images of both splits, the weights to begin from, and the words for all of them."""
        training, held_out = cls.images(cohort, settings)
        check_size(training, settings, cohort)
        start = cls._start(settings, cohort, run, loop, observe)
        if loop.dp is not None:
            return cls._private_data(training, held_out, settings, loop.dp, start)
        vocabulary = _vocabulary(training, settings, start)
        if cls.taught and start is not None:
            vocabulary = start_vocabulary(start)
            training = only_known(training, vocabulary)
        held_out = None if held_out is None else only_known(held_out, vocabulary)
        return TrainingData(training, held_out, vocabulary, start)

    @classmethod
    def _private_data(
        cls,
        training: TrainingImages,
        held_out: TrainingImages | None,
        settings: ConditionalSettings,
        dp: PrivacySettings,
        start: Path | None,
    ) -> TrainingData:
        """The same with words that the images have no part in."""
        words = PublicWords.of(settings, dp, start, cls.taught)
        watched = None if held_out is None else words.known_in(held_out)
        left_out = {"treated_as_missing": words.unknown_in(training)}
        return TrainingData(words.known_in(training), watched, words.vocabulary, start, left_out)

    @classmethod
    def _begin(cls, network: N, settings: ConditionalSettings, data: TrainingData, fitting: Fitting) -> None:
        """Bring a new network to where its training begins."""
        if data.start is None:
            cls.prepare(network, fitting)
        else:
            cls.begin(network, data.start)
        if settings.rank is not None:
            tune_low_rank(network, settings.rank, whole=("text.",))

    @classmethod
    def _loop(
        cls,
        network: N,
        settings: ConditionalSettings,
        folder: RunFolder,
        fitting: Fitting,
        header: dict[str, Any],
        score: SampleScorer | None,
    ) -> Loop:
        """The training, with what is kept and what is scored on the way."""
        loop, run = fitting.loop, fitting.run
        trainee = cls.trainee_kind(network, fitting.training, fitting.held_out)

        def keep(averaged: nn.Module, step: int) -> None:
            # low-rank additions are merged, and accounts closed, at the end
            if settings.rank is None and loop.dp is None:
                save_weights(averaged, run / SO_FAR, header | {"steps": step, "privacy": None})

        def scored(averaged: nn.Module) -> dict[str, float] | None:
            look = trainee.look(averaged, loop.scored_frames)
            return None if look is None or score is None else score(look)

        # a private run draws subjects, each with the same chance
        weights = None if loop.dp is not None else cls.weights(fitting.training, settings, loop)
        return Loop(trainee, loop, folder, fitting.observe, weights, keep=keep, score=scored if score else None)

    @classmethod
    def images(cls, cohort: Cohort, settings: Any) -> tuple[TrainingImages, TrainingImages | None]:
        """What is learned from, and what is watched, where the cohort has such a split."""
        return load_splits(cohort, settings.frames)

    @classmethod
    def weights(cls, training: TrainingImages, settings: Any, loop: LoopSettings) -> npt.NDArray[np.float64] | None:
        """How often each image is drawn; None for all alike."""
        if not loop.balance:
            return None
        groups = [[str(row.get(name)) for row in training.attributes] for name in loop.balance]
        return balanced_weights(groups, loop.balance_cap)

    @classmethod
    def header(cls, training: TrainingImages) -> dict[str, Any]:
        """What a family notes of the images beside what all of them note."""
        return {}

    @classmethod
    def prepare(cls, network: N, fitting: Fitting) -> None:
        """What comes before the first step: measure the images; some families train a part of the network first."""
        if fitting.loop.dp is None:  # a measure of private images is a release of its own; the usual one does
            network.measure(some_images(fitting.training))

    @classmethod
    def complete(cls, network: N, fitting: Fitting) -> None:
        """What comes after the last step; nothing for most."""

    @classmethod
    def begin(cls, network: N, start: Path) -> None:
        """Take the weights that a run begins from, and everything measured with them."""
        begin_from(network, start)

    @classmethod
    def begins_from(cls, settings: ConditionalSettings) -> tuple[str, ...]:
        """The families whose weights it can begin from."""
        return settings.begins_from or (cls.family,)

    @classmethod
    def _start(
        cls, settings: ConditionalSettings, cohort: Cohort, run: Path, loop: LoopSettings, observe: Observer | None
    ) -> Path | None:
        """The weights to begin from, if any; of families that ship none, phantoms are made and learned from first."""
        if settings.start is None:
            return None
        file = start_file(settings.start, cls.begins_from(settings))
        if file is not None:
            return file
        people = cls._phantoms(cohort, run, observe)
        plain = loop.model_copy(update={"dp": None, "balance": ()})
        without = settings.model_copy(update={"start": None, "rank": None})
        phantom_run = beside(run) / "run"
        cls.fit(people, phantom_run, without, plain, as_part(observe, "on phantoms"))
        return phantom_run / WEIGHTS

    @classmethod
    def _phantoms(cls, cohort: Cohort, run: Path, observe: Observer | None) -> Cohort:
        """Phantoms to learn from before a cohort."""
        size, spacing = cohort.table["height"].iloc[0], cohort.table["spacing_row_mm"].iloc[0]
        return phantoms_like(beside(run) / "cohort", int(size), float(spacing), as_part(observe, "making phantoms"))

    @classmethod
    def load(cls, weights: Path) -> Self:
        """Load a weights file."""
        header = read_header(weights)
        settings = settings_of(weights, cls.settings_kind)
        with named_by_a_file():
            network = cls.network_kind(settings, vocabulary_of(weights))
        load_weights(network, weights)
        network.to(best_device())
        facts = {k: header.get(k) for k in FACTS}
        return cls(cast(N, network), file_hash(weights), facts)

    def sample(
        self, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
    ) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1."""
        return render(self.network, conditions, seeds, settings)

    def errors(
        self, images: npt.NDArray[np.floating], conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> npt.NDArray[np.float32]:
        """How wrong it is about given images, number by number, (images, channels, rows, columns)."""
        return errors(self.network, images, conditions, time, seeds)

    def noise_estimates(
        self,
        images: npt.NDArray[np.floating],
        conditions: Sequence[Condition],
        time: float,
        noise: npt.NDArray[np.float32] | None,
    ) -> npt.NDArray[np.float32] | None:
        """The noise that it believes to be in images with given noise; None: the family knows no time."""
        return noise_estimates(self.network, images, conditions, time, noise)

    @classmethod
    def _record(
        cls, settings: ConditionalSettings, loop: LoopSettings, vocabulary: Vocabulary, training: TrainingImages
    ) -> dict[str, Any]:
        """What tells one run from another."""
        return {
            "family": cls.family,
            "model": settings.model_dump(mode="json"),
            "loop": loop.model_dump(mode="json"),
            "vocabulary": vocabulary.to_json(),
            "cohort_hash": training.cohort_hash,
            "images": len(training),
        }

    @classmethod
    def _header(
        cls, cohort: Cohort, settings: ConditionalSettings, loop: LoopSettings, data: TrainingData
    ) -> dict[str, Any]:
        """What stands in the weights file: the network as it is, wherever it came from. Of private images it says nothing."""
        plain = settings.model_copy(update={"start": None, "rank": None})
        record = cls._record(plain, loop, data.vocabulary, data.training)
        begun = {"begun_from": None if data.start is None else file_hash(data.start)}
        if loop.dp is not None:
            words = PublicWords.of(settings, loop.dp, data.start, cls.taught)
            return {k: v for k, v in record.items() if k not in OF_THE_COHORT} | begun | words.header(data.start)
        return {
            **record,
            **begun,
            "origin": cohort.info.get("origin", []),
            "scanners": _scanners(data.training),
            **cls.header(data.training),
        }


def ended(folder: RunFolder, step: int) -> dict[str, Any]:
    """What the record of a finished run says of its end."""
    judged = verdict(folder.metrics())
    return {"weights_of_step": step, "verdict": None if judged is None else judged.sentence}


def beside(run: Path) -> Path:
    """Where phantoms, and what is learned from them before a run, are kept."""
    return Path(known_as(f"{run}-phantom"))


def some_images(training: TrainingImages) -> Tensor:
    """Enough images to measure, evenly from all, -1 to 1."""
    images = training.image
    return torch.from_numpy(images[:: -(-len(images) // MEASURED_IMAGES)]).float() * 2 - 1


def refuse_private(loop: LoopSettings, family: str, part: str) -> None:
    """Refuse privacy where a part of the network would learn outside of the accounts.

    Raises:
        SettingsError: the run is private.
    """
    if loop.dp is not None:
        raise SettingsError(
            f"--dp: family '{family}' learns {part} first, which would need a budget of its own; begin from weights of phantoms "
            "with --init-from phantom, and only the rest is learned from the patients, within the budget"
        )


def check_size(training: TrainingImages, settings: ConditionalSettings, cohort: Cohort) -> None:
    """Refuse images that do not fit the network.

    Raises:
        SettingsError: they do not.
    """
    rows, columns = training.image.shape[2:]
    if rows % settings.multiple or columns % settings.multiple:
        raise SettingsError(
            f"{cohort.path}: expected rows and columns that are multiples of {settings.multiple}, as the network halves "
            f"them, got {rows}x{columns}; ingest with another --size"
        )


def only_known(images: TrainingImages, vocabulary: Vocabulary) -> TrainingImages:
    """Images whose attributes say nothing but what the vocabulary knows."""
    kept = [{k: v for k, v in row.items() if vocabulary.knows(k, v)} for row in images.attributes]
    return replace(images, attributes=kept)


def _vocabulary(training: TrainingImages, settings: ConditionalSettings, start: Path | None) -> Vocabulary:
    if start is None:
        return Vocabulary.of(training.attributes, settings.attributes)
    return start_vocabulary(start).extended(training.attributes, settings.attributes)


def _scanners(training: TrainingImages) -> list[dict[str, Any]]:
    """Which scanners the images came from and how often, so that one can be drawn where none is requested."""
    scanners = [tuple((k, row[k]) for k in SCANNER if k in row) for row in training.attributes]
    return [{"count": scanners.count(one), "attributes": dict(one)} for one in sorted(set(scanners), key=str) if one]
