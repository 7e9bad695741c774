"""RHM, reconstructive high-frequency mapping (Liu et al. 2025): a network that learns from real images alone what detail belongs where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from synthcmr.cohort.provenance import Input
from synthcmr.config import recorded_settings
from synthcmr.frequency.images import ImageBatch as Frames
from synthcmr.frequency.mapping_network import Mapper
from synthcmr.frequency.plane import Floats, pixels, spectra
from synthcmr.frequency.replacement import Replacement
from synthcmr.frequency.settings import MappingSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.device import main_first
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.weights import file_hash, load_weights, read_header, save_weights

BENDS = 3  # terms of a random gain over frequency


@dataclass(frozen=True)
class RealFrames:
    """Frames of one size that are learned from."""

    frames: Frames

    def __len__(self) -> int:
        """How many there are."""
        return len(self.frames.images)

    def one(self, row: int) -> Frames:
        """A single frame."""
        f = self.frames
        at = slice(row, row + 1)
        return replace(
            f,
            images=f.images[at],
            names=f.names[at],
            subjects=f.subjects[at],
            groups=f.groups[at],
            low=f.low[at],
            high=f.high[at],
        )


class MappingTrainee:
    """The mapper in training."""

    optimizer_phases: tuple[str, ...] = ("map",)

    def __init__(self, network: Mapper, training: RealFrames, held_out: RealFrames | None, shr: Replacement) -> None:
        """Take a network, frames, and the SHR by which they are perturbed."""
        self.network: nn.Module = network
        self._frames = {False: training, True: held_out or training}
        self._watched = held_out is not None
        self._shr, self._settings = shr, network.settings

    def sizes(self) -> tuple[int, int]:
        """Number of training and of held-out frames."""
        return len(self._frames[False]), len(self._frames[True]) if self._watched else 0

    def parameters(self, turn: str) -> list[nn.Parameter]:
        """Everything."""
        return list(self.network.parameters())

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """Perturbed frames beside the real ones, cut to pieces in training."""
        pairs = [self._pair(self._frames[held_out].one(d.row), d.rng, not held_out) for d in draws]
        perturbed, image = (
            torch.from_numpy(np.stack(part).astype(np.float32))[:, None] for part in zip(*pairs, strict=True)
        )
        return {"perturbed": perturbed, "image": image}

    def _pair(self, frame: Frames, rng: np.random.Generator, cut: bool) -> tuple[Floats, Floats]:
        changed, real = self._perturbed(frame, rng)[0], frame.images[0]
        side = min(self._settings.crop or max(real.shape), *real.shape)
        if not cut or side == max(real.shape):
            return changed, real
        top, left = (int(rng.integers(n - side + 1)) for n in real.shape)
        at = (slice(top, top + side), slice(left, left + side))
        return changed[at], real[at]

    def _perturbed(self, frame: Frames, rng: np.random.Generator) -> Floats:
        kind = self._settings.perturbation
        if kind == "slopes" or (kind == "both" and rng.random() < 0.5):
            return sloped(frame, self._settings.slope, rng)
        low, high = self._settings.radius
        named = replace(frame, names=[f"{frame.names[0]}/{rng.integers(2**31)}"])
        return replace(self._shr, radius=float(rng.uniform(low, high)))(named)


def sloped(frame: Frames, spread: float, rng: np.random.Generator) -> Floats:
    """A frame whose log power got a smooth random curve over frequency, zero at frequency zero."""
    transformed = spectra(frame.images, frame.plane)
    place = frame.plane.radius / frame.plane.corner
    curve = sum(rng.normal(0, spread / BENDS**0.5) * place ** (k + 1) for k in range(BENDS))
    return frame.cut(pixels(transformed.coefficients * np.exp(np.asarray(curve) / 2), transformed))


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
    def __call__(self, batch: Frames) -> Floats:
        """The images with the detail that the network says belongs to them."""
        device = next(self.network.parameters()).device
        parts = torch.split(torch.from_numpy(batch.images.astype(np.float32))[:, None], AT_ONCE)
        mapped = torch.cat([self.network.map(part.to(device)).cpu() for part in parts])
        return batch.cut(mapped[:, 0].double().numpy())
