"""Judges that go on from weights that are there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.conditioning.vocabulary import CategoryWord, NumberWord, Vocabulary
from synthcmr.errors import CohortError, SettingsError
from synthcmr.judges.encoder import ImageEncoder
from synthcmr.judges.fitting import going_on, new_outputs, starting_weights
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import score_segmenter
from synthcmr.judges.segmenter import CLASSES, Segmenter, SegmenterNetwork, SegmenterTrainee, build
from synthcmr.judges.settings import EncoderSettings, ReaderSettings, SegmenterSettings
from synthcmr.training.batches import held_out_draws
from synthcmr.training.images import load_images
from synthcmr.training.loop import Progress
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import file_hash, read_header, read_tensors
from tests.evaluation.making import cohort_of, heart
from tests.journeys.typing_in import run

NEVER = 10**6
LOOP = LoopSettings(
    steps=2, batch=4, learning_rate=1e-9, warmup=1, ema=0.5, held_out_every=NEVER, sheet_every=NEVER, checkpoint_every=1
)
SMALL = SegmenterSettings(filters=(8, 16, 16), size=48, augmentation="mild")
READS = ReaderSettings(filters=(8, 8, 8, 8), features=8, attributes=("sex", "diagnosis"))
ENCODES = EncoderSettings(filters=(8, 8, 8, 8), features=8, attributes=("sex", "diagnosis"))
QUICK = ("--set", "loop.steps=2", "--set", "loop.batch=2")


@pytest.fixture(scope="module")
def hearts(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return cohort_of(tmp_path_factory.mktemp("hearts") / "c", [heart(k) for k in range(10)])


@pytest.fixture(scope="module")
def first(hearts: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of every judge, from nothing."""
    folder = tmp_path_factory.mktemp("first")
    loop = LOOP.model_copy(update={"learning_rate": 3e-3, "steps": 40, "ema": 0.8})
    Segmenter.fit(hearts, folder / "segmenter", SMALL, loop)
    AttributeReader.fit(hearts, folder / "reader", READS, LOOP)
    ImageEncoder.fit(hearts, folder / "encoder", ENCODES, LOOP)
    return folder


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return read_tensors(folder / "weights.safetensors")


def far_apart(first: dict[str, torch.Tensor], other: dict[str, torch.Tensor], names: list[str]) -> list[str]:
    """Parts that differ by more than steps of next to no length and half precision explain."""
    return [name for name in names if not torch.allclose(first[name], other[name], atol=2e-3)]


def test_a_segmenter_goes_on_from_the_weights_of_a_run(hearts: Cohort, first: Path, tmp_path: Path) -> None:
    Segmenter.fit(hearts, tmp_path / "run", SMALL, LOOP, init_from=first / "segmenter")
    before, after = tensors(first / "segmenter"), tensors(tmp_path / "run")
    assert far_apart(before, after, list(before)) == []
    Segmenter.fit(hearts, tmp_path / "random", SMALL, LOOP)
    assert len(far_apart(before, tensors(tmp_path / "random"), list(before))) > 5


def test_header_and_provenance_say_what_it_began_from(hearts: Cohort, first: Path, tmp_path: Path) -> None:
    Segmenter.fit(hearts, tmp_path / "run", SMALL, LOOP, init_from=first / "segmenter")
    own_hash = file_hash(first / "segmenter" / "weights.safetensors")
    assert read_header(tmp_path / "run" / "weights.safetensors")["begun_from"] == own_hash
    inputs = json.loads((tmp_path / "run" / "provenance.json").read_text())["inputs"]
    (begun_from,) = (i for i in inputs if i["kind"] == "run")
    assert begun_from["hash"] == own_hash
    assert (tmp_path / "run" / begun_from["name"]).resolve() == first / "segmenter"
    assert "begun_from" not in read_header(first / "segmenter" / "weights.safetensors")


def test_the_shipped_segmenter_learns_from_few_hearts(hearts: Cohort, tmp_path: Path) -> None:
    start = starting_weights("segmenter", "shipped")
    model = start.settings(SegmenterSettings).model_copy(update={"size": 48})
    loop = LOOP.model_copy(update={"steps": 12, "learning_rate": 1e-3, "batch": 8})
    Segmenter.fit(hearts, tmp_path / "run", model, loop, init_from="shipped")
    assert read_header(tmp_path / "run" / "weights.safetensors")["begun_from"] == file_hash(shipped("segmenter"))
    before, after = (score_segmenter(hearts, where, "test").scores for where in (None, tmp_path / "run"))
    assert np.mean(list(after.values())) > np.mean(list(before.values())) + 0.05


