"""Guidance: the same U-Net asked twice, with the text and without."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from synthcmr.generators.sampler import SamplerSettings, guided

# (x_t, t, surroundings, tokens) -> what the network says there
Field = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class Guided:
    """What a sampler follows: x_t and how far each image is on its way from noise (0) to image (1) -> the guided field."""

    def __init__(
        self, field: Field, surroundings: Tensor, told: Tensor, untold: Tensor, settings: SamplerSettings
    ) -> None:
        """Take the embedded texts, and those that guidance leads away from; they are the same at every step."""
        self._field, self._settings = field, settings
        self._around, self._both = surroundings, torch.cat([surroundings, surroundings])
        self._told, self._untold = told, untold

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """The field at x_t."""
        weight = self._settings.guidance
        if weight == 1.0 or float(t[0]) >= self._settings.until:
            return self._field(x, t, self._around, self._told)
        tokens = torch.cat([self._told, self._untold])
        v = self._field(torch.cat([x, x]), torch.cat([t, t]), self._both, tokens)
        asked, without = v.chunk(2)
        return guided(asked, without, weight, self._settings.rescale)
