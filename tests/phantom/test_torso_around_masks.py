"""Phantoms around given hearts: pixel on pixel with the masks, turned as these are."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.torso_around_masks import painted, turn_of

SIZE, PIXEL = 96, 1.5


def heart(angle: float, row: float = 48.0, column: float = 48.0, radius: float = 12.0) -> np.ndarray:
    """A round ventricle with its wall and, at an angle, another one beside it; ED and a smaller ES."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    frames = []
    for cavity in (radius, 0.7 * radius):
        r = np.hypot(y - row, x - column)
        beside = np.hypot(y - row - 22 * np.sin(angle), x - column - 22 * np.cos(angle))
        mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
        mask[beside < 12] = 3
        mask[r < cavity + 6] = 2
        mask[r < cavity] = 1
        frames.append(mask)
    return np.stack(frames)[:, None]


@pytest.mark.parametrize("angle", [np.pi, 2.2, -2.6])
def test_tissue_lies_where_the_mask_has_it(angle: float) -> None:
    mask = heart(angle, row=44.0, column=52.0)
    image = painted(draw_subject("acdc-like", 0, 3), mask, (PIXEL, PIXEL))
    assert image.shape == mask.shape
    for frame in range(2):
        blood, wall = (np.median(image[frame][mask[frame] == label]) for label in (1, 2))
        assert blood > 1.5 * wall
        middle = 0.5 * (blood + wall)
        around = np.isin(mask[frame], (1, 2))
        assert ((image[frame] > middle) == (mask[frame] == 1))[around].mean() > 0.85


def test_the_surroundings_turn_with_the_heart() -> None:
    assert turn_of(heart(np.pi)) == pytest.approx(0.0, abs=0.02)
    assert turn_of(heart(np.pi / 2)) == pytest.approx(-np.pi / 2, abs=0.02)
    assert turn_of(np.zeros((2, 1, 8, 8), dtype=np.uint8)) == 0.0


def test_a_slice_without_a_heart_shows_the_chest() -> None:
    empty = np.concatenate([heart(np.pi), np.zeros((2, 1, SIZE, SIZE), dtype=np.uint8)], axis=1)
    subject = draw_subject("acdc-like", 1, 3)
    subject = replace(subject, protocol=replace(subject.protocol, slice_step_mm=10.0))
    image = painted(subject, empty, (PIXEL, PIXEL))
    assert np.isfinite(image).all()
    assert image[:, 1].std() > 0
