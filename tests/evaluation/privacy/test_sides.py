"""Nobody is on two sides, distances are those of brute force, and controls say what they say."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.attributes import inferences
from synthcmr.evaluation.privacy.black_box import attacked
from synthcmr.evaluation.privacy.control import Lookalikes, lookalikes
from synthcmr.evaluation.privacy.distances import scaling_of, to_subjects
from synthcmr.evaluation.privacy.figures import Figure, share_of
from synthcmr.evaluation.privacy.membership import attack
from synthcmr.evaluation.privacy.nearness import nearness
from synthcmr.evaluation.privacy.pile import Pile, heap
from synthcmr.evaluation.privacy.roc import roc
from synthcmr.evaluation.privacy.white_box import Errors, Known, scores, white_box
from tests.evaluation.privacy.making import QUICK, Memory, divided, piled, pixels_of


def heaped(folder: Path, images: np.ndarray, each: int = 1) -> Pile:
    names = np.repeat([f"s{k:02d}" for k in range(len(images) // each)], each)
    return heap(folder, [images.astype(np.float32)], names, names, None)


def test_members_calibrating_and_judged_share_nobody(cohort: Cohort) -> None:
    who = divided(cohort)
    split = cohort.subjects.set_index("subject_id")["split"]
    sides = [set(side.subject) for side in (who.members, who.calibrating, who.judged)]
    assert [len(s) for s in sides] == [16, 12, 12]
    assert len(set.union(*sides)) == 40
    assert set(split[list(sides[0])]) == {"train"}
    assert set(split[list(sides[1] | sides[2])]) == {"test"}
    assert who.held_out.subject.tolist() == [*who.calibrating.subject, *who.judged.subject]


@dataclass
class Listening(Memory):
    """Remembers what it was asked about."""

    heard: set[bytes] = field(default_factory=set)

    def errors(self, images: np.ndarray, *more: object) -> np.ndarray:
        self.heard |= {image.tobytes() for image in images}
        return super().errors(images, *more)  # type: ignore[arg-type]


def test_the_population_of_rmia_are_those_who_calibrate(cohort: Cohort, tmp_path: Path) -> None:
    who, model = divided(cohort), Listening({})
    white_box(attacked(who, QUICK, tmp_path, None), who, model, [Memory({})], QUICK)
    for side in (who.members, who.judged, who.calibrating):
        asked = [image.tobytes() in model.heard for image in pixels_of(side)]
        assert np.mean(asked) == pytest.approx(2 / 3), "two of three images of everybody"


def test_scores_of_errors_in_closed_form() -> None:
    """Of four images, the model is less wrong than the references by 0, 1, 2 and 3; of the population by 0.5 and 1.5."""

    def side(less: list[float], names: tuple[str, ...]) -> Known:
        usual = np.array([1.0, 2.0, 3.0, 4.0][: len(less)])[:, None]
        references = tuple(Errors(usual + k, usual) for k in (-1.0, 1.0))
        return Known(names, Errors(usual - np.array(less)[:, None], usual), references)

    found = scores(side([0, 1, 2, 3], ("a", "a", "b", "b")), side([0.5, 1.5], ("x", "y")))
    assert found["RMIA"].tolist() == [0.25, 1.0]
    assert found["error, against reference models"].tolist() == [0.5, 2.5]
    assert found["error"].tolist() == [-1.0, -1.0]
    assert found["mid-band error"].tolist() == [-1.5, -3.5]
    assert found["LiRA, offline"] == pytest.approx(np.array([0.5, 2.5]) / np.sqrt(2), rel=1e-2)


def test_distances_and_densities_are_those_of_brute_force(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    few, many, more = (heaped(tmp_path / n, rng.random((k, 1, 64, 64)), 2) for n, k in (("a", 6), ("b", 10), ("c", 4)))
    a, b, c = (next(p.spaces["pixels"].stretches(100))[1] for p in (few, many, more))
    scaling, width = scaling_of(few, "pixels"), 1.2
    apart = cdist(a, b)
    found = nearness(few, many, "pixels", scaling, width)
    assert found.nearest == pytest.approx(apart.min(axis=1), rel=1e-3)
    assert found.density == pytest.approx(logsumexp(-(apart**2) / (2 * width**2), axis=1) - np.log(10), rel=1e-3)
    near = nearness(few, many, "pixels", scaling, float(np.median(apart)))
    assert near.within == pytest.approx((apart <= np.median(apart)).mean(axis=1))
    both, whole = found.joined(nearness(few, more, "pixels", scaling, width)), cdist(a, np.concatenate([b, c]))
    assert both.nearest == pytest.approx(whole.min(axis=1), rel=1e-3)
    assert both.density == pytest.approx(logsumexp(-(whole**2) / (2 * width**2), axis=1) - np.log(14), rel=1e-3)
    ((_, least),) = to_subjects(few, many, "pixels", scaling)
    assert least == pytest.approx(apart.reshape(6, 5, 2).min(axis=2), rel=1e-3)


def test_members_who_look_like_others_are_set_apart(tmp_path: Path) -> None:
    """Half of the members are bright on the left, as all others are."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(1, 0, 64) * np.ones((64, 1))
    images = np.stack([ramp if k < 8 or k >= 16 else ramp[:, ::-1] for k in range(24)])[:, None]
    images = images + rng.normal(0, 0.05, images.shape)
    found = lookalikes(heaped(tmp_path / "m", images[:16]), heaped(tmp_path / "o", images[16:]), "pixels", 0)
    assert found.member[8:].mean() > found.member[:8].mean()
    assert found.chosen.sum() == 8
    near, far = (abs(found.member[c].mean() - found.other.mean()) for c in (found.chosen, ~found.chosen))
    assert near < far / 2


