import numpy as np
import pandas as pd
import pytest
from scipy.stats import skew
from skimage.feature import graycomatrix, graycoprops

from synthcmr.evaluation.features.radiomics import LEVELS, RadiomicsExtractor, columns
from synthcmr.evaluation.features.stream import FrameBatch

NAMES = columns()


def batch(image: np.ndarray, mask: np.ndarray, spacing: float = 1.5) -> FrameBatch:
    n = len(image)
    table = pd.DataFrame({"spacing_row_mm": [spacing] * n, "spacing_column_mm": [spacing] * n})
    return FrameBatch(np.arange(n), image[:, None].astype(np.float32), mask[:, None].astype(np.uint8), table)


def disc(radius: float, side: int = 64) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return (y - side / 2) ** 2 + (x - side / 2) ** 2 < radius**2


def found(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, RadiomicsExtractor().of(batch(image[None], mask[None]))[0].astype(float), strict=True))


def test_intensity_is_what_numpy_and_scipy_say() -> None:
    rng = np.random.default_rng(0)
    image, mask = rng.gamma(4, 0.1, (64, 64)).astype(np.float32), np.where(disc(15), 1, 0)
    told = found(image, mask)
    pixels = image[mask == 1].astype(float)
    assert told["lv mean"] == pytest.approx(pixels.mean(), rel=1e-5)
    assert told["lv sd"] == pytest.approx(pixels.std(), rel=1e-5)
    assert told["lv skewness"] == pytest.approx(skew(pixels), rel=1e-4)
    assert told["lv p90"] == pytest.approx(np.quantile(pixels, 0.9), rel=0.02)


def test_texture_of_a_whole_image_is_scikit_images() -> None:
    image = np.random.default_rng(1).uniform(0, 0.999, (64, 64)).astype(np.float32)
    told = found(image, np.zeros((64, 64)))
    levels = (image * LEVELS).astype(np.uint8)
    # ours joins both directions before normalising; scikit-image's are averaged after, which is the same in a square
    p = graycomatrix(levels, [1], [0, np.pi / 2], LEVELS, symmetric=True, normed=True)
    assert told["rest contrast"] == pytest.approx(graycoprops(p, "contrast").mean(), rel=1e-3)
    assert told["rest homogeneity"] == pytest.approx(graycoprops(p, "homogeneity").mean(), rel=1e-3)


def test_shape_of_a_disc_and_of_an_ellipse() -> None:
    told = found(np.ones((64, 64)), np.where(disc(12), 1, 0))
    assert told["lv area_mm2"] == pytest.approx(disc(12).sum() * 1.5**2)
    assert told["lv elongation"] == pytest.approx(1, abs=0.01)
    assert told["lv roundness"] == pytest.approx(1, abs=0.01)
    y, x = np.mgrid[:64, :64]
    ellipse = found(np.ones((64, 64)), np.where(((y - 32) / 20) ** 2 + ((x - 32) / 10) ** 2 < 1, 3, 0))
    assert ellipse["rv elongation"] == pytest.approx(2, rel=0.03)


def test_a_region_that_is_not_there_has_no_numbers_and_images_do_not_mix() -> None:
    image = np.stack([np.full((64, 64), 0.2), np.full((64, 64), 0.8)])
    mask = np.stack([np.where(disc(10), 1, 0), np.where(disc(10), 2, 255)])
    told = RadiomicsExtractor().of(batch(image, mask))
    of = NAMES.index
    assert told[0, of("lv mean")] == pytest.approx(0.2)
    assert told[1, of("myo mean")] == pytest.approx(0.8)
    assert np.isnan(told[1, of("lv mean")])
    assert np.isnan(told[1, of("rest mean")])  # nobody labelled it
