"""Distances are those of brute force, and images like members lie closer to members."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.distances import VectorScaling, kernel_density, to_subjects, training_proximity
from tests.evaluation.privacy.making import divided, index_of, indexed, pixels_of


def test_distances_and_densities_are_those_of_brute_force(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    few, many, more = (
        index_of(tmp_path / n, rng.random((k, 1, 64, 64)), 2) for n, k in (("a", 6), ("b", 10), ("c", 4))
    )
    a, b, c = (next(p.spaces["pixels"].chunks(100))[1] for p in (few, many, more))
    scaling, width = VectorScaling.of(few, "pixels"), 1.2
    apart = cdist(a, b)
    density = kernel_density(few, many, "pixels", scaling, width)
    assert density.nearest == pytest.approx(apart.min(axis=1), rel=1e-3)
    assert density.density == pytest.approx(logsumexp(-(apart**2) / (2 * width**2), axis=1) - np.log(10), rel=1e-3)
    near = kernel_density(few, many, "pixels", scaling, float(np.median(apart)))
    assert near.within == pytest.approx((apart <= np.median(apart)).mean(axis=1))
    both, whole = density.joined(kernel_density(few, more, "pixels", scaling, width)), cdist(a, np.concatenate([b, c]))
    assert both.nearest == pytest.approx(whole.min(axis=1), rel=1e-3)
    assert both.density == pytest.approx(logsumexp(-(whole**2) / (2 * width**2), axis=1) - np.log(14), rel=1e-3)
    ((_, least),) = to_subjects(few, many, "pixels", scaling)
    assert least == pytest.approx(apart.reshape(6, 5, 2).min(axis=2), rel=1e-3)


def test_images_like_members_lie_closer_to_members(cohort: Cohort, tmp_path: Path) -> None:
    split = divided(cohort)
    rng = np.random.default_rng(0)
    for side, low, high in ((split.members, 0.55, 1.0), (split.held_out, 0.0, 0.45)):
        images = pixels_of(side)
        noisy = (images + rng.normal(0, 0.05, images.shape)).astype(np.float32)
        indexes = indexed(split, noisy, side.subject, tmp_path / str(low))
        share = training_proximity(indexes.synthetic, indexes.members, indexes.held_out, "pixels", 0)
        assert low <= share.value <= high
        assert share.low <= share.value <= share.high
