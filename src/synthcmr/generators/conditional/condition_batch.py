"""What a batch of images is asked to show, as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from synthcmr.cohort.attributes import Value
from synthcmr.conditioning.condition import CHANNELS, Condition, as_tensor, one_hot, without_metadata
from synthcmr.errors import SettingsError

Attributes = Mapping[str, Value]


@dataclass(frozen=True)
class ConditionBatch:
    """Masks, neighbours and texts of a batch."""

    mask: Tensor  # one-hot, (batch, frames x 4, rows, columns)
    neighbour: Tensor  # image of the adjacent slice, -1 to 1, (batch, frames, rows, columns)
    neighbour_mask: Tensor  # one-hot
    shown: Tensor  # (batch,), 1 where there is a neighbour
    texts: Sequence[Attributes]
    start: Tensor | None = None  # image to begin from, -1 to 1; families that draw from noise take no notice

    def texts_without(self, branch: str) -> list[Attributes]:
        """The texts that guidance leads away from."""
        return [without_metadata(text) if branch == "metadata-free" else {} for text in self.texts]


def batch_of(conditions: Sequence[Condition], device: torch.device) -> ConditionBatch:
    """Conditions as tensors."""
    empty = np.zeros(conditions[0].mask.shape, dtype=np.float32)
    images = np.stack([c.neighbour.image if c.neighbour else empty for c in conditions])
    beside = np.stack([c.neighbour.mask if c.neighbour else empty for c in conditions])
    return ConditionBatch(
        mask=one_hot(as_tensor(np.stack([c.mask for c in conditions]))).to(device),
        neighbour=(torch.from_numpy(images.astype(np.float32)).clamp(0, 1) * 2 - 1).to(device),
        neighbour_mask=one_hot(as_tensor(beside)).to(device),
        shown=torch.tensor([float(c.neighbour is not None) for c in conditions]).to(device),
        texts=[c.attributes for c in conditions],
        start=_starts(conditions, device),
    )


def _starts(conditions: Sequence[Condition], device: torch.device) -> Tensor | None:
    """The images to begin from; None where there are none.

    Raises:
        SettingsError: some have one and some have not, and what is drawn would depend on what is drawn with it.
    """
    starts = [c.start for c in conditions if c.start is not None]
    if not starts:
        return None
    if len(starts) < len(conditions):
        raise SettingsError(
            f"conditions: expected an image to begin from with all {len(conditions)} of them or with none, got {len(starts)}"
        )
    return (torch.from_numpy(np.stack(starts).astype(np.float32)).clamp(0, 1) * 2 - 1).to(device)


def around(mask: Tensor, neighbour: Tensor, neighbour_mask: Tensor, shown: Tensor, patch: int = 1) -> Tensor:
    """Everything a network sees at every pixel but the image itself, folded by `patch`; `channels_around` of them."""
    seen = shown[:, None, None, None]
    folded = pixel_unshuffle(torch.cat([mask, neighbour * seen, neighbour_mask * seen], dim=1), patch)
    return torch.cat([folded, seen.expand(-1, 1, *folded.shape[2:])], dim=1)


def channels_around(frames: int, patch: int = 1) -> int:
    """Channels of `around`."""
    return (2 * CHANNELS + 1) * frames * patch**2 + 1


def around_batch(batch: Mapping[str, Tensor], patch: int = 1) -> Tensor:
    """`around` of a training batch."""
    return around(batch["mask"], batch["neighbour"], batch["neighbour_mask"], batch["shown"], patch)


def around_conditions(conditions: ConditionBatch, patch: int = 1) -> Tensor:
    """`around` of a batch of conditions."""
    return around(conditions.mask, conditions.neighbour, conditions.neighbour_mask, conditions.shown, patch)


# the names of before, which families from outside may import
Asked, around_asked = ConditionBatch, around_conditions
