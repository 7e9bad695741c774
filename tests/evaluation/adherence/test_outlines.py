import numpy as np
import pytest
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance

from synthcmr.cohort.labels import STRUCTURES
from synthcmr.evaluation.adherence.outlines import OutlineExtractor, by_structure, hd95


def blob(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[:64, :64]
    cy, cx = rng.uniform(20, 44, 2)
    a, b = rng.uniform(5, 14, 2)
    return ((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 < 1 + 0.3 * np.sin(y / 3 + rng.uniform(0, 6))


def test_is_monais() -> None:
    rng = np.random.default_rng(0)
    for _ in range(25):
        a, b = blob(rng), blob(rng)
        told = compute_hausdorff_distance(
            torch.from_numpy(a)[None, None],
            torch.from_numpy(b)[None, None],
            include_background=True,
            percentile=95,
            spacing=[1.5, 1.2],
        )
        assert hd95(a, b, (1.5, 1.2)) == pytest.approx(float(told), rel=1e-5)


def test_at_the_border_of_the_image() -> None:
    a, b = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
    a[:8, :8], b[:10, :8] = True, True
    told = compute_hausdorff_distance(
        torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None], include_background=True, percentile=95
    )
    assert hd95(a, b, (1.0, 1.0)) == pytest.approx(float(told))


def test_what_is_not_found_has_no_distance() -> None:
    assert np.isnan(hd95(np.zeros((8, 8), bool), np.ones((8, 8), bool), (1.0, 1.0)))


def test_dice_is_monais_and_a_missed_structure_counts() -> None:
    rng = np.random.default_rng(1)
    extractor = OutlineExtractor(None, 20)
    found, asked = (np.where(blob(rng), 1, 0).astype(np.uint8)[None] for _ in range(2))
    asked[0, :6, :6] = 3  # asked for, found nowhere
    row = np.array([*extractor.compared(found, asked, (1.5, 1.5)), *[np.nan] * 16])
    scores = by_structure(row[None], np.array([0]), 1)
    told = compute_dice(torch.from_numpy(found == 1)[None], torch.from_numpy(asked == 1)[None], include_background=True)
    assert scores.dice["lv"][0] == pytest.approx(float(told))
    assert scores.dice["rv"][0] == 0
    assert scores.missed["rv"][0] == 1
    assert np.isnan(scores.hd95_mm["rv"][0])
    assert np.isnan(scores.dice["myo"][0])
    assert set(scores.dice) == set(STRUCTURES)
