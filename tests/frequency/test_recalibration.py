"""What recalibration changes, and what it must not."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.errors import CohortError, SettingsError
from synthcmr.frequency.fourier import Plane, spectra
from synthcmr.frequency.images import batch_of, batches
from synthcmr.frequency.real_images import gather
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.ring_map import taper
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import RecalibrationSettings, ReplacementSettings, RingSettings
from synthcmr.frequency.shr import Replacement
from synthcmr.frequency.sources import ArrayImages
from tests.frequency.making import blurred, clouds

REAL, MADE = clouds(60, seed=1), blurred(clouds(50, seed=2))


def log_power(images: np.ndarray) -> np.ndarray:
    plane = Plane(*images.shape[1:])
    return Rings.of(plane).log_power(spectra(images, plane))


def gap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(log_power(a).mean(axis=0) - log_power(b).mean(axis=0)).mean())


def test_rings_bring_mean_and_spread_to_the_real_ones() -> None:
    model = Recalibration(RecalibrationSettings(shrinkage=0)).fit(REAL)
    made = np.asarray(model.transform(MADE))
    assert gap(made, REAL) < 0.1 * gap(MADE, REAL)
    changed = taper(model.real.rings, model.settings) == 1
    np.testing.assert_allclose(log_power(made).std(axis=0)[changed], log_power(REAL).std(axis=0)[changed], rtol=0.25)


def test_an_image_keeps_its_rank_within_its_set() -> None:
    model = Recalibration().fit(REAL)
    made = np.asarray(model.transform(MADE))
    ring = 20
    before, after = (np.argsort(log_power(x)[:, ring]) for x in (MADE, made))
    assert np.corrcoef(np.argsort(before), np.argsort(after))[0, 1] > 0.95


def test_long_waves_stay_as_they_are_where_nothing_is_cut_off() -> None:
    settings = RecalibrationSettings(untouched_pixels=16)
    before, plane = MADE - 5.0, Plane(64, 64)  # negative values: nothing is cut off at zero
    after = np.asarray(Recalibration(settings).fit(REAL - 5.0).transform(before))
    low = plane.radius < settings.floor("pixel")
    a, b = (spectra(x, plane, "none").coefficients[:, low] for x in (before, after))
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_images_that_are_right_already_stay_nearly_the_same() -> None:
    same = np.asarray(Recalibration().fit(REAL).transform(REAL))
    np.testing.assert_allclose(same, REAL, atol=2e-3)


def test_a_single_image_can_be_recalibrated() -> None:
    made = np.asarray(Recalibration().fit(REAL).transform(MADE[:1]))
    assert gap(made, REAL) < 0.5 * gap(MADE[:1], REAL)


def test_a_group_gets_its_own_statistics_and_a_small_one_leans_on_everyone() -> None:
    loud = clouds(30, slope=1.0, seed=5)
    told = [{"vendor": "A"}] * 60 + [{"vendor": "B"}] * 30
    real = ArrayImages(np.concatenate([REAL, loud]), attributes=told)
    made = ArrayImages(np.concatenate([MADE, MADE]), attributes=[{"vendor": "A"}] * 50 + [{"vendor": "B"}] * 50)
    model = Recalibration(RecalibrationSettings(by=("vendor",), shrinkage=1)).fit(real)
    found = np.stack([np.asarray(m)[0] for m in model.transform(made)])
    assert gap(found[50:], loud) < 0.5 * gap(found[50:], REAL)
    assert gap(found[:50], REAL) < 0.5 * gap(found[:50], loud)
    moments = model.real.moments
    assert moments.weight("B", 10) == pytest.approx(30 / 40)
    np.testing.assert_allclose(moments.profile("B", 0).mean, moments.groups[""].mean)


def test_moments_of_batches_are_those_of_the_whole() -> None:
    moments = Recalibration().fit(clouds(130)).real.moments.groups[""]
    whole = log_power(clouds(130))
    np.testing.assert_allclose(moments.mean, whole.mean(axis=0))
    np.testing.assert_allclose(moments.covariance, np.cov(whole.T), atol=1e-10)


def test_sampled_targets_have_the_real_covariance() -> None:
    settings = RecalibrationSettings(map=RingSettings(target="sampled"))
    made = np.asarray(Recalibration(settings).fit(REAL).transform(np.concatenate([MADE] * 4)))
    ratio = log_power(made).std(axis=0)[8:] / log_power(REAL).std(axis=0)[8:]
    assert 0.7 < ratio.mean() < 1.3


def replaced(images: np.ndarray, radius: float, reading: str = "magnitude", pool: np.ndarray = REAL) -> np.ndarray:
    told = ReplacementSettings(radius=radius, reading=reading, neighbours=1)  # type: ignore[arg-type]
    return np.asarray(Recalibration(RecalibrationSettings(method="shr", replacement=told)).fit(pool).transform(images))


@pytest.mark.parametrize("reading", ["magnitude", "complex"])
def test_replacement_of_nothing_changes_nothing(reading: str) -> None:
    np.testing.assert_array_equal(replaced(MADE, 0.0, reading), MADE)


@pytest.mark.parametrize("reading", ["magnitude", "complex"])
def test_replacement_of_everything_gives_the_amplitude_statistics_of_the_real_image(reading: str) -> None:
    pool, images = REAL[:1] - 5, MADE[:3] - 5
    settings = RecalibrationSettings(
        method="shr",
        edges="none",
        replacement=ReplacementSettings(radius=1.0, reading=reading, retrieval="group"),  # type: ignore[arg-type]
    )
    real = gather(ArrayImages(pool), settings)
    assert real.library is not None
    batch = batch_of(list(ArrayImages(images)), ())
    found = Replacement(real.rings, real.library, 1.0, settings)(batch)
    plane = Plane(64, 64)
    sides = []
    for x in (found, pool):
        coefficients = spectra(x, plane, "none").coefficients
        value = (np.abs(coefficients) if reading == "magnitude" else coefficients).reshape(len(x), -1)[:, 1:]
        weight = np.broadcast_to(plane.weight, (64, 33)).ravel()[1:]
        mean = np.average(value.real, axis=1, weights=weight)
        spread = np.sqrt(np.average(np.abs(value - mean[:, None]) ** 2, axis=1, weights=weight))
        sides.append((mean, spread))
    tolerance = 0.05 if reading == "magnitude" else 1e-6  # magnitudes below zero are cut off
    np.testing.assert_allclose(sides[0][1], np.repeat(sides[1][1], 3), rtol=tolerance)
    np.testing.assert_allclose(sides[0][0], np.repeat(sides[1][0], 3), rtol=tolerance, atol=0.02)


def test_replacement_is_the_same_whatever_stands_beside_an_image() -> None:
    alone, together = replaced(MADE[:1], 0.5), replaced(MADE, 0.5)[:1]
    np.testing.assert_allclose(alone, together)


def test_constant_and_nan_images_are_refused_by_name() -> None:
    model = Recalibration().fit(REAL)
    bad = MADE[:3].copy()
    bad[1] = 0.5
    with pytest.raises(CohortError, match=r"image 1: .*same value everywhere"):
        model.transform(bad)
    bad[1, 0, 0] = np.nan
    with pytest.raises(CohortError, match=r"image 1: .*1 NaN"):
        model.transform(bad)
    assert list(Recalibration().fit(bad).real.refused) == ["1"]


def test_a_model_is_the_same_after_it_was_saved(tmp_path: Path) -> None:
    for method in ("rings", "shr"):
        told = ReplacementSettings(radius=0.5)
        model = Recalibration(RecalibrationSettings(method=method, replacement=told)).fit(REAL)  # type: ignore[arg-type]
        first = model.save(tmp_path / method)
        again = Recalibration.load(tmp_path / method)
        np.testing.assert_allclose(again.transform(MADE), model.transform(MADE), atol=1e-3)
        assert len(first) == 64
    with pytest.raises(CohortError, match="recalibrate fit"):
        Recalibration.load(tmp_path / "nothing")


def test_a_model_that_knows_nothing_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match=r"\.fit\(real\)"):
        Recalibration().transform(MADE)


def test_other_sizes_and_types_are_taken() -> None:
    model = Recalibration().fit(REAL)
    odd = [blurred(clouds(1, shape, seed=3))[0].astype(np.float32) for shape in ((63, 80), (48, 33))]
    for before, after in zip(odd, model.transform(odd), strict=True):
        assert after.shape == before.shape
        assert after.dtype == np.float32


def test_pixels_that_differ_by_rounding_alone_are_worked_on_together() -> None:
    items = [
        *ArrayImages(clouds(1), (1.5, 1.5)),
        *ArrayImages(clouds(1, seed=2), (1.4999999999999998, 1.5000000000000002)),
    ]
    assert len(list(batches(items, ()))) == 1
