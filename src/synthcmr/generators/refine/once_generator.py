"""The refine-once family: phantoms to begin from, real images to look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import LOOK, Condition, as_tensor, drop_some
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.generator import Fitting, TrainingData
from synthcmr.generators.conditional.render import render
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.conditional.training_task import LOOK_STEPS, scaled
from synthcmr.generators.conditional.warm_start import begin_from
from synthcmr.generators.family_settings import REFINE_ONCE_PRESETS, RefineOnceSettings
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.generators.refine.once_network import NO_START, RefineOnceNetwork
from synthcmr.generators.refine.training_task import (
    PHANTOM,
    Example,
    RefineTrainee,
    load_frames,
    look_counts,
    usual_look,
)
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.batches import Batch, Draw
from synthcmr.training.described_network import family_of
from synthcmr.training.images import TrainingImages, joined
from synthcmr.training.loop import Observer
from synthcmr.training.settings import LoopSettings
from synthcmr.training.training_task import MOST_REAL, Frames, SampleLook, spread_rows
from synthcmr.training.weights import read_header


class RefineOnceTrainee(RefineTrainee):
    """Phantoms that become images, and the real images that they are compared with."""

    _own: RefineOnceNetwork

    def batch(self, draws: Sequence[Draw], held_out: bool = False) -> Batch:
        """For every real frame a phantom, with the noise, mask and neighbour that it begins from."""
        images, settings = self._images[held_out] or self._training, self._own.settings
        begun = _simulated(images)
        real, phantoms, texts = [], [], []
        for draw in draws:
            row = begun[int(draw.rng.integers(len(begun)))]
            real.append(Example.of(images, draw, settings, changed=True).image)
            phantoms.append(Example.of(images, Draw(row, draw.rng), settings, changed=True))
            texts.append({**drop_some(images.attributes[row], draw.rng), LOOK: images.attributes[draw.row][LOOK]})
        shape = (1, *phantoms[0].image.shape[-2:])
        noise = np.stack([draw.rng.standard_normal(shape, dtype=np.float32) for draw in draws])
        return {
            "real": scaled(np.stack(real)),
            "start": scaled(np.stack([one.image for one in phantoms])),
            "mask": as_tensor(np.stack([one.mask for one in phantoms])),
            "neighbour": torch.from_numpy(np.stack([one.neighbour for one in phantoms])),
            "neighbour_mask": as_tensor(np.stack([one.neighbour_mask for one in phantoms])),
            "shown": torch.tensor([one.shown for one in phantoms]),
            "text": self._own.text.prepare(texts),
            "start_text": self._own.text.prepare([{**text, LOOK: self._own.start_look} for text in texts]),
            "noise": torch.from_numpy(noise),
        }

    def look(self, network: nn.Module, frames: int) -> SampleLook | None:
        """What phantoms of both splits become, beside real frames."""
        if self._images[True] is None:
            return None
        look, settings = usual_look(look_counts(self._training)), SamplerSettings(steps=LOOK_STEPS, guidance=1.0)
        drawn, real = [], []
        for images in (self._training, self._images[True] or self._training):
            rows = spread_rows(_simulated(images), max(1, frames // 2))
            starts = images.image[rows].astype(np.float32)
            conditions = [
                Condition(images.mask[i], {**images.attributes[i], LOOK: look}, start=start)
                for i, start in zip(rows, starts, strict=True)
            ]
            drawn.append(
                Frames.of(render(self._bare(network), conditions, list(range(len(rows))), settings), images.mask[rows])
            )
            known = spread_rows([i for i, row in enumerate(images.attributes) if row[LOOK] != PHANTOM], MOST_REAL)
            real.append(Frames.of(images.image[known], images.mask[known]))
        return SampleLook(*drawn, *real)


class RefineOnceGenerator(RefineGenerator):
    """A phantom of whoever is asked for, finished at once, in the detail and light of a cohort's images."""

    family = "refine-once"
    settings_kind = RefineOnceSettings
    network_kind = RefineOnceNetwork
    trainee_kind = RefineOnceTrainee
    presets: ClassVar[Presets] = REFINE_ONCE_PRESETS

    @classmethod
    def _data(
        cls,
        cohort: Cohort,
        run: Path,
        settings: Any,
        loop: LoopSettings,
        observe: Observer | None,
    ) -> TrainingData:
        """The images of both splits, with phantoms among them.

        Raises:
            SettingsError: there is not exactly one look to learn.
        """
        data = super()._data(cohort, run, settings, loop, observe)
        looks = [look for look in look_counts(data.training) if look != PHANTOM]
        if len(looks) != 1:
            raise SettingsError(
                f"{cohort.path}: expected images of one look beside phantoms, got {', '.join(looks) or 'phantoms alone'}; train one "
                "run for each"
            )
        if _simulated(data.training) and (data.held_out is None or _simulated(data.held_out)):
            return data
        people = cls._phantoms(cohort, run, observe)
        held_out = None if data.held_out is None else joined([data.held_out, load_frames(people, "validation")])
        return replace(data, training=joined([data.training, load_frames(people, "train")]), held_out=held_out)

    @classmethod
    def header(cls, training: TrainingImages) -> dict[str, Any]:
        """The one look that it gives, and of how many frames."""
        return {"looks": {look: count for look, count in look_counts(training).items() if look != PHANTOM}}

    @classmethod
    def prepare(cls, network: RefineNetwork, fitting: Fitting) -> None:
        """Refuse to begin from nothing.

        Raises:
            SettingsError: always; without a start there are no shapes to keep.
        """
        raise SettingsError(NO_START)

    @classmethod
    def begin(cls, network: RefineNetwork, start: Path) -> None:
        """Take the weights of a refining network, and keep its shapes."""
        if not isinstance(network, RefineOnceNetwork):
            raise TypeError(f"expected a network of family {cls.family}, got {type(network).__name__}")
        own = [name for name in network.state_dict() if name.startswith("judge.")]
        begin_from(network, start, further=own if family_of(start) == RefineGenerator.family else [])
        looks = read_header(start).get("looks")
        network.keep_shapes_of(usual_look(looks) if looks else "")

    @classmethod
    def weights(cls, training: TrainingImages, settings: Any, loop: LoopSettings) -> npt.NDArray[np.float64] | None:
        """Real frames alone are drawn; each brings a phantom with it."""
        weights = super().weights(training, settings.model_copy(update={"phantoms": 0.0}), loop)
        real = np.array([row[LOOK] != PHANTOM for row in training.attributes], dtype=float)
        chosen = real if weights is None else weights * real
        return np.asarray(chosen / chosen.sum())


def _simulated(images: TrainingImages) -> list[int]:
    """Rows of phantoms."""
    return [i for i, row in enumerate(images.attributes) if row[LOOK] == PHANTOM]
