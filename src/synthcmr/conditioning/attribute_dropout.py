"""Leaving attributes out at random in training, so that a generator can be asked with any part of them, and guidance is defined."""

from collections.abc import Mapping

import numpy as np

from synthcmr.cohort.attributes import Value
from synthcmr.conditioning.condition import without_metadata

P_EMPTY = 0.1  # nothing is said: the empty branch of guidance
P_WITHOUT_METADATA = 0.1  # the view and the scanner alone: the metadata-free branch
P_SOME = 0.4  # each attribute is kept or left out by itself, at a rate drawn anew


def drop_some(attributes: Mapping[str, Value], rng: np.random.Generator) -> dict[str, Value]:
    """A random part of the attributes of one training image."""
    case = rng.random()
    if case < P_EMPTY:
        return {}
    if case < P_EMPTY + P_WITHOUT_METADATA:
        return without_metadata(attributes)
    if case < P_EMPTY + P_WITHOUT_METADATA + P_SOME:
        rate = rng.random()
        return {k: v for k, v in attributes.items() if rng.random() >= rate}
    return dict(attributes)
