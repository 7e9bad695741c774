"""A network that has learned the late part of the way from noise to image, and begins where a phantom, noised, stands on it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from synthcmr.conditioning.condition import CHANNELS, LOOK, one_hot
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import Asked, around, channels_around
from synthcmr.generators.conditional.guidance import Guided
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, heart_weights
from synthcmr.generators.conditional.path_network import IMAGE_POWER
from synthcmr.generators.conditional.paths import wiener_prediction
from synthcmr.generators.conditional.spectrum import BINS, power
from synthcmr.generators.refine.settings import RefineSettings
from synthcmr.generators.refine.unet import OCTAVES, Unet, time_sines
from synthcmr.generators.sampler import SOLVERS, SamplerSettings, times
from synthcmr.training.device import channels_last, channels_last_batch

# Intensities, 0 to 1, of blood, muscle, blood and what lies around: where there is no phantom, the mask is painted.
PAINT = (0.75, 0.25, 0.65)
PAINTED_AROUND = 0.2


class RefineNetwork(ConditionalNetwork):
    """The image that x_t = (1 - t) noise + t image leads to, given mask, neighbour and text. Every frame is an image of its own."""

    optimizer_phases = ("refine",)
    family = "refine"
    settings: RefineSettings
    any_frames = True
    spectrum: Tensor  # power of images by frequency

    def __init__(self, settings: RefineSettings, vocabulary: Vocabulary) -> None:
        """Build the U-Net and the text encoder."""
        super().__init__(settings, vocabulary)
        width = settings.token_width
        self.gather = Gather(width)
        self.clock = nn.Sequential(nn.Linear(2 * OCTAVES, width), nn.SiLU(), nn.Linear(width, width))
        seen = (1 if settings.predict == "image" else 2) + channels_around(1)
        self.unet = Unet(settings, seen, width)
        self.register_buffer("spectrum", torch.full((BINS,), IMAGE_POWER))
        channels_last(self)

    def time(self, rng: np.random.Generator) -> float:
        """Times of the part of the way that is learned."""
        s = self.settings
        return s.earliest + (1 - s.earliest) / (1.0 + math.exp(-rng.normal(s.time_mean, s.time_sd)))

    def image(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor) -> Tensor:
        """The image that the network expects at the end of the way.

        Args:
            x_t: (batch, 1, rows, columns).
            t: (batch,), 0 (noise) to 1 (image).
            surroundings: as `around` joins them.
            tokens: the embedded text.
        """
        said = nn.functional.silu(self.clock(time_sines(t)) + self.gather(tokens))
        if self.settings.predict == "image":
            seen = torch.cat([x_t, surroundings.to(x_t.dtype)], dim=1)
            whole: Tensor = self.unet(channels_last_batch(seen), said)
            return whole.float()
        left = (1 - t.float())[:, None, None, None]
        guess, spread = wiener_prediction(x_t, t, self.spectrum)
        smooth = x_t.float() + left * guess
        seen = torch.cat([x_t, smooth.to(x_t.dtype), surroundings.to(x_t.dtype)], dim=1)
        rest: Tensor = self.unet(channels_last_batch(seen), said)
        return smooth + left * spread * rest.float()

    def measure(self, images: Tensor) -> None:
        """Take the spectrum of a cohort's images."""
        self.spectrum.copy_(power(images))

    def velocity(self, x_t: Tensor, t: Tensor, surroundings: Tensor, tokens: Tensor, least: float = 1e-4) -> Tensor:
        """The way that is left, by the time that is left; of this there is at least `least`."""
        left = (1 - t.float()).clamp(min=least)[:, None, None, None]
        return (self.image(x_t, t, surroundings, tokens) - x_t.float()) / left

    def forward(self, turn: str, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The squared error of the velocity; masks of a batch are labels, and become channels here."""
        mask = one_hot(batch["mask"])
        surroundings = around(mask, batch["neighbour"], one_hot(batch["neighbour_mask"]), batch["shown"])
        image, t = batch["image"], batch["time"]
        at = t[:, None, None, None]
        found = self.image((1 - at) * batch["noise"] + at * image, t, surroundings, self.text(batch["text"]))
        left = (1 - at).clamp(min=self.settings.left_at_least)
        weights = heart_weights(mask, self.settings.heart_weight)
        return (((found - image) / left).square() * weights).mean(), {}

    def error(self, asked: Asked, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The velocity that the network says less that of the straight line, frame by frame."""
        frames = x_1.shape[1]
        noise, image, each = x_0.reshape(-1, 1, *x_0.shape[2:]), x_1.reshape(-1, 1, *x_1.shape[2:]), _each(t, frames)
        at = each[:, None, None, None]
        tokens = _each(self.tokens(asked.texts), frames)
        found = self.velocity(
            (1 - at) * noise + at * image, each, _by_frame(asked), tokens, self.settings.left_at_least
        )
        return (found - (image - noise)).reshape(x_1.shape)

    def draw(self, asked: Asked, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Begin at the noised phantom and follow the way to its end; without a phantom, at the painted mask, as early as was learned."""
        frames, s = noise.shape[1], self.settings
        start = painted(asked.mask) if asked.start is None else asked.start
        begin = s.earliest if asked.start is None else settings.begin or s.begin
        x = (1 - begin) * shared_noise(noise, s.shared) + begin * start
        without = zip(asked.texts_without(settings.branch), asked.texts, strict=True)
        told = self.tokens(asked.texts)
        untold = self.tokens([{**text, **{k: v for k, v in own.items() if k == LOOK}} for text, own in without])
        guided = Guided(self.velocity, _by_frame(asked), _each(told, frames), _each(untold, frames), settings)
        path = late_times(settings, begin, s.late, x.device)
        drawn = SOLVERS[settings.sampler or "adams"](guided, x.reshape(-1, 1, *x.shape[2:]), path)
        return drawn.reshape(noise.shape)

    def check_sampler(self, settings: SamplerSettings) -> None:
        """Refuse samplers of diffusions, and beginnings that were not learned.

        Raises:
            SettingsError: it is one of these.
        """
        from synthcmr.errors import SettingsError

        if settings.sampler is not None and settings.sampler not in SOLVERS:
            raise SettingsError(
                f"--sampler: family 'refine' is drawn by {', '.join(SOLVERS)}; got '{settings.sampler}'"
            )
        if settings.begin is not None and settings.begin < self.settings.earliest:
            raise SettingsError(
                f"--begin: this run has learned the way from {self.settings.earliest} on; got {settings.begin}"
            )


def late_times(settings: SamplerSettings, begin: float, late: float, device: torch.device) -> Tensor:
    """The times that a sampler stops at, from `begin` to 1; with `late` above 1 they lie closer towards the image."""
    share = times(settings.steps, settings.shift, device)
    return begin + (1 - begin) * (1 - (1 - share) ** late)


def shared_noise(noise: Tensor, share: float) -> Tensor:
    """Noise whose frames have a share of their variance in common, (batch, frames, rows, columns)."""
    if noise.shape[1] == 1 or not share:
        return noise
    common = noise[:, :1]
    rest = noise[:, 1:] * (1 - share) ** 0.5 + common * share**0.5
    return torch.cat([common, rest], dim=1)


def painted(mask: Tensor) -> Tensor:
    """Images, -1 to 1, of masks alone: every structure in one grey.

    Args:
        mask: one-hot, (batch, frames x 4, rows, columns).
    """
    structures = mask.reshape(len(mask), -1, CHANNELS, *mask.shape[2:])[:, :, :-1].float()
    greys = torch.tensor(PAINT, device=mask.device)[:, None, None]
    grey = (structures * greys).sum(dim=2) + (1 - structures.sum(dim=2)) * PAINTED_AROUND
    return grey * 2 - 1


def _each(value: Tensor, frames: int) -> Tensor:
    """What is said of an image, for each of its frames."""
    return value.repeat_interleave(frames, dim=0)


def _by_frame(asked: Asked) -> Tensor:
    """What every frame is shown, frame by frame."""
    frames, size = asked.neighbour.shape[1], asked.mask.shape[2:]
    return around(
        asked.mask.reshape(-1, CHANNELS, *size),
        asked.neighbour.reshape(-1, 1, *size),
        asked.neighbour_mask.reshape(-1, CHANNELS, *size),
        _each(asked.shown, frames),
    )
