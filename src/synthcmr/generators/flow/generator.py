"""The flow family: rectified flow on pixel-unshuffled images."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.render import redraw
from synthcmr.generators.conditional.settings import Presets
from synthcmr.generators.flow.network import FlowNetwork
from synthcmr.generators.flow.presets import PRESETS
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.generators.sampler import SamplerSettings


class FlowGenerator(ConditionalGenerator[FlowNetwork]):
    """Rectified flow on pixel-unshuffled images."""

    family = "flow"
    settings_kind = FlowSettings
    network_kind = FlowNetwork
    presets: ClassVar[Presets] = PRESETS

    def redraw(
        self,
        images: npt.NDArray[np.floating],
        before: Sequence[Condition],
        after: Sequence[Condition],
        settings: SamplerSettings,
    ) -> npt.NDArray[np.float32]:
        """Images, (images, frames, rows, columns), as they would be under other conditions."""
        return redraw(self.network, images, before, after, settings)
