"""Which images look alike."""

import numpy as np
from skimage.metrics import structural_similarity

from synthcmr.frequency.shr import SIDE, nearest, similarity, small
from tests.frequency.making import clouds


def test_small_pictures_are_means_over_areas() -> None:
    images = clouds(2, (96, 64))
    expected = images.reshape(2, SIDE, 3, SIDE, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(small(images), expected, atol=1e-6)


def test_similarity_orders_images_as_the_usual_one_does() -> None:
    pictures = small(clouds(30, seed=4))
    noisy = (pictures[:1] + 0.02 * np.random.default_rng(0).standard_normal(pictures[:1].shape)).astype(np.float32)
    mine = similarity(noisy, pictures)[0]
    usual = [structural_similarity(noisy[0], p, data_range=1.0) for p in pictures]
    assert np.corrcoef(mine, usual)[0, 1] > 0.95
    assert mine.argmax() == np.argmax(usual) == 0
    np.testing.assert_allclose(np.diag(similarity(pictures, pictures)), 1.0, atol=1e-4)


def test_the_own_subject_is_barred() -> None:
    pictures = small(clouds(10))
    barred = np.eye(10, dtype=bool)
    found = nearest(pictures, pictures, 3, barred)
    assert found.shape == (10, 3)
    assert not any(k in row for k, row in enumerate(found))
