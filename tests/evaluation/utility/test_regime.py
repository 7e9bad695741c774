"""Arms differ in what they learn from and in nothing else; crops never look at the truth."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.utility.arms import GridPoint, job_of, label, left_out, tasks
from synthcmr.evaluation.utility.participants import REAL, SYNTHETIC, Participants, participants
from synthcmr.evaluation.utility.segmentation_job import patch, training_set
from synthcmr.evaluation.utility.segmentation_scores import mean_score
from synthcmr.evaluation.utility.settings import UtilitySettings
from synthcmr.judges.augment import varied, varied_with_mask
from tests.evaluation.making import cohort_of, heart
from tests.evaluation.utility.making import settings


@pytest.fixture(scope="module")
def people(folder: Path, real: Cohort) -> Participants:
    made = cohort_of(folder / "people", [heart(k) for k in range(300, 315)])
    return participants(Comparison(real, made, folder, settings()))


def job(people: Participants, arm: str, fraction: float = 1.0, repeat: int = 0, without: str = ""):
    return job_of(GridPoint(arm, fraction, repeat, without), people, settings().utility, 0, Path("nowhere"))


def test_arms_share_subjects_seeds_and_steps(people: Participants) -> None:
    real, both, more = (job(people, arm, 0.25) for arm in ("real", "real + synthetic", "real + augmentation"))
    assert real.learn[REAL] == both.learn[REAL] == more.learn[REAL]
    assert len(real.learn[REAL]) == 10
    assert (real.seed, real.settings) == (both.seed, both.settings) == (more.seed, more.settings)
    assert not set(both.learn[REAL]) & set(both.test[REAL])
    assert [j.augment for j in (real, both, more)] == [False, False, True]


def test_fractions_are_nested_and_differ_between_seeds(people: Participants) -> None:
    few, many = (set(job(people, "real", f).learn[REAL]) for f in (0.25, 0.5))
    assert few < many
    assert few != set(job(people, "real", 0.25, repeat=1).learn[REAL])


def test_real_and_synthetic_are_shown_as_often_however_many_there_are(people: Participants) -> None:
    lesson = training_set(job(people, "real + synthetic"))
    first = len(lesson.sets[0])
    assert lesson.frequency[:first].sum() == pytest.approx(0.5)
    assert lesson.frequency.sum() == pytest.approx(1)
    each = lesson.sets[0].table.assign(f=lesson.frequency[:first]).groupby("subject_id")["f"].sum()
    assert each.to_numpy() == pytest.approx(np.full(40, 0.5 / 40))


def test_only_the_network_of_all_real_subjects_meets_synthetic_ones(people: Participants) -> None:
    assert set(job(people, "real").test) == {REAL, SYNTHETIC}
    assert set(job(people, "real", 0.25).test) == set(job(people, "synthetic only").test) == {REAL}


def test_a_group_that_is_left_out_is_tested_on_alone(people: Participants) -> None:
    own = UtilitySettings(leave_out="sex")
    assert left_out(people, own, 10) == ("sex: female", "sex: male")
    assert left_out(people, own, 25) == ()
    one = job(people, "real + synthetic", without="sex: female")
    assert set(one.test[REAL]) == set(people.test) & people.groups[REAL]["sex: female"]
    for source in (REAL, SYNTHETIC):
        assert one.learn[source]
        assert not set(one.learn[source]) & people.groups[source]["sex: female"]


def test_the_full_grid_is_one_setting_away() -> None:
    quick, full = UtilitySettings(), UtilitySettings(grid="full")
    assert quick.fractions_tested == (0.25, 1.0)
    assert full.fractions_tested == (0.1, 0.25, 0.5, 1.0)
    assert len(list(tasks(quick, ()))) == 14
    names = {t.label for t in tasks(full, ("vendor: A",))}
    assert {"real, 10 %", "synthetic only", "real + synthetic, 100 %, without vendor: A"} <= names
    assert label("synthetic only", 0.1) == "synthetic only"


def test_crops_are_placed_without_looking_at_the_truth() -> None:
    image = np.random.default_rng(0).random((48, 40)).astype(np.float16)
    empty, full = np.zeros((48, 40), np.uint8), np.ones((48, 40), np.uint8)
    corners = []
    for k in range(200):
        a, b = (patch(image, mask, 32, np.random.default_rng(k))[0] for mask in (empty, full))
        assert np.array_equal(a, b)
        corners.append(float(a[0, 0]))
    assert len(set(corners)) > 100  # of 17 x 9 places
    small, labels = patch(image[:20], empty[:20], 32, np.random.default_rng(0))
    assert small.shape == labels.shape == (32, 32)
    assert (labels[20:] == 255).all()


def test_masks_move_with_their_images() -> None:
    mask = torch.zeros(6, 48, 48, dtype=torch.long)
    mask[:, 14:30, 20:32] = 1
    image = mask[:, None].float()
    moved, labels = varied_with_mask(image, mask, torch.Generator().manual_seed(0))
    assert torch.equal(moved, varied(image, torch.Generator().manual_seed(0)))
    assert not torch.equal(labels, mask)
    assert float(moved[labels[:, None] == 1].mean()) > 0.7
    assert float(moved[labels[:, None] == 0].mean()) < 0.2


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    told = settings()
    hits = 0
    for _ in range(200):
        subject, seed = rng.normal(0, 0.1, 40), rng.normal(0, 0.002, (4, 1))
        values = 0.8 + subject + seed + rng.normal(0, 0.02, (4, 40))
        score = mean_score("Dice", values, told)
        assert score.low is not None
        assert score.high is not None
        hits += score.low <= 0.8 <= score.high
    assert 0.90 <= hits / 200 <= 0.99
