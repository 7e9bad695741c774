"""Fitting and using RHM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch

from synthcmr.cohort.provenance import Input
from synthcmr.config import recorded_settings
from synthcmr.frequency.images import Batch
from synthcmr.frequency.mapping.network import Mapper
from synthcmr.frequency.mapping.settings import MappingSettings
from synthcmr.frequency.mapping.trainee import MappingTrainee, RealFrames
from synthcmr.frequency.plane import Floats
from synthcmr.frequency.replacement import Replacement
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.processes import main_first
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.weights import file_hash, load_weights, read_header, save_weights

AT_ONCE = 8


class Mapping:
    """A trained RHM."""

    def __init__(self, network: Mapper, weights_hash: str) -> None:
        """Use `fit` or `load`."""
        self.network, self.hash = network.eval().requires_grad_(False), weights_hash

    @classmethod
    def fit(
        cls,
        run: Path,
        training: RealFrames,
        held_out: RealFrames | None,
        shr: Replacement,
        model: MappingSettings,
        loop: LoopSettings,
        inputs: Sequence[Input],
        observe: Observer | None = None,
    ) -> Mapping:
        """Train on real frames alone; a run that was cut short goes on."""
        folder = RunFolder(run)
        record = {
            "family": "rhm",
            "model": model.model_dump(mode="json"),
            "loop": loop.model_dump(mode="json"),
            "shr": shr.settings.model_dump(mode="json"),
            "real": [one.hash for one in inputs],
        }
        with main_first():
            folder.start(record, list(inputs))
        torch.manual_seed(loop.seed)
        going = Loop(MappingTrainee(Mapper(model), training, held_out, shr), loop, folder, observe)
        network = going.fit()
        if going.main:
            folder.finish(save_weights(network, run / WEIGHTS, record | {"steps": going.step}), list(inputs))
        return cls(cast(Mapper, network), file_hash(run / WEIGHTS))

    @classmethod
    def load(cls, weights: Path) -> Mapping:
        """Load a weights file."""
        model = recorded_settings(read_header(weights)["model"], MappingSettings, str(weights))
        network = Mapper(model)
        load_weights(network, weights)
        return cls(network, file_hash(weights))

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Floats:
        """The images with the detail that the network says belongs to them."""
        device = next(self.network.parameters()).device
        parts = torch.split(torch.from_numpy(batch.images.astype(np.float32))[:, None], AT_ONCE)
        found = torch.cat([self.network.map(part.to(device)).cpu() for part in parts])
        return batch.cut(found[:, 0].double().numpy())