def test_the_control_is_what_looks_alone_achieve_among_members() -> None:
    member, other = np.array([1.0, 2, 3, 4, 15, 16, 17, 18]), np.arange(4.0)
    alike = Lookalikes(np.zeros(8), np.zeros(4), np.arange(8) < 4)
    names = [f"s{k}" for k in range(8)]
    found = attack("a", "images", (member, other), names, alike, (other + 9, other), 100, 0)
    assert isinstance(found.control, Figure)
    assert found.control.value == 1.0
    turned = attack("a", "images", (-member, other), names, alike, (other, other + 9), 100, 0)
    assert turned.control.value == 0.0  # type: ignore[union-attr]
    assert (found.planted.value, turned.planted.value) == (1.0, 0.0)  # type: ignore[union-attr]
    assert (found.weak, turned.weak) == (False, True)


def test_who_stands_out_most_comes_first_and_the_curve_has_the_area() -> None:
    member, other = np.array([5.0, 0.5, 9.0, 2.5]), np.arange(9.0)
    found = roc(member, other, ["b", "d", "a", "c"], 100, 0)
    assert [(r.subject, r.outdone_by) for r in found.risks] == [("a", 0.1), ("b", 0.5), ("c", 0.7), ("d", 0.9)]
    x, y = np.array(found.curve).T
    assert np.trapezoid(y, x) == pytest.approx(found.auc.value, abs=1e-4)
    assert found.exposed.value == 0.0


def test_the_images_of_a_subject_are_no_subjects_of_their_own() -> None:
    of = np.repeat([f"s{k}" for k in range(20)], 50)
    found = share_of(np.arange(1000) < 500, of, 1000, 0)
    assert found.n == 20
    assert found.value == 0.5
    assert 0.3 < found.high - found.low < 0.55


def test_an_attacker_of_attributes_learns_nothing_from_people_who_are_not_members(
    cohort: Cohort, tmp_path: Path
) -> None:
    """Synthetic people are the judged ones: whatever is told of members is chance, and the others are told."""
    who = divided(cohort)
    piles = piled(who, pixels_of(who.judged), who.judged.subject, tmp_path)
    made = cohort.subjects[cohort.subjects["subject_id"].isin(who.judged.subject)]
    these = attacked(who, QUICK, tmp_path / "attacked", None)
    found = inferences(cohort.subjects, made, piles, (these.members, these.others), QUICK)
    by_image = [i for i in found if i.knows == "the image"]
    assert {i.secret for i in by_image} == {"sex", "age", "diagnosis"}
    for i in by_image:
        assert i.others == 1.0
        assert i.members < 0.9
        assert i.risk.value < 0  # type: ignore[union-attr]
