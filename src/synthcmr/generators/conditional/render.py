"""Conditions and seeds in, images out. Pure: the same condition and seed give the same image, whatever comes with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.asked import as_asked
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.conditional.threads import one_thread_each
from synthcmr.generators.sampler import SamplerSettings


def render(
    network: ConditionalNetwork, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
) -> npt.NDArray[np.float32]:
    """Draw one image per condition.

    Args:
        network: a trained network of any family.
        conditions: what each image shall show; all masks of one size.
        seeds: one per image; it alone decides the noise.
        settings: sampler, steps, guidance.

    Returns:
        (images, frames, rows, columns), 0 to 1.
    """
    _check(network, conditions, seeds)
    network.check_sampler(settings)
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
    network: ConditionalNetwork, conditions: Sequence[Condition], seeds: Sequence[int], settings: SamplerSettings
) -> npt.NDArray[np.float32]:
    device = next(network.parameters()).device
    shape = conditions[0].mask.shape
    x_0 = torch.stack([noise(seed, shape) for seed in seeds]).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        x_1 = network.draw(as_asked(conditions, device), x_0, settings)
    image: npt.NDArray[np.float32] = ((x_1.float() + 1) / 2).clamp(0, 1).cpu().numpy()
    return image


def _check(network: ConditionalNetwork, conditions: Sequence[Condition], seeds: Sequence[int]) -> None:
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
