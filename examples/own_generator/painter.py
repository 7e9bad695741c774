"""A family from outside of synthcmr: three convolutions that paint what the mask says. It shows the way, not good images."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import Asked, around_asked, around_batch, channels_around
from synthcmr.generators.conditional.generator import ConditionalGenerator
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.settings import LoopSettings


class PainterSettings(ConditionalSettings):
    """What `--set model.…` changes."""

    width: int = 32
    multiple = property(lambda self: 1)  # of pixels; a network that halves its images needs more


class PainterNetwork(ConditionalNetwork):
    """image = layers(mask and neighbour, text, noise)."""

    def __init__(self, settings: PainterSettings, vocabulary: Vocabulary) -> None:
        super().__init__(settings, vocabulary)
        seen = channels_around(settings.frames) + settings.token_width + settings.frames
        widths = [seen, settings.width, settings.width, settings.frames]
        layers = [nn.Conv2d(a, b, 5, padding=2) for a, b in pairwise(widths)]
        self.layers = nn.Sequential(layers[0], nn.SiLU(), layers[1], nn.SiLU(), layers[2], nn.Tanh())

    def paint(self, around: Tensor, tokens: Tensor, noise: Tensor) -> Tensor:
        """Images, -1 to 1, (images, frames, rows, columns)."""
        text = tokens.mean(dim=1)[:, :, None, None].expand(-1, -1, *noise.shape[2:])
        return self.layers(torch.cat([around, text, noise], dim=1))

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch whose random numbers are drawn already, and numbers to log."""
        made = self.paint(around_batch(batch), self.text(batch["text"]), batch["noise"])
        error = (made - batch["image"]).abs().mean()
        return error, {"error": error}

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Images from what is asked and the noise of each."""
        return self.paint(around_asked(asked), self.tokens(asked.texts), noise)


class PainterGenerator(ConditionalGenerator[PainterNetwork]):
    """Three convolutions that paint a mask."""  # the line that `synthcmr families` shows

    family = "painter"
    settings_kind, network_kind = PainterSettings, PainterNetwork
    presets = {"cpu": (PainterSettings(), LoopSettings(steps=500, batch=8))}  # noqa: RUF012
