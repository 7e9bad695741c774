"""The patch probe on sets whose difference is known: none, sharpness alone, or shapes."""

import numpy as np
import pytest
from benchmarks.patch_probe import (
    OTHER_HALF,
    HeartFrames,
    ProbeSettings,
    auc_over_subjects,
    check_one_pixel_size,
    heart_frames,
    patch_auc,
    probe,
)
from scipy.ndimage import gaussian_filter

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from tests.frequency.making import clouds

QUICK = ProbeSettings(steps=60, batch=32, folds=2, asked=16)


def people(count: int, seed: int, sharpness: float = 0.0) -> HeartFrames:
    """Random clouds, four frames of each subject."""
    image = clouds(4 * count, (80, 80), seed=seed)
    image = gaussian_filter(image, (0, sharpness, sharpness)) if sharpness else image
    subject = np.array([f"{seed}-{k:02d}" for k in range(count) for _ in range(4)])
    return HeartFrames(image.astype(np.float32), np.full((len(image), 2), 40), subject)


def test_one_kind_of_images_cannot_be_told_apart() -> None:
    told = patch_auc(people(10, seed=0), people(10, seed=1), 0, QUICK)
    assert 0.3 < told.value < 0.7
    assert told.low < told.value < told.high


def test_a_difference_in_sharpness_is_seen_on_unseen_subjects_and_gone_after_a_blur() -> None:
    table = probe(people(20, seed=0), {"soft": people(10, seed=1, sharpness=0.7)}, [0], QUICK)
    assert table["soft"]["as they are"].value > 0.95
    assert table["soft"]["blurred"].value < table["soft"]["as they are"].value
    assert abs(table[OTHER_HALF]["as they are"].value - 0.5) < 0.2


def test_one_seed_gives_one_answer() -> None:
    first, second = (patch_auc(people(4, seed=0), people(4, seed=1), 3, QUICK) for _ in range(2))
    assert first == second


def test_contrast_and_brightness_alone_tell_nothing() -> None:
    plain = people(10, seed=0)
    brighter = HeartFrames(1.7 * people(10, seed=1).image + 0.2, plain.middle, plain.subject)
    assert patch_auc(plain, brighter, 0, QUICK).value < 0.7


def test_the_interval_is_over_subjects_not_over_patches() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 50)
    label = (person >= 10).astype(np.int64)
    score = rng.normal(0, 1, 20)[person] + 0.01 * rng.normal(size=len(person)) + 0.5 * label
    subject = np.array([f"{side}/{k}" for side, k in zip(label, person, strict=True)])
    told = auc_over_subjects(score, label, subject, np.zeros(len(score), dtype=np.int64), 0)
    assert told.high - told.low > 0.2  # 1000 patches alone would give a tenth of that


def test_frames_of_a_cohort_are_those_that_show_the_cavity(phantom_cohort: Cohort) -> None:
    frames = heart_frames(phantom_cohort, ProbeSettings(patch=16, least_lv_pixels=30))
    assert set(frames.subjects) <= set(phantom_cohort.subjects["subject_id"])
    assert len(frames.image) == len(frames.middle) == len(frames.subject)
    assert (frames.middle >= 8).all()
    assert (frames.middle < np.array(frames.image.shape[1:]) - 8).all()


def test_a_cohort_without_a_cavity_is_refused(phantom_cohort: Cohort) -> None:
    with pytest.raises(CohortError, match="expected masks with at least 100000 pixels"):
        heart_frames(phantom_cohort, ProbeSettings(least_lv_pixels=100000))


def test_sets_of_other_pixel_sizes_are_refused(phantom_cohort: Cohort) -> None:
    other = Cohort.open(phantom_cohort.path)
    other.images["spacing_row_mm"] = 2.7
    check_one_pixel_size({"real": phantom_cohort, "same": phantom_cohort})
    with pytest.raises(CohortError, match=r"expected sets of one pixel size, got real .* other 2.70 mm"):
        check_one_pixel_size({"real": phantom_cohort, "other": other})
