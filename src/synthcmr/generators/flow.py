"""The flow family: the velocity field of a rectified flow, and its generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import ConditionBatch, around_conditions
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.noise_paths import LinearPath
from synthcmr.generators.conditional.path_network import PathNetwork
from synthcmr.generators.conditional.render import redraw
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.family_settings import FLOW_PRESETS, FlowSettings
from synthcmr.generators.sampler import Guided, SamplerSettings, heun, times

NEARLY_THERE = 0.999  # where the way back begins: what is left to say of a finished image is undefined


class FlowNetwork(PathNetwork):
    r"""v(x_t, t | mask, neighbour, text), for x_t = (1 - t) x_0 + t x_1 from noise x_0 to image x_1."""

    optimizer_phases = ("flow",)
    family = "flow"
    settings: FlowSettings
    path = LinearPath()

    def __init__(self, settings: FlowSettings, vocabulary: Vocabulary) -> None:
        """Build the U-Net and the text encoder."""
        super().__init__(settings, vocabulary, settings.frames, settings.patch)

    def redraw(self, x_1: Tensor, before: ConditionBatch, after: ConditionBatch, settings: SamplerSettings) -> Tensor:
        """The image that the noise of x_1 leads to under other conditions; guidance leads away from what x_1 shows.

        Noise keeps what the conditions do not say: this patient's own chest, where the heart lies, the slice's small print.
        """
        was = self.tokens(before.texts)
        around = around_conditions(before, self.settings.patch)
        path = times(settings.steps, settings.shift, x_1.device)
        x_0 = heun(lambda x, t: self.field(x, t, around, was), x_1, path.flip(0).clamp(max=NEARLY_THERE))
        now = around_conditions(after, self.settings.patch)
        return heun(Guided(self.field, now, self.tokens(after.texts), was, settings), x_0, path)


class FlowGenerator(ConditionalGenerator[FlowNetwork]):
    """Rectified flow on pixel-unshuffled images."""

    family = "flow"
    settings_kind = FlowSettings
    network_kind = FlowNetwork
    presets: ClassVar[Presets] = FLOW_PRESETS

    def redraw(
        self,
        images: npt.NDArray[np.floating],
        before: Sequence[Condition],
        after: Sequence[Condition],
        settings: SamplerSettings,
    ) -> npt.NDArray[np.float32]:
        """Images, (images, frames, rows, columns), as they would be under other conditions."""
        return redraw(self.network, images, before, after, settings)
