"""Transforms keep what they should: power, pixels, and nothing of the borders."""

import numpy as np
import pytest

from synthcmr.errors import SettingsError
from synthcmr.frequency.fourier import Plane, pixels, spectra
from synthcmr.frequency.rings import Rings
from tests.frequency.making import clouds

SIZES = [(64, 64), (63, 65), (48, 81), (33, 20)]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("edges", ["none", "periodic"])
def test_pixels_come_back(shape: tuple[int, int], edges: str) -> None:
    images = clouds(3, shape)
    found = spectra(images, Plane(*shape), edges)
    np.testing.assert_allclose(pixels(found.coefficients, found), images, atol=1e-12)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("edges", ["none", "periodic"])
def test_power_of_the_weighted_half_plane_is_that_of_the_pixels(shape: tuple[int, int], edges: str) -> None:
    found = spectra(clouds(3, shape), Plane(*shape), edges)
    seen = pixels(found.coefficients - found.border, found)  # the periodic part alone
    power = (found.power * found.plane.weight).sum(axis=(1, 2))
    np.testing.assert_allclose(power, (seen**2).sum(axis=(1, 2)), rtol=1e-6)


@pytest.mark.parametrize("shape", SIZES)
def test_power_of_rings_adds_up_to_the_variance(shape: tuple[int, int]) -> None:
    found = spectra(clouds(3, shape), Plane(*shape), "none")
    rings = Rings.of(found.plane)
    total = (np.exp(rings.log_power(found)) * rings.mass(found.plane)).sum(axis=1)
    whole = (found.power * found.plane.weight).sum(axis=(1, 2)) - found.power[:, 0, 0]
    np.testing.assert_allclose(total, whole, rtol=1e-6)


def test_a_ramp_is_all_border_and_an_image_that_closes_on_itself_has_none() -> None:
    plane = Plane(64, 48)
    turn = np.sin(2 * np.pi * np.arange(64) / 64)[None, :, None] * np.ones((1, 1, 48))
    assert np.abs(spectra(turn, plane).border).max() < 0.2 * np.abs(spectra(turn, plane).coefficients).max()
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((1, 1, 48))
    plain, clean = (spectra(ramp, plane, e).power[0, 8:33].sum() for e in ("none", "periodic"))
    assert clean < 1e-3 * plain


def test_power_of_a_pattern_does_not_depend_on_the_pixels_in_which_it_is_drawn() -> None:
    fine = clouds(40, (128, 128), slope=5.0, seed=1)
    coarse = fine.reshape(40, 64, 2, 64, 2).mean(axis=(2, 4))
    rings = Rings.of(Plane(64, 64, (2.0, 2.0)))
    a, b = (
        rings.log_power(spectra(x, Plane(*x.shape[1:], spacing))).mean(axis=0)
        for x, spacing in ((fine, (1.0, 1.0)), (coarse, (2.0, 2.0)))
    )
    low = slice(2, 8)  # above, averaging pixels takes power away
    np.testing.assert_allclose(a[low], b[low], atol=0.1)


def test_millimetres_are_not_taken_for_pixels() -> None:
    rings = Rings.of(Plane(64, 64, (1.5, 1.5)))
    with pytest.raises(SettingsError, match="--spacing"):
        rings.log_power(spectra(clouds(1), Plane(64, 64)))
