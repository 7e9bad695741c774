"""What classifiers are shown: people count the same, however many images each has."""

import numpy as np
import pandas as pd
import pytest
import torch

from synthcmr.experiments.classifier import Classifier, Objective, ValidationSet
from synthcmr.experiments.classifier_job import training_set
from synthcmr.experiments.images import Examples, ExperimentData, LabelledImages
from synthcmr.experiments.jobs import Arm
from synthcmr.experiments.settings import ClassifierSettings, DebiasSettings
from synthcmr.fairness.debias.remedies import REMEDIES

SETTINGS = DebiasSettings(sensitive=("sex",))
BY_NAME = {r.name: r for r in REMEDIES}


def part(cells: dict[tuple[int, str], int], slices: int) -> LabelledImages:
    rows = [(label, sex) for (label, sex), count in cells.items() for _ in range(count)]
    people = pd.DataFrame(
        {
            "subject_id": [f"{slices}-{i}" for i in range(len(rows))],
            "split": "train",
            "label": [r[0] for r in rows],
            "sex": [r[1] for r in rows],
        }
    )
    person = np.repeat(np.arange(len(rows)), slices)
    image = np.zeros((len(person), 2, 32, 32), dtype=np.float16)
    return LabelledImages(people, Examples(image, person, np.full((len(person), 2), 16)))


REAL = part({(0, "female"): 20, (1, "female"): 2, (0, "male"): 10, (1, "male"): 8}, slices=4)
MADE = part({(1, "female"): 18, (0, "male"): 10, (1, "male"): 12}, slices=1)
DATA = ExperimentData(REAL, {"planned": MADE}, 1.5)


def mass(remedy: Arm, parts: list[LabelledImages]) -> dict[str, float]:
    """How often each cell is shown."""
    lesson = training_set(parts, remedy, DATA, SETTINGS)
    people = pd.concat([p.people for p in parts], ignore_index=True)
    names = (people["label"].astype(str) + people["sex"]).to_numpy()[lesson.examples.person]
    frequency = pd.Series(lesson.frequency).groupby(names).sum()
    return (frequency / frequency.sum()).to_dict()


def test_a_subject_with_four_slices_is_shown_as_often_as_one_with_one() -> None:
    found = mass(BY_NAME["real + planned"], [REAL, MADE])
    assert found == pytest.approx({"0female": 0.25, "1female": 0.25, "0male": 0.25, "1male": 0.25})


def test_nothing_shows_the_cohort_as_it_is_and_oversampling_every_cell_alike() -> None:
    assert mass(BY_NAME["nothing"], [REAL])["1female"] == pytest.approx(2 / 40)
    assert mass(BY_NAME["oversampling"], [REAL]) == pytest.approx(
        dict.fromkeys(["0female", "1female", "0male", "1male"], 0.25)
    )


def test_reweighting_gives_every_cell_the_same_say() -> None:
    lesson = training_set([REAL], BY_NAME["reweighting"], DATA, SETTINGS)
    assert np.bincount(lesson.cell, weights=lesson.weight) == pytest.approx(np.full(4, 10.0))


def test_cropping_leaves_a_window_around_the_heart() -> None:
    image = np.arange(64 * 64, dtype=np.float32).reshape(1, 1, 64, 64).astype(np.float16)
    found = Examples(image, np.zeros(1, dtype=np.int64), np.array([[10, 40]])).cropped(16)
    assert found.image.shape == (1, 1, 16, 16)
    assert found.image[0, 0, 0, 0] == image[0, 0, 2, 32]
    corner = Examples(image, np.zeros(1, dtype=np.int64), np.array([[1, 63]])).cropped(16)
    assert corner.image[0, 0, 0, -1] == image[0, 0, 0, 63]


def batch(count: int = 8) -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return {
        "image": torch.rand(count, 2, 32, 32, generator=source),
        "label": torch.arange(count) % 2,
        "cell": torch.arange(count) // (count // 2),
        "weight": torch.ones(count),
    }


def network(objective: Objective) -> Classifier:
    torch.manual_seed(0)
    return Classifier(ClassifierSettings(filters=(4, 4, 4, 4), dropout=0), objective, 2)


def test_focal_loss_with_gamma_zero_is_entropy() -> None:
    plain = network(Objective()).eval()("classify", batch())[0]
    focal = network(Objective("focal", gamma=0)).eval()("classify", batch())[0]
    assert plain.item() == pytest.approx(focal.item())


def test_group_dro_turns_to_the_worse_group() -> None:
    net = network(Objective("dro", rate=0.5)).train()
    given = batch()
    with torch.no_grad():
        odds = net.eval().look(given["image"])
        given["label"] = torch.where(given["cell"] == 0, odds > 0, odds < 0).long()  # group 1 is told the opposite
        net.train()
        for _ in range(5):
            net("classify", given)
    assert float(net.q[1]) > 0.5 > float(net.q[0])
    assert float(net.q.sum()) == pytest.approx(1)


def test_the_watch_counts_rare_cells_as_much_as_frequent_ones() -> None:
    label = np.array([0] * 90 + [1] * 10)
    group = np.array([0] * 45 + [1] * 45 + [0] * 9 + [1])
    watch = ValidationSet(
        Examples(np.zeros((0, 2, 8, 8), np.float16), np.zeros(0, np.int64), np.zeros((0, 2), np.int64)), label, (group,)
    )
    said = np.where(np.arange(100) == 99, 0.01, np.where(label == 1, 0.9, 0.1))
    assert watch.loss(said) == pytest.approx((3 * -np.log(0.9) - np.log(0.01)) / 4)
