"""One image that is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import Value
from synthcmr.cohort.labels import Mask


@dataclass(frozen=True)
class Neighbour:
    """The slice next to the one asked for, as context: what makes the slices of a stack belong together."""

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
    """The view and the scanner, without the patient: what the metadata-free branch of guidance is told."""
    return {k: v for k, v in attributes.items() if k in VIEW or k in SCANNER}
