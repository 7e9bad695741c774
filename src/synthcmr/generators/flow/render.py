"""Conditions and seeds in, images out. Pure: the same condition and seed give the same image, whatever comes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthcmr.cohort.attributes import Value
from synthcmr.conditioning.condition import Condition, without_metadata
from synthcmr.conditioning.masks import as_tensor, one_hot
from synthcmr.errors import SettingsError
from synthcmr.generators.flow.network import FlowNetwork
from synthcmr.generators.flow.threads import one_thread_each
from synthcmr.generators.sampler import SAMPLERS, SamplerSettings, guided, times

Attributes = Mapping[str, Value]


def render(
    network: FlowNetwork, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
) -> npt.NDArray[np.float32]:
    """Draw one image per condition.

    Args:
        network: a trained velocity field.
        conditions: what each image shall show; all masks of one size.
        seeds: one per image; it alone decides the noise.
        settings: sampler, steps, guidance.

    Returns:
        (images, frames, rows, columns), 0 to 1.
    """
    _check(network, conditions, seeds)
    threads = torch.get_num_threads() if next(network.parameters()).device.type == "cpu" else 1
    share = -(-settings.batch // threads)
    parts = [slice(k, k + share) for k in range(0, len(conditions), share)]

    def some(part: slice) -> npt.NDArray[np.float32]:
        return _some(network, conditions[part], seeds[part], settings)

    with one_thread_each(threads) as each:
        return np.concatenate(list(each(some, parts)))


def noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The noise of one image."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


@torch.no_grad()
def _some(
    network: FlowNetwork, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
) -> npt.NDArray[np.float32]:
    device = next(network.parameters()).device
    shape = conditions[0].mask.shape
    x_0 = torch.stack([noise(seed, shape) for seed in seeds]).to(device)
    around = _surroundings(network, conditions, device)
    texts = [c.attributes for c in conditions]
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        velocity = _Guided(network, around, texts, settings)
        x_1 = SAMPLERS[settings.sampler](velocity, x_0, times(settings.steps, settings.shift, device))
    image: npt.NDArray[np.float32] = ((x_1.float() + 1) / 2).clamp(0, 1).cpu().numpy()
    return image


class _Guided:
    """The velocity that a sampler follows."""

    def __init__(
        self, network: FlowNetwork, around: Tensor, texts: Sequence[Attributes], settings: SamplerSettings
    ) -> None:
        self._network, self._settings = network, settings
        self._around, self._both = around, torch.cat([around, around])
        self._told = self._tokens(texts)
        leave = without_metadata if settings.branch == "metadata-free" else _nothing
        self._untold = self._tokens([leave(text) for text in texts])

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        weight = self._settings.guidance
        if weight == 1.0 or float(t[0]) >= self._settings.until:
            return self._network.velocity(x, t, self._around, self._told)
        tokens = torch.cat([self._told, self._untold])
        v = self._network.velocity(torch.cat([x, x]), torch.cat([t, t]), self._both, tokens)
        asked, without = v.chunk(2)
        return guided(asked, without, weight, self._settings.rescale)

    def _tokens(self, texts: Sequence[Attributes]) -> Tensor:
        prepared = self._network.text.prepare(texts)
        found: Tensor = self._network.text(prepared.to(self._around.device))
        return found


def _nothing(attributes: Attributes) -> dict[str, Value]:
    return {}


def _surroundings(network: FlowNetwork, conditions: Sequence[Condition], device: torch.device) -> Tensor:
    masks = one_hot(as_tensor(np.stack([c.mask for c in conditions])))
    empty = np.zeros(conditions[0].mask.shape, dtype=np.float32)
    images = np.stack([c.neighbour.image if c.neighbour else empty for c in conditions])
    beside = np.stack([c.neighbour.mask if c.neighbour else empty for c in conditions])
    shown = torch.tensor([float(c.neighbour is not None) for c in conditions])
    neighbour = torch.from_numpy(images.astype(np.float32)).clamp(0, 1) * 2 - 1
    return network.surroundings(
        masks.to(device), neighbour.to(device), one_hot(as_tensor(beside)).to(device), shown.to(device)
    )


def _check(network: FlowNetwork, conditions: Sequence[Condition], seeds: Sequence[int]) -> None:
    settings = network.settings
    if len(conditions) != len(seeds):
        raise SettingsError(f"expected one seed per condition, got {len(conditions)} conditions and {len(seeds)} seeds")
    for condition in conditions:
        frames, rows, columns = condition.mask.shape
        if frames != settings.frames:
            raise SettingsError(
                f"mask: expected {settings.frames} frame(s), as the generator was trained with, got {frames}"
            )
        if rows % settings.multiple or columns % settings.multiple:
            raise SettingsError(
                f"mask: expected rows and columns that are multiples of {settings.multiple}, got {rows}x{columns}"
            )
