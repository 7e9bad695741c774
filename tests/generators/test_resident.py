"""Batches made where the network computes: of the same kind as those made one image at a time."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import LOOK
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.training_task import ConditionalTrainee, ResidentTrainee, drop_words
from synthcmr.generators.flow import FlowNetwork
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.generators.refine.training_task import RefineTrainee, ResidentRefineTrainee, Windows, load_frame_splits
from synthcmr.training.batches import Draw, held_out_draws
from synthcmr.training.images import load_images
from tests.generators.making import FAMILIES, LOOP, TINY


def test_windows_are_cut_and_turned_as_numpy_does() -> None:
    image = np.random.default_rng(0).random((4, 1, 12, 10))
    top, left, quarters = torch.tensor([0, 1, 2, 3]), torch.tensor([3, 2, 1, 0]), torch.arange(4)
    cut = Windows.at(top, left, quarters, 6, 6).of(torch.from_numpy(image))
    for k in range(4):
        expected = np.rot90(image[k, 0, k : k + 6, 3 - k : 9 - k], k)
        assert np.array_equal(cut[k, 0], expected)


def test_a_batch_is_of_the_same_kind_and_the_same_whenever_it_is_made(phantom_cohort: Cohort) -> None:
    training, _ = load_frame_splits(phantom_cohort)
    torch.manual_seed(0)
    settings = FAMILIES["refine"][1]
    network = RefineNetwork(settings, Vocabulary.of(training.attributes, settings.attributes))
    plain, resident = (kind(network, training, None) for kind in (RefineTrainee, ResidentRefineTrainee))
    draws = [held_out_draws(len(training), 8, 0) for _ in range(3)]
    one, other, again = plain.batch(draws[0]), resident.batch(draws[1]), resident.batch(draws[2])
    assert {k: (v.shape, v.dtype) for k, v in one.items()} == {k: (v.shape, v.dtype) for k, v in other.items()}
    assert all(torch.equal(other[k].nan_to_num(9), again[k].nan_to_num(9)) for k in other)
    assert set(other["mask"].unique().tolist()) <= {0, 1, 2, 3, 255}
    said = ~other["text"][:, network.text.vocabulary.names.index(LOOK)].isnan()
    assert said.all()


def test_without_chance_a_batch_is_the_very_same(phantom_cohort: Cohort) -> None:
    images = load_images(phantom_cohort, "train")
    settings = TINY.model_copy(update={"neighbour_rate": 0.0, "neighbour_noise": 0.0})
    network = FlowNetwork(settings, Vocabulary.of(images.attributes, settings.attributes))
    draws = [[Draw(row, np.random.default_rng(row)) for row in (5, 0, 3)] for _ in range(2)]
    one = ConditionalTrainee(network, images, None).batch(draws[0])
    other = ResidentTrainee(network, images, None).batch(draws[1])
    for name in ("image", "mask", "neighbour", "neighbour_mask", "shown"):
        assert torch.allclose(one[name], other[name].cpu(), atol=1e-3), name


def test_words_are_left_out_as_often_as_one_image_at_a_time() -> None:
    rows = [{"sex": "female", "age": 50.0 + k, "vendor": "GE", LOOK: "real"} for k in (0, 1)]
    vocabulary = Vocabulary.of(rows, ("sex", "age", "vendor", LOOK))
    text = torch.from_numpy(np.stack([vocabulary.encode(rows[0])] * 20_000))
    said = ~drop_words(text, vocabulary, torch.Generator().manual_seed(0), kept=(LOOK,)).isnan()
    share = dict(zip(vocabulary.names, said.float().mean(dim=0).tolist(), strict=True))
    assert share[LOOK] == 1.0
    assert share["sex"] == pytest.approx(0.4 + 0.4 / 2, abs=0.02)
    assert share["age"] == pytest.approx(share["sex"], abs=0.02)
    assert share["vendor"] == pytest.approx(0.1 + 0.4 + 0.4 / 2, abs=0.02)
    assert (~said[:, :3]).all(dim=1).float().mean() > 0.1


class ResidentRefine(RefineGenerator):
    """Trained on frames that lie where it computes."""

    trainee_kind: ClassVar[type[RefineTrainee]] = ResidentRefineTrainee


def test_a_run_on_resident_frames_learns_and_loads_like_any_other(phantom_cohort: Cohort, tmp_path: Path) -> None:
    made = ResidentRefine.fit(phantom_cohort, tmp_path / "run", FAMILIES["refine"][1], LOOP)
    assert made.hash == RefineGenerator.load(tmp_path / "run" / "weights.safetensors").hash
