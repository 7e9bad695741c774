"""Copies are laid over what they are of by less than a pixel, and what is planted is what it says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from synthcmr.evaluation.privacy.copies.calibration import KINDS, planted_copies
from synthcmr.evaluation.privacy.copies.copy_search import Matches, search
from synthcmr.evaluation.privacy.copies.registration import apply_variants
from synthcmr.evaluation.privacy.image_index import ImageIndex, build_index
from synthcmr.evaluation.privacy.settings import SearchSettings

SIDE, IMAGES = 128, 12


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Textures with edges, of which a thumbnail shows half of the pixels."""
    rng = np.random.default_rng(0)
    fine = gaussian_filter(rng.normal(size=(IMAGES, 1, SIDE, SIDE)), (0, 0, 3, 3))
    return (0.5 + 0.3 * np.tanh(4 * fine / fine.std())).astype(np.float32)


def index(folder: Path, images: np.ndarray) -> ImageIndex:
    names = np.array([f"s{k:02d}" for k in range(len(images))])
    return build_index(folder, [images], names, names, None)


def matched(folder: Path, copies: np.ndarray, images: np.ndarray) -> Matches:
    matches = search(index(folder / "copies", copies), index(folder / "images", images), SearchSettings())
    assert matches.key.tolist() == list(range(len(images)))
    return matches


@pytest.mark.parametrize(("down", "right"), [(5, -3), (-7, 11), (0, 1)])
def test_half_a_pixel_of_a_thumbnail_is_found(tmp_path: Path, images: np.ndarray, down: int, right: int) -> None:
    copies = np.roll(images, (down, right), axis=(2, 3))
    match = matched(tmp_path, copies, images)
    assert match.correlation.min() > 0.985
    assert (match.down * SIDE + down).abs().max() < 0.3
    assert (match.right * SIDE + right).abs().max() < 0.3
    assert torch.allclose(match.variant, torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(IMAGES, 4), atol=0.25)
    assert (match.variant[:, 2] - 1).abs().max() < 0.005


@pytest.mark.parametrize(
    ("variant", "least"),
    [((1.0, 1.0, 1.109, 1.3), 0.97), ((-1.0, 1.0, 0.89, -2.7), 0.97), ((1.0, -1.0, 0.957, 5.1), 0.97)],
)
def test_any_scale_and_angle_between_those_that_are_tried_are_found(
    tmp_path: Path, images: np.ndarray, variant: tuple[float, ...], least: float
) -> None:
    wanted = torch.tensor([variant])
    match = matched(tmp_path, apply_variants(torch.from_numpy(images), wanted).numpy(), images)
    assert match.correlation.min() > least
    turned = match.variant[:, :2].prod(dim=1)
    assert (turned == wanted[:, :2].prod()).all()
    assert (match.variant[:, 2] - variant[2]).abs().max() < 0.01


def test_each_kind_of_planted_copy_is_changed_as_it_says(images: np.ndarray) -> None:
    copies = {kind: np.concatenate(list(planted_copies(iter([images]), kind, 3))) for kind in KINDS}
    np.testing.assert_array_equal(copies["exact"], images)
    flips = [images[..., ::-1], images[..., ::-1, :], images[..., ::-1, ::-1]]
    for k in range(IMAGES):
        assert any((copies["mirrored"][k] == flip[k]).all() for flip in flips)
        assert any(_moved(images[k, 0], copies["shifted"][k, 0], d, r) for d in range(-16, 17) for r in range(-16, 17))
    assert 0.015 < (copies["noised"] - images).std() < 0.09
    assert (np.diff(copies["brightened"][0].ravel()[np.argsort(images[0].ravel())]) >= 0).all()
    for kind in set(KINDS) - {"exact"}:
        assert np.abs(copies[kind] - images).mean(axis=(1, 2, 3)).min() > 0.005, kind


def _moved(image: np.ndarray, copy: np.ndarray, down: int, right: int) -> bool:
    inner = slice(16, SIDE - 16)
    return bool((copy[inner, inner] == np.roll(image, (down, right), axis=(0, 1))[inner, inner]).all())
