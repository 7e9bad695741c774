"""Distances between sets of images, in the features of the attribute reader that ships, as `synthcmr evaluate` computes them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.features.cmr import seen
from synthcmr.judges.reader import AttributeReader
from synthcmr.statistics import frechet as of_gaussians
from synthcmr.statistics.kernels import unbiased

FEATURES = "shipped attribute reader, before its answers"
Features = npt.NDArray[np.float64]


def features(reader: AttributeReader, images: npt.NDArray[Any]) -> Features:
    """What the reader sees before it answers, (images, width)."""
    return seen(reader, images)


def frechet(a: Features, b: Features) -> float:
    """FID in this feature space."""
    return of_gaussians.frechet(of_gaussians.gaussian(a), of_gaussians.gaussian(b))


def kernel_distance(a: Features, b: Features) -> float:
    """KID in this feature space, of all images."""
    return unbiased(a, b)
