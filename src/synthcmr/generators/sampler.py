"""From noise to image: Adams, Euler and Heun, free functions of a velocity; and guidance, a network asked with the text and without."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from synthcmr.config import LARGEST_BATCH, Settings

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x_t, t of each image) -> v
# (x_t, t, surroundings, tokens) -> what the network says there
ConditionalField = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class SamplerSettings(Settings):
    """How images are drawn."""

    sampler: Literal["adams", "euler", "heun", "dpm++", "unipc", "ddim", "ddpm"] | None = Field(
        None, description="null: the family's own, adams for flows and unipc for diffusions; all of them serve both"
    )
    steps: int = Field(10, ge=1, le=1000)
    guidance: float = Field(4.0, ge=0, description="1: none; above: the text counts more than it did in training")
    branch: Literal["empty", "metadata-free"] = Field(
        "metadata-free", description="what guidance leads away from: no text at all, or the text without the patient"
    )
    until: float = Field(
        0.2,
        gt=0,
        le=1,
        description="guidance acts up to here on the way from noise (0) to image (1); beyond it costs nothing",
    )
    rescale: float = Field(0.5, ge=0, le=1, description="how far guided contrast is brought back to the unguided one")
    begin: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="family refine: where on the way from noise (0) to image (1) the phantom begins; lower: more is drawn anew. "
        "null: as the run says",
    )
    shift: float = Field(1.0, gt=0, description="above 1: more of the steps while the image is still mostly noise")
    batch: int = Field(16, ge=1, le=LARGEST_BATCH, description="images at once; the images do not depend on it")
    precision: Literal["fp32", "bf16"] = "bf16"


def times(steps: int, shift: float, device: torch.device) -> Tensor:
    """The times that a sampler stops at, 0 to 1, `steps` + 1 of them."""
    t = torch.linspace(0, 1, steps + 1, device=device)
    return t / (shift - (shift - 1) * t)


def euler(velocity: Velocity, x: Tensor, t: Tensor) -> Tensor:
    """Euler's method along the times t."""
    for now, then in pairwise(t):
        x = x + (then - now) * velocity(x, now.expand(len(x)))
    return x


def adams(velocity: Velocity, x: Tensor, t: Tensor) -> Tensor:
    """Adams and Bashforth's method of second order: Euler, bent as the last step was; one evaluation a step."""
    last: tuple[Tensor, Tensor] | None = None
    for now, then in pairwise(t):
        v, step = velocity(x, now.expand(len(x))), then - now
        bend = 0.0 if last is None else step / (2 * last[1]) * (v - last[0])
        x = x + step * (v + bend)
        last = v, step
    return x


def heun(velocity: Velocity, x: Tensor, t: Tensor) -> Tensor:
    """Heun's method: Euler, corrected by the velocity at the far end; two evaluations a step."""
    for now, then in pairwise(t):
        v = velocity(x, now.expand(len(x)))
        ahead = x + (then - now) * v
        if then < 1:
            v = (v + velocity(ahead, then.expand(len(x)))) / 2
        x = x + (then - now) * v
    return x


SOLVERS: dict[str, Callable[[Velocity, Tensor, Tensor], Tensor]] = {"adams": adams, "euler": euler, "heun": heun}


def guided(conditional: Tensor, unconditional: Tensor, weight: float, rescale: float) -> Tensor:
    """Classifier-free guidance, with its overshoot in spread taken back by the share `rescale` (Lin et al. 2024)."""
    v = unconditional + weight * (conditional - unconditional)
    sd = v.std(dim=(1, 2, 3), keepdim=True)
    same_spread = v * (conditional.std(dim=(1, 2, 3), keepdim=True) / sd)
    return rescale * same_spread + (1 - rescale) * v


class Guided:
    """What a sampler follows: x_t and how far each image is on its way from noise (0) to image (1) -> the guided field."""

    def __init__(
        self,
        field: ConditionalField,
        surroundings: Tensor,
        conditional: Tensor,
        unconditional: Tensor,
        settings: SamplerSettings,
    ) -> None:
        """Take the embedded texts, and those that guidance leads away from; they are the same at every step."""
        self._field, self._settings = field, settings
        self._around, self._both = surroundings, torch.cat([surroundings, surroundings])
        self._conditional, self._unconditional = conditional, unconditional

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """The field at x_t."""
        weight = self._settings.guidance
        if weight == 1.0 or float(t[0]) >= self._settings.until:
            return self._field(x, t, self._around, self._conditional)
        tokens = torch.cat([self._conditional, self._unconditional])
        v = self._field(torch.cat([x, x]), torch.cat([t, t]), self._both, tokens)
        conditional, unconditional = v.chunk(2)
        return guided(conditional, unconditional, weight, self._settings.rescale)
