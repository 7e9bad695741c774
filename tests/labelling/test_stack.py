"""One stack at a time: where the heart is found, what is drawn, and what a person drew stays."""

from dataclasses import replace

import numpy as np
import pytest

from synthcmr.cohort.labels import Label
from synthcmr.cohort.preprocess.heart import mask_centre
from synthcmr.cohort.raw_subject import Stack
from synthcmr.errors import ReadError
from synthcmr.judges.segmenter import Segmenter
from synthcmr.labelling.labeller import LabelledStack, label_stack, loaded
from synthcmr.labelling.stack_views import POSES
from synthcmr.training.shipped_weights import shipped
from tests.labelling.making import dice, hidden, phantom

MIDDLE = (3, 4, 5)  # slices that show both ventricles


@pytest.fixture(scope="module")
def judge() -> Segmenter:
    return loaded(shipped("segmenter"))


@pytest.fixture(scope="module")
def cine() -> Stack:
    """Ten frames, the first of which is moved to the middle: the cine does not start at the R wave."""
    stack = phantom(3, frames=10, slices=MIDDLE)
    order = np.roll(np.arange(10), 4)
    assert stack.mask is not None
    return replace(
        stack, image=stack.image[order], mask=stack.mask[order], phases=tuple(stack.phases[k] for k in order)
    )


@pytest.fixture(scope="module")
def labelled(judge: Segmenter) -> LabelledStack:
    return label_stack(judge, hidden(phantom(0)))


def test_the_heart_is_found_in_the_whole_field_and_drawn_on_the_native_pixels(labelled: LabelledStack) -> None:
    truth = phantom(0)
    assert truth.mask is not None
    assert truth.spacing_mm is not None
    centre = mask_centre(truth.mask)
    assert centre is not None
    assert labelled.place is not None
    away = np.hypot(*(np.subtract(labelled.place.centre, centre) * truth.spacing_mm))
    assert away < 25, "mm"
    assert labelled.completed.mask.shape == truth.mask.shape
    assert dice(labelled.completed.mask, truth.mask, Label.LV) > 0.85
    assert dice(labelled.completed.mask, truth.mask, Label.MYOCARDIUM) > 0.7
    assert dice(labelled.completed.mask, truth.mask, Label.RV) > 0.7


def test_volumes_of_a_phantom_are_near_the_truth_and_come_with_an_uncertainty(labelled: LabelledStack) -> None:
    truth = phantom(0)
    assert truth.mask is not None
    assert truth.spacing_mm is not None
    assert truth.slice_step_mm is not None
    ml = truth.spacing_mm[0] * truth.spacing_mm[1] * truth.slice_step_mm / 1000
    edv, esv = ((truth.mask[t] == Label.LV).sum() * ml for t in range(2))
    assert labelled.stack.phases == ("ED", "ES")
    assert labelled.measures["lv_edv_ml"] == pytest.approx(edv, rel=0.12)
    assert labelled.measures["lv_ef_percent"] == pytest.approx(100 * (edv - esv) / edv, abs=8)
    assert 0 < labelled.measures["lv_edv_ml_sd"] < 0.5 * edv


def test_ed_and_es_are_chosen_from_the_curve_wherever_a_cine_starts(judge: Segmenter, cine: Stack) -> None:
    assert cine.mask is not None
    volume = (cine.mask == Label.LV).sum(axis=(1, 2, 3))
    found = label_stack(judge, hidden(cine)).stack.phases
    ed, es = found.index("ED"), found.index("ES")
    assert min((ed - volume.argmax()) % 10, (volume.argmax() - ed) % 10) <= 1
    assert min((es - volume.argmin()) % 10, (volume.argmin() - es) % 10) <= 1


def test_a_persons_cavity_is_kept_to_the_pixel_and_gets_wall_and_right_ventricle(judge: Segmenter) -> None:
    truth = phantom(1, slices=MIDDLE)
    assert truth.mask is not None
    found = label_stack(judge, hidden(truth, keep=("lv",)))
    drawn = found.completed.mask
    assert np.array_equal(drawn == Label.LV, truth.mask == Label.LV)
    assert set(found.completed.judged.ravel()) == {"myo,rv"}
    assert found.completed.labelled == (("lv", "myo", "rv"),) * 2
    assert dice(drawn, truth.mask, Label.MYOCARDIUM) > 0.8
    assert dice(drawn, truth.mask, Label.RV) > 0.7