def test_a_run_that_was_cut_goes_on_and_ends_as_if_it_had_not_been(hearts: Cohort, first: Path, tmp_path: Path) -> None:
    loop = LOOP.model_copy(update={"steps": 6, "learning_rate": 1e-3})

    def cut(progress: Progress) -> None:
        if progress.step >= 3:
            raise KeyboardInterrupt

    start = first / "segmenter"
    loop_talking = loop.model_copy(update={"held_out_every": 1})
    Segmenter.fit(hearts, tmp_path / "whole", SMALL, loop_talking, init_from=start)
    with pytest.raises(KeyboardInterrupt):
        Segmenter.fit(hearts, tmp_path / "cut", SMALL, loop_talking, cut, init_from=start)
    Segmenter.fit(hearts, tmp_path / "cut", SMALL, loop_talking, init_from=start)
    whole, resumed = tensors(tmp_path / "whole"), tensors(tmp_path / "cut")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    with pytest.raises(CohortError, match=r"begun_from was '\w+', is now None"):
        Segmenter.fit(hearts, tmp_path / "cut", SMALL, loop_talking)


def test_another_architecture_is_refused_by_flag_and_setting(hearts: Cohort, first: Path, tmp_path: Path) -> None:
    other = SMALL.model_copy(update={"filters": (8, 16, 32)})
    with pytest.raises(SettingsError, match=r"expected model.filters \[8, 16, 16\].*leave '--set model.filters' out"):
        Segmenter.fit(hearts, tmp_path / "run", other, LOOP, init_from=first / "segmenter")
    with pytest.raises(SettingsError, match=r"expected model.frames 2"):
        AttributeReader.fit(
            hearts, tmp_path / "run", READS.model_copy(update={"frames": 1}), LOOP, init_from=first / "reader"
        )
    assert not (tmp_path / "run").exists()


