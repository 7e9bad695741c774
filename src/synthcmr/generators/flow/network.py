"""The velocity field of a rectified flow."""

from __future__ import annotations

from torch import Tensor

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.path_network import PathNetwork
from synthcmr.generators.conditional.paths import Straight
from synthcmr.generators.flow.settings import FlowSettings

# Where an image prediction is turned into a velocity, the way left counts at least this: close to the end it is all error.
LEFT_AT_LEAST = 0.05


class FlowNetwork(PathNetwork):
    r"""v(x_t, t | mask, neighbour, text), for x_t = (1 - t) x_0 + t x_1 from noise x_0 to image x_1."""

    turns = ("flow",)
    family = "flow"
    settings: FlowSettings
    path = Straight()

    def __init__(self, settings: FlowSettings, vocabulary: Vocabulary) -> None:
        """Build the U-Net and the text encoder."""
        super().__init__(settings, vocabulary, settings.frames, settings.patch)

    def field(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """The velocity."""
        if self.settings.predict == "rest":
            return super().field(x_t, t, surroundings, tokens)
        out = self.output(x_t, t, surroundings, tokens)
        if self.settings.predict == "velocity":
            return out
        left = (1 - t.float()).clamp(min=LEFT_AT_LEAST)[:, None, None, None]
        return (out - x_t.float()) / left