def test_what_a_person_drew_in_full_is_left_alone(judge: Segmenter) -> None:
    truth = phantom(1, slices=MIDDLE)
    found = label_stack(judge, hidden(truth, keep=("lv", "myo", "rv")))
    assert truth.mask is not None
    assert np.array_equal(found.completed.mask, truth.mask)
    assert set(found.completed.judged.ravel()) == {""}
    assert not np.isfinite(found.quality).any()
    assert not any(name.endswith("_sd") for name in found.measures)


def test_frames_that_nobody_drew_are_filled_beside_those_of_a_person(judge: Segmenter) -> None:
    truth = phantom(1, slices=MIDDLE)
    assert truth.mask is not None
    half = truth.mask.copy()
    half[1] = Label.UNLABELLED
    asked = replace(truth, mask=half, labelled=(("lv", "myo", "rv"), ()))
    found = label_stack(judge, asked)
    assert np.array_equal(found.completed.mask[0], truth.mask[0])
    assert dice(found.completed.mask[1], truth.mask[1], Label.LV) > 0.8


@pytest.mark.parametrize("pose", POSES[4:6], ids=str)
def test_an_image_that_lies_otherwise_is_segmented_or_doubted(judge: Segmenter, pose: object) -> None:
    truth = phantom(0, slices=MIDDLE)
    assert truth.mask is not None
    turned = [np.ascontiguousarray(pose.apply(part)) for part in (truth.image, truth.mask)]  # type: ignore[attr-defined]
    found = label_stack(judge, hidden(replace(truth, image=turned[0], mask=turned[1])))
    good = dice(found.completed.mask, turned[1], Label.LV) > 0.8
    assert good or (found.stack.columns["doubt"] != "").all()  # type: ignore[union-attr]


def test_without_pixel_spacing_the_heart_is_found_and_volumes_are_absent(judge: Segmenter) -> None:
    truth = phantom(0, slices=MIDDLE)
    assert truth.mask is not None
    found = label_stack(judge, replace(hidden(truth), spacing_mm=None, slice_step_mm=None))
    assert dice(found.completed.mask, truth.mask, Label.LV) > 0.75
    assert found.measures == {}
    assert any("spacing is unknown" in text for text in found.remarks)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((1, 3, 96, 96)), "constant value"),
        (np.full((1, 3, 96, 96), np.nan), "finite"),
        (np.zeros((1, 0, 96, 96)), "without pixels"),
        (np.random.default_rng(0).normal(100, 20, (1, 3, 160, 160)), "no heart was found"),
        (np.tile(np.linspace(0, 1, 160), (1, 3, 160, 1)), "no heart was found"),
    ],
    ids=["constant", "not finite", "empty", "noise", "ramp"],
)
def test_what_holds_no_heart_is_refused_with_a_reason(judge: Segmenter, pixels: np.ndarray, reason: str) -> None:
    stack = Stack(pixels, None, (1.5, 1.5), 8.0, ("",) * len(pixels))
    with pytest.raises(ReadError, match=reason):
        label_stack(judge, stack)


def test_slices_that_were_spoiled_are_the_doubtful_ones(judge: Segmenter) -> None:
    truth = phantom(0, slices=(2, *MIDDLE, 6))
    image = truth.image.astype(np.float32)
    rng = np.random.default_rng(1)
    image[:, 2] = rng.permuted(image[:, 2].reshape(2, -1), axis=1).reshape(image[:, 2].shape)
    quality = label_stack(judge, hidden(replace(truth, image=image))).quality
    clean = label_stack(judge, hidden(truth)).quality
    assert quality[:, 2].mean() < clean[:, 2].mean() - 0.2
    assert set(np.argsort(quality.min(axis=0))[:3]) >= {2}


@pytest.mark.parametrize("who", [0, 3])
def test_what_lies_beside_the_heart_is_rejected_with_a_reason(judge: Segmenter, who: int) -> None:
    stack = phantom(who)
    assert stack.mask is not None
    heart = np.flatnonzero((stack.mask > 0).any(axis=(0, 1, 3)))
    parts = (stack.image[..., : heart[0] - 6, :], stack.image[..., heart[-1] + 6 :, :])
    beside = np.ascontiguousarray(max(parts, key=lambda part: part.size))
    with pytest.raises(ReadError, match="no heart was found"):
        label_stack(judge, replace(hidden(stack), image=beside, affine=None))
