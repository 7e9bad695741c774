import pytest
import torch
from torch import Tensor

from synthcmr.judges.augment import augment, varied_with_mask

BATCH, STORED, SIZE = 24, 96, 64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def hearts() -> tuple[Tensor, Tensor]:
    """A bright cavity in a dark wall, and a second cavity beside it, on grey."""
    place = torch.arange(STORED) - (STORED - 1) / 2
    radius = torch.hypot(place[:, None], place[None])
    beside = torch.hypot(place[:, None], place[None] + 24)
    mask = torch.where(beside < 14, 3, 0)
    mask = torch.where(radius < 16, 2, mask)
    mask = torch.where(radius < 10, 1, mask)
    grey = torch.tensor([0.5, 1.0, 0.1, 1.0])[mask]
    return grey.expand(BATCH, 1, -1, -1), mask.expand(BATCH, -1, -1)


def test_masks_move_with_their_images(hearts: tuple[Tensor, Tensor]) -> None:
    image, mask = augment(*hearts, SIZE, generator())
    brighter = []
    for one, labels in zip(image[:, 0], mask, strict=True):
        if min((labels == k).sum() for k in (1, 2)) > 80:
            brighter.append(float(one[labels == 1].mean() - one[labels == 2].mean()))
    assert len(brighter) > BATCH // 2
    # blood is brighter than the wall wherever the mask says that they are, although nobody sees all contrasts
    assert sum(step > 0 for step in brighter) > 0.9 * len(brighter)


def test_what_the_mask_says_is_where_the_image_shows_it(hearts: tuple[Tensor, Tensor]) -> None:
    marked = hearts[1][:, None].float().gt(0).float()  # the heart white on black: nothing but the pose can hide it
    image, mask = augment(marked, hearts[1], SIZE, generator(3))
    overlaps = []
    for one, labels in zip(image[:, 0], mask, strict=True):
        heart = labels > 0
        if heart.any():
            near = torch.nn.functional.max_pool2d(heart.float()[None, None], 5, stride=1, padding=2)[0, 0] > 0
            half = (one[heart].median() + one[near & ~heart].median()) / 2
            shown = (one > half) & near
            overlaps.append(float(2 * (shown & heart).sum() / (shown.sum() + heart.sum())))
    assert torch.tensor(overlaps).median() > 0.9


def test_the_generator_decides_everything(hearts: tuple[Tensor, Tensor]) -> None:
    first, again, other = (augment(*hearts, SIZE, generator(seed)) for seed in (5, 5, 6))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_images_come_out_standardised_and_of_the_size_asked_for(hearts: tuple[Tensor, Tensor]) -> None:
    image, mask = augment(*hearts, SIZE, generator())
    assert image.shape == (BATCH, 1, SIZE, SIZE)
    assert mask.shape == (BATCH, SIZE, SIZE)
    assert set(mask.unique().tolist()) <= {0, 1, 2, 3}
    assert torch.isfinite(image).all()
    assert image.mean(dim=(1, 2, 3)).abs().max() < 1e-3
    assert image.std(dim=(1, 2, 3)).sub(1).abs().max() < 0.01


def test_slices_without_a_heart_can_be_learned_from() -> None:
    blank = torch.zeros(4, 1, STORED, STORED)
    image, mask = augment(blank, torch.zeros(4, STORED, STORED, dtype=torch.long), SIZE, generator())
    assert torch.isfinite(image).all()
    assert not mask.any()


def test_mild_variation_moves_masks_along(hearts: tuple[Tensor, Tensor]) -> None:
    image, mask = varied_with_mask(*hearts, generator())
    inside, wall = (image[:, 0][mask == k].mean() for k in (1, 2))
    assert inside - wall > 0.6
