"""Controls say what they say, and attacks that learn never answer for whom they learned from."""

from pathlib import Path

import numpy as np

from synthcmr.evaluation.privacy.interval_estimates import Absent, IntervalEstimate, membership_auc
from synthcmr.evaluation.privacy.membership.membership_attack import (
    Lookalikes,
    assess,
    combine,
    cross_fit,
    find_lookalikes,
)
from tests.evaluation.privacy.making import SETTINGS, index_of


def test_members_who_look_like_others_are_set_apart(tmp_path: Path) -> None:
    """Half of the members are bright on the left, as all others are."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(1, 0, 64) * np.ones((64, 1))
    images = np.stack([ramp if k < 8 or k >= 16 else ramp[:, ::-1] for k in range(24)])[:, None]
    images = images + rng.normal(0, 0.05, images.shape)
    alike = find_lookalikes(index_of(tmp_path / "m", images[:16]), index_of(tmp_path / "o", images[16:]), "pixels", 0)
    assert alike.member[8:].mean() > alike.member[:8].mean()
    assert alike.chosen.sum() == 8
    near, far = (abs(alike.member[c].mean() - alike.other.mean()) for c in (alike.chosen, ~alike.chosen))
    assert near < far / 2


def test_the_control_is_what_looks_alone_achieve_among_members() -> None:
    member, other = np.array([1.0, 2, 3, 4, 15, 16, 17, 18]), np.arange(4.0)
    alike = Lookalikes(np.zeros(8), np.zeros(4), np.arange(8) < 4)
    names = [f"s{k}" for k in range(8)]
    scores = {"a": member, "turned": -member}, {"a": other, "turned": other}
    planted = {"a": other + 9, "turned": other}, {"a": other, "turned": other + 9}
    right, turned = assess("images", scores, planted, names, alike, SETTINGS).attacks
    assert isinstance(right.control, IntervalEstimate)
    assert right.control.value == 1.0
    assert turned.control.value == 0.0  # type: ignore[union-attr]
    assert (right.planted.value, turned.planted.value) == (1.0, 0.0)  # type: ignore[union-attr]
    assert (right.weak, turned.weak) == (False, True)


def test_an_attack_that_learns_never_answers_for_whom_it_learned_from() -> None:
    """Numbers that say nothing but who someone is: by heart they would give an area of one."""
    rng = np.random.default_rng(5)
    areas = []
    for k in range(20):
        member = np.arange(60) < 30
        said = cross_fit(rng.normal(size=(60, 50)), member, k)
        areas.append(membership_auc(said[member], said[~member], 50, 0).value)
    assert abs(np.mean(areas) - 0.5) < 0.07


def test_a_score_that_points_at_the_others_is_given_no_weight() -> None:
    rng = np.random.default_rng(0)
    backwards = -1.0 - rng.random(20), 1.0 + rng.random(20)
    name = "reference that knows the members"
    member, other = combine(({name: backwards[0]}, {name: backwards[1]}), 0)
    assert not member.any()
    assert not other.any()
    honest = cross_fit(np.concatenate(backwards)[:, None], np.arange(40) < 20, 0)
    assert honest[:20].min() > honest[20:].max()  # who may turn scores round does


def test_reference_models_are_the_control_and_absorb_no_leak() -> None:
    """Leaks that go with looks lift the control between members; models that never saw them say what looks alone achieve."""
    member, other = np.array([1.0, 2, 3, 4, 15, 16, 17, 18]), np.arange(4.0)
    alike = Lookalikes(np.zeros(8), np.zeros(4), np.arange(8) < 4)
    looks = np.array([0.0, 2, 0, 2, 0, 2, 0, 2])
    planted = {"a": other + 9, "RMIA": other + 9}, {"a": other, "RMIA": other}
    scores = {"a": member, "RMIA": member}, {"a": other, "RMIA": other}
    attacks = assess(
        "weights", scores, planted, [f"s{k}" for k in range(8)], alike, SETTINGS, ({"a": looks}, {"a": np.ones(4)})
    )
    plain, calibrated = attacks.attacks
    assert plain.control.value == 0.5  # type: ignore[union-attr]
    assert isinstance(calibrated.control, Absent)
    assert (plain.calibrated, calibrated.calibrated) == (False, True)
    assert plain.matched is not None
    assert (plain.matched.members, plain.matched.identified) == (4, 1)
