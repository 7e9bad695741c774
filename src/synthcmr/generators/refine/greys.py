"""How bright blood and muscle are in images of a look, so that a phantom begins with greys like theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label, Mask

FEWEST = 30  # pixels of either tissue, below which an image says nothing of it
DARKEST, BRIGHTEST = 0.03, 0.92  # that blood becomes: above it no fat or vein could be told from it
DARKEST_RATIO, BRIGHTEST_RATIO = 0.15, 0.85  # of muscle to blood


@dataclass(frozen=True)
class Greys:
    """Mean logarithms of the intensity of blood, and of the ratio of muscle to blood, over images of one kind."""

    blood: float
    ratio: float

    @classmethod
    def of(cls, images: Sequence[npt.NDArray[np.floating]], masks: Sequence[Mask]) -> Self | None:
        """Measure images; None where none shows blood and muscle."""
        pairs = [pair for one, its in zip(images, masks, strict=True) if (pair := tissue_means(one, its)) is not None]
        if not pairs:
            return None
        blood, muscle = np.log(np.array(pairs)).T
        return cls(round(float(blood.mean()), 4), round(float((muscle - blood).mean()), 4))

    def to_json(self) -> dict[str, float]:
        """As plain numbers."""
        return asdict(self)


def moved_greys(image: npt.NDArray[np.floating], mask: Mask, source: Greys, target: Greys) -> npt.NDArray[np.float32]:
    """An image or stack, 0 to 1, brightened or darkened by what lies between two kinds of images.

    One curve for all pixels, a power of the intensity: the order of greys stays, and so does how an image differs from others of its
    kind. White need not stay white: real images are scaled before they are cropped, by what may lie outside of the crop.

    Args:
        image: of any shape.
        mask: of the same shape; where it shows no blood or no muscle the image stays as it is.
        source: of images like this one.
        target: of those that it shall be like.
    """
    means = tissue_means(image, mask)
    if means is None or not 0 < means[1] < means[0] < 1:
        return np.asarray(image, np.float32)
    blood = float(np.clip(means[0] * np.exp(target.blood - source.blood), DARKEST, BRIGHTEST))
    ratio = means[1] / means[0] * np.exp(target.ratio - source.ratio)
    muscle = blood * float(np.clip(ratio, DARKEST_RATIO, BRIGHTEST_RATIO))
    gamma = np.log(muscle / blood) / np.log(means[1] / means[0])
    return np.asarray(np.clip(blood * (np.clip(image, 0.0, 1.0) / means[0]) ** gamma, 0.0, 1.0), np.float32)


def tissue_means(image: npt.NDArray[np.floating], mask: Mask) -> tuple[float, float] | None:
    """Mean intensity of the blood of the left ventricle and of its muscle; None where there is too little of either."""
    blood, muscle = image[mask == Label.LV], image[mask == Label.MYOCARDIUM]
    if min(len(blood), len(muscle)) < FEWEST:
        return None
    return float(max(blood.mean(dtype=np.float64), 1e-3)), float(max(muscle.mean(dtype=np.float64), 1e-3))
