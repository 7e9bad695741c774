"""From stacks to image rows: geometry, phases, intensities and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.cohort.preprocess import preprocess
from synthcmr.cohort.preprocess.heart import heart_centre, image_centre, mask_centre
from synthcmr.cohort.preprocess.orient import base_first, quarter_turns, reverse, septum_left, turned
from synthcmr.cohort.raw_subject import Stack
from synthcmr.config import PreprocessSettings
from synthcmr.errors import ReadError
from tests.cohort.making import heart_stack


def _rows(stack: Stack, **settings: object) -> list:
    return preprocess(stack, "s", 0, "real", PreprocessSettings(**settings))  # type: ignore[arg-type]


def _world(affine: np.ndarray, mask: np.ndarray, label: int) -> np.ndarray:
    """Centre of a label in millimetres; mask is (slices, rows, columns)."""
    z, r, c = np.argwhere(mask == label).mean(axis=0)
    return (affine @ [c, r, z, 1])[:3]


def test_resampled_heart_lies_where_it_lay_in_the_patient() -> None:
    stack = heart_stack()
    rows = _rows(stack, size=140, spacing_mm=1.3)
    mask = np.stack([r.mask[0] for r in rows])
    affine = np.array(rows[0].affine).reshape(4, 4)
    for label in (1, 2, 3):
        assert np.allclose(
            _world(affine, mask, label), _world(stack.affine, stack.mask[0], label), atol=0.65
        )  # half a pixel


def test_intensities_are_scaled_once_per_stack() -> None:
    stack = heart_stack()
    rows = _rows(stack)
    assert min(r.image.min() for r in rows) == 0.0
    assert max(r.image.max() for r in rows) == 1.0
    assert len({(r.intensity_low, r.intensity_high) for r in rows}) == 1
    brighter = _rows(replace(stack, image=stack.image * 7))
    assert np.allclose(brighter[4].image, rows[4].image, atol=2e-3)


def test_pair_single_and_cine_rows() -> None:
    cine = heart_stack(shape=(6, 5, 160, 180), phases=("ED", "", "ES", "", "", ""))
    assert {r.phases for r in _rows(cine, frames="auto")} == {("ED", "ES")}
    assert {r.frame_indices for r in _rows(cine, frames="pair")} == {(0, 2)}
    assert len(_rows(cine, frames="single")) == 2 * 5
    assert {len(r.phases) for r in _rows(cine, frames="cine")} == {6}
    unknown = replace(cine, phases=("",) * 6)
    assert {len(r.phases) for r in _rows(unknown, frames="auto")} == {6}
    with pytest.raises(ReadError, match="expected an ED and an ES frame"):
        _rows(unknown, frames="pair")


def test_slices_are_turned_base_first_and_levels_named() -> None:
    stack = heart_stack()
    assert base_first(stack).affine is stack.affine
    flipped = reverse(stack)
    flipped = replace(flipped, slices_ordered=False)
    back = base_first(flipped)
    assert np.array_equal(back.image, stack.image)
    assert np.allclose(back.affine, stack.affine)
    levels = [r.slice_level for r in _rows(flipped)]
    assert levels[0] is None
    assert levels[1] == "basal"
    assert levels[-2] == "apical"
    assert levels[-1] is None


def test_turning_a_stack_with_gaps_keeps_every_slice_in_its_place() -> None:
    stack = replace(heart_stack(shape=(2, 3, 160, 180)), slice_indices=(8, 9, 17))
    flipped = reverse(stack)
    assert flipped.slice_indices == (8, 16, 17)
    for new, old in ((0, 17), (8, 9), (9, 8)):  # counted from the first slice of each
        there = flipped.affine @ [5, 7, new, 1]
        assert np.allclose(there, stack.affine @ [5, 7, old - 8, 1])


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_septum_orientation_undoes_any_quarter_turn(turns: int) -> None:
    stack = heart_stack(spacing=(1.4, 1.4))
    other = turned(stack, turns)
    assert quarter_turns(stack.mask) == 0
    back = septum_left(other)
    assert np.array_equal(back.mask, stack.mask)
    for label in (1, 3):
        assert np.allclose(
            _world(other.affine, other.mask[0], label), _world(stack.affine, stack.mask[0], label), atol=1e-6
        )
        assert np.allclose(
            _world(back.affine, back.mask[0], label), _world(stack.affine, stack.mask[0], label), atol=1e-6
        )


def test_unknown_spacing_is_kept_unknown_and_pixels_are_not_resampled() -> None:
    stack = replace(heart_stack(), spacing_mm=None, affine=None)
    rows = _rows(stack, size=120, intensity="none")
    assert rows[0].spacing_row_mm is None
    assert rows[0].area_lv_mm2 == ()
    row, column = (round(v - 59.5) for v in mask_centre(stack.mask))
    assert np.array_equal(rows[3].image[0], stack.image[0, 3, row : row + 120, column : column + 120])


def test_a_crop_that_cuts_the_heart_says_so() -> None:
    assert not any(r.heart_cut for r in _rows(heart_stack(), size=128))
    assert any(r.heart_cut for r in _rows(heart_stack(), size=32))


def test_masks_missing_become_unlabelled_not_background() -> None:
    rows = _rows(replace(heart_stack(), mask=None))
    assert all((r.mask == 255).all() for r in rows)
    assert rows[0].labelled == ("", "")


def test_heart_is_found_from_motion_alone() -> None:
    rng = np.random.default_rng(3)
    still = rng.uniform(0, 800, (1, 8, 200, 240))
    image = np.repeat(still, 2, axis=0)
    rows, columns = np.indices((200, 240))
    image[0][:, np.hypot(rows - 80, columns - 140) < 18] = 900
    image[1][:, np.hypot(rows - 80, columns - 140) < 18] = 250
    stack = Stack(image, None, (1.5, 1.5), 8.0, ("ED", "ES"))
    assert np.hypot(*np.subtract(image_centre(stack), (80, 140))) < 6
    assert heart_centre(stack, PreprocessSettings(centre="middle")) == (99.5, 119.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: np.where(a > 400, np.nan, a.astype(float)), "NaN or infinite"),
        (lambda a: np.full_like(a, 7), "constant value 7"),
        (lambda a: a[:, :, :0], "at least one of each"),
    ],
)
def test_unusable_stacks_are_refused_with_the_reason(change, message: str) -> None:  # type: ignore[no-untyped-def]
    stack = heart_stack()
    with pytest.raises(ReadError, match=message):
        _rows(replace(stack, image=change(stack.image), mask=None))


def test_a_mask_of_another_shape_is_refused() -> None:
    stack = heart_stack()
    with pytest.raises(ReadError, match="differ in shape"):
        _rows(replace(stack, mask=stack.mask[:, :, :-3]))
