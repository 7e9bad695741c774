"""Masks as conditions: one channel per structure, and one that says where anything is known."""

import numpy as np
import torch
from torch import Tensor

from synthcmr.cohort.labels import STRUCTURES, Label

CHANNELS = len(STRUCTURES) + 1  # per frame


def one_hot(mask: Tensor) -> Tensor:
    """Channels of a batch of masks.

    Args:
        mask: (batch, frames, rows, columns), canonical labels.

    Returns:
        (batch, frames x 4, rows, columns): LV, myocardium, RV, known.
    """
    structures = [mask == int(label) for label in STRUCTURES.values()]
    channels = torch.stack([*structures, mask != int(Label.UNLABELLED)], dim=2)
    return channels.flatten(1, 2).float()


def as_tensor(mask: np.ndarray) -> Tensor:
    """A mask as a tensor that owns its memory."""
    return torch.from_numpy(np.ascontiguousarray(mask, dtype=np.uint8))
