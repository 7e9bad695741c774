"""Where finished networks compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def best_device() -> torch.device:
    """The first CUDA card, where there is one. `CUDA_VISIBLE_DEVICES=` (empty) hides cards, as it does everywhere."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
