"""Conditions and seeds in, images out. Pure: the same condition and seed give the same image, whatever comes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.conditional.condition_batch import batch_of
from synthcmr.generators.conditional.network import ConditionalNetwork
from synthcmr.generators.sampler import SamplerSettings

if TYPE_CHECKING:
    from synthcmr.generators.flow import FlowNetwork

Rows = list[int]
Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]


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
    if len(conditions) != len(seeds):
        raise SettingsError(f"expected one seed per condition, got {len(conditions)} conditions and {len(seeds)} seeds")
    _check(network, conditions)
    network.check_sampler(settings)
    shape = conditions[0].mask.shape

    def some(rows: Rows, device: torch.device) -> Tensor:
        x_0 = torch.stack([noise(seeds[i], shape) for i in rows]).to(device)
        return network.draw(batch_of([conditions[i] for i in rows], device), x_0, settings)

    return _shared_out(network, len(conditions), some, settings)


def redraw(
    network: FlowNetwork,
    images: npt.NDArray[np.floating],
    before: Sequence[Condition],
    after: Sequence[Condition],
    settings: SamplerSettings,
) -> npt.NDArray[np.float32]:
    """Draw images again under other conditions, each from the noise that it would have come from.

    Args:
        network: a flow.
        images: (images, frames, rows, columns), 0 to 1.
        before: what each image shows.
        after: what it shall show.
        settings: sampler, steps; guidance leads away from what was shown before.
    """
    _check(network, [*before, *after])

    def some(rows: Rows, device: torch.device) -> Tensor:
        x_1 = torch.from_numpy(images[rows].astype(np.float32)).clamp(0, 1).to(device) * 2 - 1
        own, other = (batch_of([conditions[i] for i in rows], device) for conditions in (before, after))
        return network.redraw(x_1, own, other, settings)

    return _shared_out(network, len(before), some, settings)


def errors(
    network: ConditionalNetwork,
    images: npt.NDArray[np.floating],
    conditions: Sequence[Condition],
    time: float,
    seeds: Sequence[int],
) -> npt.NDArray[np.float32]:
    """How wrong a network is about given images, number by number: what attacks on its privacy look at.

    Args:
        network: a trained network of any family.
        images: (images, frames, rows, columns), 0 to 1.
        conditions: what each shows.
        time: between noise (0) and image (1); families without noise take no notice.
        seeds: one per image; it alone decides the noise.

    Returns:
        (images, channels, rows, columns); channels are frames, or those of a latent.
    """
    _check(network, conditions)
    device = next(network.parameters()).device
    x_1 = torch.from_numpy(images.astype(np.float32)).clamp(0, 1).to(device) * 2 - 1
    x_0 = torch.stack([noise(seed, images.shape[1:]) for seed in seeds]).to(device)
    with torch.no_grad():
        error = network.error(batch_of(conditions, device), x_0, x_1, torch.full((len(x_1),), time, device=device))
    errors: npt.NDArray[np.float32] = error.float().cpu().numpy()
    return errors


def noise_estimates(
    network: ConditionalNetwork,
    images: npt.NDArray[np.floating],
    conditions: Sequence[Condition],
    time: float,
    noise: npt.NDArray[np.float32] | None,
) -> npt.NDArray[np.float32] | None:
    """The noise that a network believes to be in images, given the noise that is: what deterministic attacks follow.

    Args:
        network: a trained network of any family.
        images: (images, frames, rows, columns), 0 to 1.
        conditions: what each shows.
        time: between noise (0) and image (1).
        noise: of each image, (images, channels, rows, columns); None: none at all.

    Returns:
        Of the same shape; None where the family knows no time.
    """
    _check(network, conditions)
    device = next(network.parameters()).device
    x_1 = torch.from_numpy(images.astype(np.float32)).clamp(0, 1).to(device) * 2 - 1
    x_0 = None if noise is None else torch.from_numpy(noise).to(device)
    with torch.no_grad():
        times = torch.full((len(x_1),), time, device=device)
        estimate = network.noise_estimate(batch_of(conditions, device), x_0, x_1, times)
    if estimate is None:
        return None
    numbers: npt.NDArray[np.float32] = estimate.float().cpu().numpy()
    return numbers


def noise(seed: int, shape: tuple[int, ...]) -> Tensor:
    """The noise of one image."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape, dtype=np.float32))


def _shared_out(
    network: ConditionalNetwork, count: int, some: Callable[[Rows, torch.device], Tensor], settings: SamplerSettings
) -> npt.NDArray[np.float32]:
    """Images, -1 to 1, part by part; on a CPU each part by one thread.

    On a card every part is of `settings.batch` images, the last one filled up with copies of its first: kernels for batches of
    another size round differently, and an image would depend on how many are drawn with it.
    """
    device = next(network.parameters()).device
    card = device.type != "cpu"
    threads = 1 if card else torch.get_num_threads()
    share = -(-settings.batch // threads)
    parts = [list(range(k, min(k + share, count))) for k in range(0, count, share)]

    @torch.no_grad()
    def finished(rows: Rows) -> npt.NDArray[np.float32]:
        filled = rows + rows[:1] * (share - len(rows)) if card else rows
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            x_1 = some(filled, device)[: len(rows)]
        image: npt.NDArray[np.float32] = ((x_1.float() + 1) / 2).clamp(0, 1).cpu().numpy()
        return image

    with one_thread_each(threads) as each:
        return np.concatenate(list(each(finished, parts)))


def _check(network: ConditionalNetwork, conditions: Sequence[Condition]) -> None:
    settings = network.settings
    for condition in conditions:
        frames, rows, columns = condition.mask.shape
        if frames != settings.frames and not network.any_frames:
            raise SettingsError(
                f"mask: expected {settings.frames} frame(s), as the generator was trained with, got {frames}"
            )
        if rows % settings.multiple or columns % settings.multiple:
            raise SettingsError(
                f"mask: expected rows and columns that are multiples of {settings.multiple}, got {rows}x{columns}"
            )


@contextmanager
def one_thread_each(threads: int) -> Iterator[Map]:
    """A `map` whose calls run at the same time, each of them on one thread; results come in order."""
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(before)
