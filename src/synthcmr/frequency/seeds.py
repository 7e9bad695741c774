"""Randomness that belongs to an image: the same whatever is recalibrated beside it."""

import hashlib

import numpy as np


def rng_of(seed: int, *words: object) -> np.random.Generator:
    """A source of random numbers for a seed and a name."""
    digest = hashlib.blake2b("/".join(map(str, words)).encode(), digest_size=8).digest()
    return np.random.default_rng([seed, int.from_bytes(digest)])
