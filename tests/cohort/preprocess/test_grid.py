"""Resampling against closed forms and an independent implementation."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from synthcmr.cohort.preprocess.grid import PixelAxis, PixelGrid


def _grid(size: int, step: float, centre: tuple[float, float]) -> PixelGrid:
    return PixelGrid(PixelAxis(size, step, centre[0]), PixelAxis(size, step, centre[1]))


def test_linear_upsampling_equals_scipy() -> None:
    image = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)
    grid = _grid(21, 0.7, (18.3, 22.9))
    rows, columns = np.meshgrid(grid.rows.positions, grid.columns.positions, indexing="ij")
    expected = map_coordinates(image, [rows, columns], order=1)
    assert np.allclose(grid.image(image, "linear"), expected, atol=1e-5)


@pytest.mark.parametrize("kernel", ["linear", "cubic"])
def test_a_constant_stays_constant_inside_and_a_ramp_stays_a_ramp(kernel: str) -> None:
    ramp = np.broadcast_to(np.arange(80, dtype=np.float32), (80, 80))
    grid = _grid(20, 1.37, (40.0, 40.0))
    assert np.allclose(grid.image(np.ones((80, 80)), kernel), 1.0, atol=1e-6)
    assert np.allclose(grid.image(ramp, kernel), grid.columns.positions[None, :], atol=0.06)


def test_downsampling_removes_what_the_new_grid_cannot_hold() -> None:
    columns = np.arange(200)
    fine = np.broadcast_to(np.cos(np.pi * columns * 0.9), (200, 200))  # near the Nyquist frequency of the fine grid
    coarse = _grid(60, 3.0, (99.5, 99.5)).image(fine, "cubic")
    assert np.abs(coarse).max() < 0.05


def test_outside_the_image_is_empty_not_stretched() -> None:
    out = _grid(40, 1.0, (0.0, 0.0)).image(np.ones((30, 30)), "cubic")
    assert np.all(out[:18] == 0)
    assert np.all(out[22:, 22:] == pytest.approx(1.0))


def test_labels_keep_their_area_when_resampled() -> None:
    rows, columns = np.indices((160, 160))
    r = np.hypot(rows - 80.2, columns - 77.7)
    mask = np.where(r < 15, 1, np.where(r < 22, 2, 0)).astype(np.uint8)
    for step in (0.71, 1.13, 1.6):
        out = _grid(round(120 / step), step, (80.0, 78.0)).mask(mask)
        for label in (1, 2):
            area = (out == label).sum() * step**2
            assert area == pytest.approx((mask == label).sum(), rel=0.03)


def test_unlabelled_spreads_outside_where_it_was_used_and_background_elsewhere() -> None:
    known = np.zeros((10, 10), dtype=np.uint8)
    partial = np.full((10, 10), 255, dtype=np.uint8)
    partial[4:6, 4:6] = 1
    grid = _grid(20, 1.0, (4.5, 4.5))
    assert set(np.unique(grid.mask(known))) == {0}
    assert set(np.unique(grid.mask(partial))) == {1, 255}


def test_affine_of_the_new_grid_points_at_the_same_places() -> None:
    native = np.array([[-1.4, 0, 0, 120], [0, -1.4, 0, 90], [0, 0, 8, -40], [0, 0, 0, 1.0]])
    grid = _grid(33, 1.25, (50.0, 61.0))
    affine = grid.affine(native)
    for row, column in [(0, 0), (32, 0), (5, 30)]:
        there = affine @ [column, row, 2, 1]
        expected = native @ [grid.columns.positions[column], grid.rows.positions[row], 2, 1]
        assert np.allclose(there, expected)
