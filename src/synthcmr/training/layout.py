"""Channels last: the layout in which convolutions run fastest, on CPUs and GPUs alike."""

from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def channels_last(module: M) -> M:
    """Bring a network's kernels to channels-last layout."""
    laid_out: M = cast(Any, module).to(memory_format=torch.channels_last)
    return laid_out


def channels_last_batch(batch: Tensor) -> Tensor:
    """Bring a batch of images to channels-last layout."""
    return batch.contiguous(memory_format=torch.channels_last)