def test_other_judges_and_missing_runs_are_refused(first: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--init-from .*: expected weights of a segmenter, got those of 'reader'"):
        starting_weights("segmenter", first / "reader")
    with pytest.raises(
        SettingsError, match=r"--init-from nowhere: expected 'shipped', a run folder of 'synthcmr judge fit"
    ):
        starting_weights("reader", "nowhere")
    with pytest.raises(SettingsError, match=r"expected weights of a reader or encoder, got those of 'segmenter'"):
        starting_weights("reader", shipped("segmenter"))


def test_a_reader_of_other_attributes_keeps_its_trunk_and_what_it_knows(first: Path, tmp_path: Path) -> None:
    people = [replace(h, attributes={**h.attributes, "age": 50.0 + k}) for k, h in enumerate(map(heart, range(10)))]
    for one in people[::2]:
        one.attributes["diagnosis"] = "HCM"  # in place of NOR
    cohort = cohort_of(tmp_path / "c", people)
    model = READS.model_copy(update={"attributes": ("age", "diagnosis", "sex")})
    reader = AttributeReader.fit(cohort, tmp_path / "run", model, LOOP, init_from=first / "reader")
    before, after = tensors(first / "reader"), tensors(tmp_path / "run")
    trunk = [name for name in before if not name.startswith("head.") and before[name].is_floating_point()]
    still = [name for name in trunk if "running" not in name]  # statistics of batches follow the images
    assert far_apart(before, after, still) == []
    assert reader.vocabulary.names == ("age", "diagnosis", "sex")
    assert read_header(tmp_path / "run" / "weights.safetensors")["new_outputs"] == ["age", "diagnosis=HCM"]
    known = Vocabulary.from_json(read_header(first / "reader" / "weights.safetensors")["vocabulary"])
    assert [word.name for word in known.words] == ["sex", "diagnosis"]
    # outputs now: age, DCM, HCM, female, male; before: female, male, DCM, NOR
    torch.testing.assert_close(after["head.weight"][[1, 3, 4]], before["head.weight"][[2, 0, 1]], atol=2e-3, rtol=0)
    assert not torch.allclose(after["head.weight"][2], before["head.weight"][3], atol=2e-2)


def test_an_encoder_goes_on_from_an_encoder_and_from_a_reader(hearts: Cohort, first: Path, tmp_path: Path) -> None:
    ImageEncoder.fit(hearts, tmp_path / "same", ENCODES, LOOP, init_from=first / "encoder")
    before, after = tensors(first / "encoder"), tensors(tmp_path / "same")
    heads = ["damage.weight", "shape.weight", "head.weight", "network.conv1.weight"]
    assert far_apart(before, after, heads) == []
    ImageEncoder.fit(hearts, tmp_path / "trunk", ENCODES, LOOP, init_from=first / "reader")
    assert far_apart(tensors(first / "reader"), tensors(tmp_path / "trunk"), heads[2:]) == []


def test_numbers_go_on_meaning_what_they_meant() -> None:
    known = Vocabulary((NumberWord("age", 50.0, 10.0), CategoryWord("sex", ("female", "male"))))
    own = Vocabulary(
        (NumberWord("age", 20.0, 1.0), CategoryWord("sex", ("male", "other")), CategoryWord("vendor", ("GE",)))
    )
    kept = going_on(known, own)
    assert kept.words[0] == known.words[0]
    assert kept.words[1:] == own.words[1:]
    assert new_outputs(known, kept) == ["sex=other", "vendor"]


def test_a_reader_needs_an_attribute(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path / "c", [replace(heart(k), attributes={}) for k in range(6)])
    with pytest.raises(SettingsError, match=r"expected subjects with some of the attributes sex, diagnosis, got none"):
        AttributeReader.fit(cohort, tmp_path / "run", READS, LOOP)


def test_masks_of_one_structure_teach_it_and_leave_the_others_as_they_were(tmp_path: Path) -> None:
    hearts = [heart(k) for k in range(10)]
    lv = [replace(h, mask=np.where(h.mask == Label.LV, 1, 255).astype(np.uint8)) for h in hearts]
    images = load_images(cohort_of(tmp_path / "lv", lv), None)
    trainee = SegmenterTrainee(build(SMALL), images, None, SMALL.size, "mild")
    batch = trainee.batch(held_out_draws(trainee.sizes()[0], 6, 0), held_out=True)
    assert batch["drawn"].tolist() == [[True, True, False, False]] * 6
    truth = batch["mask"]

    class Says(torch.nn.Module):
        """Answers as it is told."""

        def __init__(self, labels: torch.Tensor) -> None:
            super().__init__()
            self.labels = labels

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 20.0 * torch.nn.functional.one_hot(self.labels, CLASSES).permute(0, 3, 1, 2).float()

    def loss(labels: torch.Tensor) -> float:
        return float(SegmenterNetwork(Says(labels))("segment", batch)[0])

    with_others = torch.where(truth == 0, 2, truth)  # it calls all the rest myocardium: nobody can say that it is not
    assert loss(truth) == pytest.approx(loss(with_others), abs=1e-5)
    assert loss(torch.ones_like(truth)) > loss(truth) + 0.5  # but it cannot all be LV
    assert loss(torch.zeros_like(truth)) > loss(truth) + 0.3


def test_frames_that_nobody_labelled_are_not_learned_from_as_background(tmp_path: Path) -> None:
    hearts = [heart(k) for k in range(6)]
    for one in hearts:
        one.mask[1] = 255  # ED alone is labelled
    images = load_images(cohort_of(tmp_path / "c", hearts), None)
    trainee = SegmenterTrainee(build(SMALL), images, None, SMALL.size)
    assert trainee.sizes() == (len(images), 0)
    bare = replace(images, mask=np.full_like(images.mask, 255))
    with pytest.raises(CohortError, match="expected training images with masks, got none"):
        SegmenterTrainee(build(SMALL), bare, None, SMALL.size)


def test_from_the_command_line(hearts: Cohort, tmp_path: Path) -> None:
    said = run("judge", "fit", "reader", hearts.path, tmp_path / "reader", "--init-from", "shipped", *QUICK).stdout
    assert "synthcmr judge score reader" in said
    header = read_header(tmp_path / "reader" / "weights.safetensors")
    assert header["begun_from"] == file_hash(shipped("reader"))
    assert header["model"]["filters"] == read_header(shipped("reader"))["model"]["filters"]
    again = ("judge", "fit", "reader", hearts.path, tmp_path / "again", "--init-from", tmp_path / "reader", *QUICK)
    run(*again)
    failed = run(*again, "--set", "model.features=32", ok=False).stderr
    assert "expected model.features 64, which its weights were trained with, got 32" in failed
    over = (
        "judge",
        "fit",
        "reader",
        hearts.path,
        tmp_path / "reader",
        "--init-from",
        tmp_path / "reader",
        "--overwrite",
    )
    assert "expected a run folder other than that of --init-from" in run(*over, ok=False).stderr
    assert (tmp_path / "reader" / "weights.safetensors").exists()
