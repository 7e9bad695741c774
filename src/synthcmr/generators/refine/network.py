"""A network that has learned the late part of the way from noise to image, and begins where a phantom, noised, stands on it.

Its U-Net has neither attention nor transposed convolutions: resized and convolved, so that no grid stays in what it draws.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pixel_shuffle, pixel_unshuffle, silu

from synthcmr.conditioning.condition import CHANNELS, LOOK, one_hot
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.condition_batch import ConditionBatch, around, channels_around
from synthcmr.generators.conditional.network import ConditionalNetwork, Gather, heart_weights
from synthcmr.generators.conditional.noise_paths import wiener_prediction
from synthcmr.generators.conditional.path_network import IMAGE_POWER
from synthcmr.generators.conditional.spectrum import BINS, power
from synthcmr.generators.family_settings import RefineSettings
from synthcmr.generators.sampler import SOLVERS, Guided, SamplerSettings, times
from synthcmr.training.device import channels_last, channels_last_batch

FOLD = 2  # the U-Net's first level is at half the resolution
OCTAVES, HIGHEST = 32, 6.0  # of the sines in which the time is shown, up to exp(HIGHEST) turns
# Intensities, 0 to 1, of blood, muscle, blood and what lies around: where there is no phantom, the mask is painted.
PAINT = (0.75, 0.25, 0.65)
PAINTED_AROUND = 0.2


class Unet(nn.Module):
    """Everything that is seen at every pixel, and one vector for the whole image -> one channel."""

    def __init__(self, settings: RefineSettings, inputs: int, width: int) -> None:
        """Build the network.

        Args:
            settings: channels, and whether there is a stage at full resolution.
            inputs: channels that are seen at every pixel.
            width: of the vector that says time and text.
        """
        super().__init__()
        levels, groups = settings.channels, settings.groups
        self.first = nn.Conv2d(inputs * FOLD**2, levels[0], 3, padding=1)
        self.down = nn.ModuleList(
            Block(before, after, width, groups) for before, after in zip((levels[0], *levels), levels, strict=False)
        )
        self.middle = Block(levels[-1], levels[-1], width, groups)
        pairs = list(pairwise(levels))[::-1]
        self.narrow = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in pairs)
        self.up = nn.ModuleList(Block(2 * above, above, width, groups) for above, _ in pairs)
        self.last = (
            FineStage(levels[0], settings.fine, inputs, width) if settings.fine else FoldedStage(levels[0], groups)
        )

    def forward(self, seen: Tensor, embedding: Tensor) -> Tensor:
        """One evaluation.

        Args:
            seen: (batch, inputs, rows, columns).
            embedding: (batch, width).
        """
        h = self.first(pixel_unshuffle(seen, FOLD))
        beside: list[Tensor] = []
        for k, block in enumerate(self.down):
            h = block(h if k == 0 else avg_pool2d(h, 2), embedding)
            beside.append(h)
        h = self.middle(beside.pop(), embedding)
        for narrow, block in zip(self.narrow, self.up, strict=True):
            h = block(torch.cat([interpolate(narrow(h), scale_factor=2), beside.pop()], dim=1), embedding)
        drawn: Tensor = self.last(h, seen, embedding)
        return drawn


class Block(nn.Module):
    """Two convolutions; time and text scale and shift between them."""

    def __init__(self, before: int, after: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm_in, self.conv_in = nn.GroupNorm(groups, before), nn.Conv2d(before, after, 3, padding=1)
        self.norm_out, self.conv_out = nn.GroupNorm(groups, after), nn.Conv2d(after, after, 3, padding=1)
        self.said = nn.Linear(width, 2 * after)  # the name stands in weights on disk
        self.skip = nn.Identity() if before == after else nn.Conv2d(before, after, 1)
        nn.init.zeros_(self.conv_out.weight)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """(batch, before, rows, columns) -> (batch, after, rows, columns)."""
        h = self.conv_in(silu(self.norm_in(x)))
        scale, shift = self.said(embedding)[:, :, None, None].chunk(2, dim=1)
        h = self.conv_out(silu(self.norm_out(h) * (1 + scale) + shift))
        output: Tensor = self.skip(x) + h
        return output


class FineStage(nn.Module):
    """What the levels found, resized, beside the pixels themselves: a narrow stage at full resolution."""

    def __init__(self, before: int, fine: int, inputs: int, width: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(before, fine, 1)
        self.join = nn.Conv2d(fine + inputs, fine, 3, padding=1)
        self.said = nn.Linear(width, 2 * fine)  # the name stands in weights on disk
        self.out = nn.Conv2d(fine, 1, 3, padding=1)

    def forward(self, h: Tensor, seen: Tensor, embedding: Tensor) -> Tensor:
        """One channel at full resolution."""
        wide = interpolate(self.narrow(h), scale_factor=FOLD, mode="bilinear", align_corners=False)
        joined = self.join(torch.cat([wide, seen.to(wide.dtype)], dim=1))
        scale, shift = self.said(embedding)[:, :, None, None].chunk(2, dim=1)
        return _exact(self.out, silu(joined * (1 + scale) + shift))


class FoldedStage(nn.Module):
    """Pixels unfolded from channels."""

    def __init__(self, before: int, groups: int) -> None:
        super().__init__()
        self.norm, self.out = nn.GroupNorm(groups, before), nn.Conv2d(before, FOLD**2, 3, padding=1)

    def forward(self, h: Tensor, seen: Tensor, embedding: Tensor) -> Tensor:
        """One channel at full resolution."""
        return pixel_shuffle(_exact(self.out, silu(self.norm(h))), FOLD)


def _exact(convolution: nn.Module, x: Tensor) -> Tensor:
    """The last convolution in full precision: half of it rounds images to fewer steps than their noise has."""
    with torch.autocast(x.device.type, enabled=False):
        convolved: Tensor = convolution(x.float())
    return convolved


def time_sines(t: Tensor) -> Tensor:
    """Times, (batch,), as sines and cosines, (batch, 2 x OCTAVES)."""
    turns = torch.exp(torch.linspace(0, HIGHEST, OCTAVES, device=t.device)) * t.float()[:, None]
    return torch.cat([turns.sin(), turns.cos()], dim=1)


class RefineNetwork(ConditionalNetwork):
    """The image that x_t = (1 - t) noise + t image leads to, given mask, neighbour and text. Every frame is an image of its own."""

    optimizer_phases: tuple[str, ...] = ("refine",)
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
        embedding = nn.functional.silu(self.clock(time_sines(t)) + self.gather(tokens))
        if self.settings.predict == "image":
            seen = torch.cat([x_t, surroundings.to(x_t.dtype)], dim=1)
            whole: Tensor = self.unet(channels_last_batch(seen), embedding)
            return whole.float()
        left = (1 - t.float())[:, None, None, None]
        guess, spread = wiener_prediction(x_t, t, self.spectrum)
        smooth = x_t.float() + left * guess
        seen = torch.cat([x_t, smooth.to(x_t.dtype), surroundings.to(x_t.dtype)], dim=1)
        rest: Tensor = self.unet(channels_last_batch(seen), embedding)
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
        output = self.image((1 - at) * batch["noise"] + at * image, t, surroundings, self.text(batch["text"]))
        left = (1 - at).clamp(min=self.settings.left_at_least)
        weights = heart_weights(mask, self.settings.heart_weight)
        return (((output - image) / left).square() * weights).mean(), {}

    def error(self, conditions: ConditionBatch, x_0: Tensor, x_1: Tensor, t: Tensor) -> Tensor:
        """The velocity that the network says less that of the straight line, frame by frame."""
        frames = x_1.shape[1]
        noise, image, each = (
            x_0.reshape(-1, 1, *x_0.shape[2:]),
            x_1.reshape(-1, 1, *x_1.shape[2:]),
            each_frame(t, frames),
        )
        at = each[:, None, None, None]
        tokens = each_frame(self.tokens(conditions.texts), frames)
        prediction = self.velocity(
            (1 - at) * noise + at * image, each, surroundings_by_frame(conditions), tokens, self.settings.left_at_least
        )
        return (prediction - (image - noise)).reshape(x_1.shape)

    def noise_estimate(self, conditions: ConditionBatch, x_0: Tensor | None, x_1: Tensor, t: Tensor) -> Tensor | None:
        """The noise that follows from the velocity: the error of the one is -t times that of the other."""
        x_0 = torch.zeros_like(x_1) if x_0 is None else x_0
        return x_0 - t[:, None, None, None] * self.error(conditions, x_0, x_1, t)

    def draw(self, conditions: ConditionBatch, noise: Tensor, settings: SamplerSettings) -> Tensor:
        """Begin at the noised phantom and follow the way to its end; without a phantom, at the painted mask, as early as was learned."""
        frames, s = noise.shape[1], self.settings
        start = painted(conditions.mask) if conditions.start is None else conditions.start
        begin = s.earliest if conditions.start is None else settings.begin or s.begin
        x = (1 - begin) * shared_noise(noise, s.shared) + begin * start
        without = zip(conditions.texts_without(settings.branch), conditions.texts, strict=True)
        conditional = self.tokens(conditions.texts)
        unconditional = self.tokens([{**text, **{k: v for k, v in own.items() if k == LOOK}} for text, own in without])
        guided = Guided(
            self.velocity,
            surroundings_by_frame(conditions),
            each_frame(conditional, frames),
            each_frame(unconditional, frames),
            settings,
        )
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


def each_frame(value: Tensor, frames: int) -> Tensor:
    """What is said of an image, for each of its frames."""
    return value.repeat_interleave(frames, dim=0)


def surroundings_by_frame(conditions: ConditionBatch) -> Tensor:
    """What every frame is shown, frame by frame."""
    frames, size = conditions.neighbour.shape[1], conditions.mask.shape[2:]
    return around(
        conditions.mask.reshape(-1, CHANNELS, *size),
        conditions.neighbour.reshape(-1, 1, *size),
        conditions.neighbour_mask.reshape(-1, CHANNELS, *size),
        each_frame(conditions.shown, frames),
    )
