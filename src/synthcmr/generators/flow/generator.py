"""The flow family as a generator: trained in a run folder, loaded from one, asked for images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input
from synthcmr.conditioning.condition import SCANNER, Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import Settings, settings_from_dict
from synthcmr.errors import SettingsError
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.flow.network import SPECTRUM_IMAGES, FlowNetwork
from synthcmr.generators.flow.presets import PRESETS
from synthcmr.generators.flow.render import render
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.generators.flow.trainee import FlowTrainee
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.draws import balanced_weights
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.processes import main_first
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.weights import file_hash, load_weights, read_header, save_weights


class FlowGenerator:
    """Rectified flow on pixel-unshuffled images."""

    family = "flow"

    def __init__(self, network: FlowNetwork, weights_hash: str, facts: dict[str, object]) -> None:
        """Use `fit` or `load`."""
        self.network = network.eval().requires_grad_(False)
        self.hash, self.facts = weights_hash, facts
        self.frames, self.multiple = network.settings.frames, network.settings.multiple
        self.vocabulary = network.text.vocabulary

    @classmethod
    def settings(cls, preset: str) -> tuple[FlowSettings, LoopSettings]:
        """Model and loop settings of a preset.

        Raises:
            SettingsError: there is no such preset.
        """
        if preset not in PRESETS:
            raise SettingsError(f"--preset: expected one of {', '.join(PRESETS)}; got '{preset}'")
        return PRESETS[preset]

    @classmethod
    def fit(
        cls, cohort: Cohort, run: Path, model: Settings, loop: LoopSettings, observe: Observer | None = None
    ) -> FlowGenerator:
        """Train on the training split, watching the validation split; a run that was cut short goes on.

        Raises:
            CohortError: the cohort has no suitable images, or the folder holds another run.
        """
        settings = FlowSettings.model_validate(model.model_dump())
        training, held_out = load_splits(cohort, settings.frames)
        _check_size(training, settings, cohort)
        vocabulary = Vocabulary.of(training.attributes, settings.attributes)
        folder, inputs = RunFolder(run), [Input(str(cohort.path), "cohort", cohort.hash)]
        with main_first():
            folder.start(_record(settings, loop, vocabulary, training), inputs)
        torch.manual_seed(loop.seed)
        untrained = FlowNetwork(settings, vocabulary)
        untrained.measure(torch.from_numpy(training.image[:: -(-len(training) // SPECTRUM_IMAGES)]).float() * 2 - 1)
        trainee = FlowTrainee(untrained, training, held_out)
        going = Loop(trainee, loop, folder, observe, _weights(training, loop))
        network = going.go()
        if going.main:
            header = _record(settings, loop, vocabulary, training)
            header |= {"steps": going.step, "scanners": _scanners(training), "origin": cohort.info.get("origin", [])}
            Fingerprints.of(training, held_out).save(run / NAME)
            digest = save_weights(network, run / WEIGHTS, header)
            folder.finish(digest, inputs)
        return cls.load(run / WEIGHTS) if going.main else cls(cast(FlowNetwork, network), "", {})

    @classmethod
    def load(cls, weights: Path) -> FlowGenerator:
        """Load a weights file."""
        header = read_header(weights)
        settings = settings_from_dict(header["model"], FlowSettings, str(weights))
        network = FlowNetwork(settings, Vocabulary.from_json(header["vocabulary"]))
        load_weights(network, weights)
        facts = {k: header.get(k) for k in ("cohort_hash", "images", "steps", "origin", "scanners")}
        return cls(network, file_hash(weights), facts)

    def sample(
        self, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
    ) -> npt.NDArray[np.float32]:
        """One image per condition and seed, (images, frames, rows, columns), 0 to 1."""
        return render(self.network, conditions, seeds, settings)


def _record(
    settings: FlowSettings, loop: LoopSettings, vocabulary: Vocabulary, training: TrainingImages
) -> dict[str, Any]:
    return {
        "family": "flow",
        "model": settings.model_dump(mode="json"),
        "loop": loop.model_dump(mode="json"),
        "vocabulary": vocabulary.to_json(),
        "cohort_hash": training.cohort_hash,
        "images": len(training),
    }


def _scanners(training: TrainingImages) -> list[dict[str, Any]]:
    """Which scanners the images came from and how often, so that one can be drawn where none is asked for."""
    told = [tuple((k, row[k]) for k in SCANNER if k in row) for row in training.attributes]
    return [{"count": told.count(one), "attributes": dict(one)} for one in sorted(set(told), key=str) if one]


def _weights(training: TrainingImages, loop: LoopSettings) -> npt.NDArray[np.float64] | None:
    if not loop.balance:
        return None
    known = {name for row in training.attributes for name in row}
    for name in loop.balance:
        if name not in known:
            raise SettingsError(
                f"balance: expected attributes of the cohort ({', '.join(sorted(known))}), got '{name}'"
            )
    groups = [[str(row.get(name)) for row in training.attributes] for name in loop.balance]
    return balanced_weights(groups, loop.balance_cap)


def _check_size(training: TrainingImages, settings: FlowSettings, cohort: Cohort) -> None:
    rows, columns = training.image.shape[2:]
    if rows % settings.multiple or columns % settings.multiple:
        raise SettingsError(
            f"{cohort.path}: expected rows and columns that are multiples of {settings.multiple} "
            f"(patch {settings.patch}, {len(settings.channels)} levels), got {rows}x{columns}; ingest with another --size"
        )
