"""Dice and HD95 of stacks against MONAI's; what is missed counts."""

import numpy as np
import pandas as pd
import pytest
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance

from synthcmr.evaluation.utility.segmentation_frames import LabelledFrames, cases, scored, worst_mm

SPACING = (8.0, 1.5, 1.2)


def ellipsoid(rng: np.random.Generator) -> np.ndarray:
    z, y, x = np.mgrid[:7, :40, :40]
    middle, size = rng.uniform((2, 14, 14), (4, 26, 26)), rng.uniform((1.5, 5, 5), (3, 11, 11))
    return sum(((a - m) / s) ** 2 for a, m, s in zip((z, y, x), middle, size, strict=True)) < 1


def test_dice_and_hd95_of_stacks_are_monais() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        a, b = ellipsoid(rng), ellipsoid(rng)
        both = [torch.from_numpy(m)[None, None] for m in (a, b)]
        far = compute_hausdorff_distance(*both, include_background=True, percentile=95, spacing=list(SPACING))
        dice, hd95, failed = scored(a, b, SPACING)
        assert dice == pytest.approx(float(compute_dice(*both, include_background=True)))
        assert hd95 == pytest.approx(float(far), rel=1e-5)
        assert failed == 0


def stack(mask: np.ndarray, phase: str = "ED", subject: str = "a") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject_id": subject,
            "stack": 0,
            "phase": phase,
            "slice_index": np.arange(len(mask))[::-1],  # stored from the apex
            "slice_step_mm": SPACING[0],
            "spacing_row_mm": SPACING[1],
            "spacing_column_mm": SPACING[2],
        }
    )


def test_a_structure_that_is_missed_has_dice_zero_and_the_worst_distance_there_is() -> None:
    rng = np.random.default_rng(1)
    truth = np.where(ellipsoid(rng), 1, 0).astype(np.uint8)
    truth[:, :4, :4] = 3  # found nowhere
    frames = LabelledFrames(truth.astype(np.float16), truth, stack(truth))
    found = cases(frames, np.where(truth == 1, 1, 0).astype(np.uint8)).set_index("structure")
    assert found.loc["lv", ["dice", "hd95_mm", "failed"]].tolist() == [1, 0, 0]
    assert found.loc["rv", ["dice", "failed"]].tolist() == [0, 1]
    assert found.loc["rv", "hd95_mm"] == pytest.approx(np.linalg.norm([7 * 8.0, 40 * 1.5, 40 * 1.2]))
    assert worst_mm((7, 40, 40), SPACING) == found.loc["rv", "hd95_mm"]
    assert set(found.index) == {"lv", "rv"}  # nobody drew a myocardium


def test_what_nobody_labelled_is_not_held_against_a_network() -> None:
    truth = np.zeros((3, 20, 20), dtype=np.uint8)
    truth[:, 5:10, 5:10], truth[:, 12:, :] = 1, 255
    guess = np.where(truth == 255, 1, truth)
    found = cases(LabelledFrames(truth.astype(np.float16), truth, stack(truth)), guess)
    assert found["dice"].tolist() == [1.0]


def test_a_single_slice_is_measured_in_its_plane() -> None:
    a, b = np.zeros((1, 20, 20), bool), np.zeros((1, 20, 20), bool)
    a[0, 5:15, 5:15], b[0, 5:15, 7:17] = True, True
    assert scored(a, b, (np.nan, 1.0, 1.0))[1:] != scored(a, b, (1.0, 1.0, 1.0))[1:]
    assert scored(a, b, (1.0, 1.0, 1.0))[1] == pytest.approx(2.0)
