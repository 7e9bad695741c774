"""One requested image: its attributes and mask, both as tensors, and the attributes that training leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import STRUCTURES, Label, Mask

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = len(STRUCTURES) + 1  # of a mask, per frame
P_EMPTY = 0.1  # nothing is said: the empty branch of guidance
P_WITHOUT_METADATA = 0.1  # the view and the scanner alone: the metadata-free branch
P_SOME = 0.4  # each attribute is kept or left out by itself, at a rate drawn anew


@dataclass(frozen=True)
class Neighbour:
    """The slice next to the requested one, as context: what makes the slices of a stack belong together."""

    image: npt.NDArray[np.float32]  # (frames, rows, columns), 0 to 1
    mask: Mask  # same shape


@dataclass(frozen=True)
class Condition:
    """What one image shall show. Any attribute may be absent: then the generator is free to choose it."""

    mask: Mask  # (frames, rows, columns), canonical labels
    attributes: Mapping[str, Value] = field(default_factory=dict)  # of the patient, the scanner and the view
    neighbour: Neighbour | None = None
    start: npt.NDArray[np.float32] | None = None  # image to begin from, same shape as the mask, 0 to 1


LOOK = "look"  # attribute that says whose images an image looks like
VIEW = ("slice_level", "slice_fraction")
SCANNER = ("vendor", "scanner", "field_strength_t", "centre")


def without_metadata(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """The view and the scanner, without the patient: the condition of the metadata-free branch of guidance."""
    return {k: v for k, v in attributes.items() if k in VIEW or k in SCANNER}


def drop_some(attributes: Mapping[str, Value], rng: np.random.Generator) -> dict[str, Value]:
    """A random part of the attributes of one training image, so that any part can be asked for, and guidance is defined."""
    case = rng.random()
    if case < P_EMPTY:
        return {}
    if case < P_EMPTY + P_WITHOUT_METADATA:
        return without_metadata(attributes)
    if case < P_EMPTY + P_WITHOUT_METADATA + P_SOME:
        rate = rng.random()
        return {k: v for k, v in attributes.items() if rng.random() >= rate}
    return dict(attributes)


def one_hot(mask: Tensor) -> Tensor:
    """Channels of a batch of masks: one per structure, and one that says where anything is known.

    Args:
        mask: (batch, frames, rows, columns), canonical labels.

    Returns:
        (batch, frames x 4, rows, columns): LV, myocardium, RV, known.
    """
    import torch

    structures = [mask == int(label) for label in STRUCTURES.values()]
    channels = torch.stack([*structures, mask != int(Label.UNLABELLED)], dim=2)
    return channels.flatten(1, 2).float()


def as_tensor(mask: np.ndarray) -> Tensor:
    """A mask as a tensor that owns its memory."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(mask, dtype=np.uint8))
