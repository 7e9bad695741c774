"""The supervised segmenter: who is kept away, and what is done to images."""

import numpy as np
import pytest
import torch
from benchmarks.supervised_segmenter import TEST_PATIENTS, WATCHED_PATIENTS, augment_real, patient_name, planar
from benchmarks.teaching import arms, even_weights

from synthcmr.judges.segmenter import build
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.training.images import TrainingImages


def test_six_patients_of_each_group_are_tested_on_and_one_is_watched() -> None:
    groups = [(n - 1) // 20 for n in TEST_PATIENTS]  # ACDC numbers its five groups in twenties
    assert np.bincount(groups).tolist() == [6] * 5
    assert sorted((n - 1) // 20 for n in WATCHED_PATIENTS) == list(range(5))
    assert not set(WATCHED_PATIENTS) & set(TEST_PATIENTS)
    assert patient_name(7) == "patient007"


def test_a_mask_moves_with_its_image() -> None:
    mask = torch.zeros(8, 96, 96, dtype=torch.long)
    mask[:, 40:60, 30:50] = 2
    image = (mask == 2).float()[:, None] * 0.8 + 0.1
    moved, labels = augment_real(image, mask, 64, torch.Generator().manual_seed(0))
    assert moved.shape == (8, 1, 64, 64)
    assert labels.shape == (8, 64, 64)
    assert len({int(n) for n in (labels == 2).sum(dim=(1, 2))}) > 4  # other sizes and places
    for one, label in zip(moved[:, 0], labels, strict=True):
        assert one[label == 2].mean() > one[label == 0].mean() + 0.5


def test_augmentation_follows_from_its_generator() -> None:
    image, mask = torch.rand(2, 1, 64, 64), torch.zeros(2, 64, 64, dtype=torch.long)
    first, second = (augment_real(image, mask, 48, torch.Generator().manual_seed(3))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_the_layout_in_memory_changes_no_answer() -> None:
    settings = SegmenterSettings(filters=(8, 16, 16), size=32)
    torch.manual_seed(0)
    network = build(settings).eval()
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        before = network.network(image)
        after = planar(network).network(image)
    assert torch.allclose(before, after, atol=1e-5)
    assert after.is_contiguous()


def test_arms_are_each_set_alone_the_patients_and_both() -> None:
    assert [arm.name for arm in arms(["phantoms", "refined"])] == [
        "phantoms",
        "refined",
        "patients",
        "patients+phantoms",
        "patients+refined",
    ]


def test_sources_are_drawn_alike_however_many_frames_they_have() -> None:
    def images(count: int) -> TrainingImages:
        pixels = np.zeros((count, 2, 4, 4))
        none: list[tuple[int, ...]] = [()] * count
        return TrainingImages(pixels.astype(np.float16), pixels.astype(np.uint8), [{}] * count, ["a"] * count, none, "")

    weights = even_weights([images(3), images(30)])
    assert len(weights) == 66
    assert weights[:6].sum() == pytest.approx(weights[6:].sum())
