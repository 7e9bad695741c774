"""Power by frequency: of white noise, whose density is known, and of cohorts with other pixels."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.evaluation.features.spectrum import SpectrumExtractor
from synthcmr.evaluation.features.stream import batches
from tests.evaluation.making import PIXEL, SIDE, Heart, cohort_of, heart


def noise(seed: int) -> Heart:
    like = heart(seed)
    values = np.random.default_rng(seed).normal(2000, 300, like.image.shape)
    return replace(like, image=values)


def test_white_noise_has_one_density_at_all_frequencies(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path / "c", [noise(k) for k in range(4)])
    extractor = SpectrumExtractor.of_both(cohort, cohort)
    assert extractor.rings.unit == "mm"
    values = np.full((len(cohort), len(extractor.columns)), np.nan)
    for batch in batches(cohort, 2):
        values[batch.rows] = extractor.of(batch)
    variance = np.mean([cohort.image(k)[0].var() for k in range(len(cohort))])
    expected = np.log(variance * PIXEL**2)
    # the two lowest rings hold a dozen frequencies, and what borders leak is taken out of them
    np.testing.assert_allclose(values.mean(axis=0)[2:], expected, atol=0.25)


def test_rings_suit_the_coarser_side_and_name_it_in_the_hash(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path / "c", [heart(0)])
    extractor = SpectrumExtractor.of_both(cohort, cohort)
    assert float(extractor.columns[-1]) < np.hypot(0.5, 0.5) / PIXEL
    assert len(extractor.columns) == min(24, SIDE // 2)
    assert extractor.hash != SpectrumExtractor(replace(extractor.rings, count=5)).hash
