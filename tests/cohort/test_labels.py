"""Foreign masks become canonical, or are refused."""

import numpy as np
import pytest

from synthcmr.cohort.labels import ACDC_LABELS, EMIDEC_LABELS, Label, hide_unknown, remap


def test_acdc_and_canonical_swap_the_ventricles() -> None:
    foreign = np.array([[0, 1, 2, 3]])
    assert remap(foreign, ACDC_LABELS, "m").tolist() == [[0, Label.RV, Label.MYOCARDIUM, Label.LV]]
    assert remap(foreign.astype(float), ACDC_LABELS, "m").dtype == np.uint8


def test_infarct_is_myocardium() -> None:
    assert remap(np.array([3, 4]), EMIDEC_LABELS, "m").tolist() == [Label.MYOCARDIUM] * 2


@pytest.mark.parametrize("value", [4, 255, 500])
def test_unknown_labels_are_named(value: int) -> None:
    with pytest.raises(ValueError, match=rf"m: expected labels \[0, 1, 2, 3\], got also \[{value}\]"):
        remap(np.array([0, value]), ACDC_LABELS, "m")


@pytest.mark.parametrize("value", [1.5, -1.0, 70000.0])
def test_fractions_and_values_beyond_a_byte_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="whole label values from 0 to 65535"):
        remap(np.array([0.0, value]), ACDC_LABELS, "m")


def test_background_is_unknown_where_a_structure_was_never_drawn() -> None:
    mask = np.array([0, 1], dtype=np.uint8)
    assert hide_unknown(mask, ("lv",)).tolist() == [Label.UNLABELLED, Label.LV]
    assert hide_unknown(mask, ("rv", "lv", "myo")).tolist() == [0, 1]
