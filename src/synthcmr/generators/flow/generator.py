"""The flow family: rectified flow on pixel-unshuffled images."""

from typing import ClassVar

from synthcmr.generators.conditional.generator import ConditionalGenerator, Presets
from synthcmr.generators.flow.network import FlowNetwork
from synthcmr.generators.flow.presets import PRESETS
from synthcmr.generators.flow.settings import FlowSettings


class FlowGenerator(ConditionalGenerator[FlowNetwork]):
    """Rectified flow on pixel-unshuffled images."""

    family = "flow"
    settings_kind = FlowSettings
    network_kind = FlowNetwork
    presets: ClassVar[Presets] = PRESETS
