"""Closed forms: phases of a curve, completion of a contour, one heart out of many parts."""

import numpy as np
import pytest

from synthcmr.cohort.labels import Label
from synthcmr.cohort.raw_subject import Stack
from synthcmr.labelling.anatomy import one_heart
from synthcmr.labelling.labeller import complete
from synthcmr.labelling.measures import extremes, smoothed
from synthcmr.labelling.stack_views import POSES


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


def ring(radius: float = 8, wall: float = 4, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    labels = np.zeros(shape, dtype=np.uint8)
    labels[disc(shape, (32, 32), radius + wall)] = Label.MYOCARDIUM
    labels[disc(shape, (32, 32), radius)] = Label.LV
    return labels


def beating(frames: int, es: int, jitter: float = 0.0) -> np.ndarray:
    t = np.arange(frames)
    radius = 9 + 3 * np.cos(np.pi * np.minimum(t / es, (frames - t) / (frames - es)))
    noise = np.random.default_rng(0).normal(0, jitter, frames)
    return np.stack([np.stack([ring(r + n), ring(0.8 * (r + n))]) for r, n in zip(radius, noise, strict=True)])


@pytest.mark.parametrize(("frames", "es"), [(20, 8), (30, 11), (12, 5)])
def test_ed_and_es_of_a_beating_disc(frames: int, es: int) -> None:
    assert extremes(beating(frames, es)) == (0, es)
    jittered = extremes(beating(frames, es, jitter=0.15))
    assert jittered is not None
    assert jittered[0] == 0
    assert abs(jittered[1] - es) <= 1


def test_slices_that_the_ventricle_leaves_at_es_do_not_decide() -> None:
    mask = beating(20, 8)
    base = np.stack([ring(14)] * 20)[:, None]
    base[15:19] = 0  # the ventricle leaves this slice late, as an annotator may draw it
    found = extremes(np.concatenate([base, mask], axis=1))
    assert found == (0, 8)


def test_no_phases_without_a_ventricle_or_without_motion() -> None:
    assert extremes(np.zeros((5, 2, 8, 8), dtype=np.uint8)) is None
    assert extremes(np.stack([ring()[None]] * 6)) is None


def test_smoothing_goes_round_and_keeps_the_mean() -> None:
    curve = np.array([10.0, 0, 0, 0, 0, 0])
    assert smoothed(curve).tolist() == [5.0, 2.5, 0, 0, 0, 2.5]
    assert smoothed(curve[:3]).tolist() == curve[:3].tolist()


@pytest.mark.parametrize("pose", POSES, ids=str)
def test_a_pose_is_undone(pose: object) -> None:
    image = np.random.default_rng(0).normal(size=(2, 5, 7))
    assert np.array_equal(pose.undo(pose.apply(image)), image)  # type: ignore[attr-defined]


def test_only_the_heart_stays_and_its_holes_are_closed() -> None:
    labels = np.stack([ring(), ring(), ring()])[None]
    labels[0, 1, 32, 32] = Label.BACKGROUND
    labels[0, 1, 2:5, 2:5] = Label.RV
    labels[0, 0, 60, 60] = Label.LV
    kept = one_heart(labels)
    assert np.array_equal(kept[0], np.stack([ring()] * 3))


def contoured(drawn: list[np.ndarray], structures: tuple[str, ...]) -> Stack:
    mask = np.stack(drawn)[None]
    return Stack(np.zeros(mask.shape), mask, (1.0, 1.0), 8.0, ("",), labelled=(structures,))


def lv_only(radius: float) -> np.ndarray:
    out = np.full((64, 64), Label.UNLABELLED, dtype=np.uint8)
    out[disc((64, 64), (32, 32), radius)] = Label.LV
    return out


def test_a_larger_cavity_gets_a_wall_all_around_and_a_smaller_one_a_thicker_wall() -> None:
    for radius in (5.0, 11.5):
        found = complete(contoured([lv_only(radius)], ("lv",)), ring()[None, None])
        drawn = found.mask[0, 0]
        assert np.array_equal(drawn == Label.LV, disc((64, 64), (32, 32), radius))
        rim = disc((64, 64), (32, 32), radius + 1.5) & (drawn != Label.LV)
        assert (drawn[rim] == Label.MYOCARDIUM).all()
        assert found.judged[0, 0] == "myo,rv"
        assert (drawn[disc((64, 64), (32, 32), 12)] != Label.BACKGROUND).all(), "the judge's outer contour stays"


def test_slices_between_contours_are_drawn_and_those_beyond_get_no_cavity() -> None:
    unseen = np.full((64, 64), Label.UNLABELLED, dtype=np.uint8)
    stack = contoured([unseen, lv_only(8), unseen, lv_only(8), unseen], ("lv",))
    found = complete(stack, np.stack([ring()] * 5)[None])
    present = (found.mask[0] == Label.LV).any(axis=(1, 2))
    assert present.tolist() == [False, True, True, True, False]
    assert found.judged[0].tolist() == ["myo,rv", "myo,rv", "lv,myo,rv", "myo,rv", "myo,rv"]
    assert not (found.mask == Label.UNLABELLED).any()


def test_without_completion_frames_of_a_person_stay_as_they_are() -> None:
    stack = contoured([lv_only(8)], ("lv",))
    found = complete(stack, ring()[None, None], only_missing_frames=True)
    assert stack.mask is not None
    assert np.array_equal(found.mask, stack.mask)
    assert found.labelled == (("lv",),)
    assert found.judged[0, 0] == ""
