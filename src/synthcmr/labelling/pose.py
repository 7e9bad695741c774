"""The eight ways in which a square picture can lie: quarter turns, and each of them mirrored."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Pose:
    """What is done to a slice before a judge sees it."""

    turns: int = 0  # quarter turns, counter-clockwise
    mirrored: bool = False  # columns the other way round, before turning

    def apply(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """Bring (..., rows, columns) into the pose."""
        flipped = image[..., ::-1] if self.mirrored else image
        return np.rot90(flipped, self.turns, axes=(-2, -1))

    def undo(self, image: npt.NDArray[T]) -> npt.NDArray[T]:
        """Bring (..., rows, columns) back."""
        straight = np.rot90(image, -self.turns, axes=(-2, -1))
        return straight[..., ::-1] if self.mirrored else straight

    def __str__(self) -> str:
        """In words."""
        turned = f"turned by {90 * self.turns} degrees" if self.turns else ""
        return " and ".join(part for part in (("mirrored" if self.mirrored else ""), turned) if part) or "as it is"


AS_IT_IS = Pose()
POSES = tuple(Pose(turns, mirrored) for mirrored in (False, True) for turns in range(4))
