from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.errors import CohortError
from synthcmr.judges.reader import AttributeReader, Reading, by_subject
from synthcmr.judges.scores import mean_auc, mean_dice, score_readings, score_segmenter
from synthcmr.judges.segmenter import Segmenter, dice
from synthcmr.judges.settings import ReaderSettings, SegmenterSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.loop import Progress
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import read_header, weights_file
from tests.generators.making import phantoms

LOOP = LoopSettings(steps=4, batch=4, warmup=1, held_out_every=2, held_out_images=4, checkpoint_every=2)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Phantoms that no shipped weight was trained on."""
    return make_phantoms(tmp_path_factory.mktemp("strangers") / "c", "everyone", 16, seed=99, workers=1)


def test_the_shipped_segmenter_outlines_hearts_it_never_saw(strangers: Cohort) -> None:
    found = score_segmenter(strangers, None, None)
    assert found.subjects == 16
    assert found.scores["dice lv"] > 0.88
    assert found.scores["dice myo"] > 0.75
    assert found.scores["dice rv"] > 0.75


def test_the_shipped_reader_tells_fat_from_lean(strangers: Cohort) -> None:
    reader = AttributeReader.load(shipped("reader"))
    images = np.stack([strangers.image(i) for i in range(len(strangers))])
    names, reading = by_subject(reader.read(images), strangers.images["subject_id"].tolist())
    fat = strangers.truth.set_index("subject_id").loc[names, "chest_fat_mm"]
    assert np.corrcoef(reading.numbers["chest_fat_mm"], fat)[0, 1] > 0.5
    assert reading.categories["sex"].shape == (16, 2)
    assert reading.categories["sex"].sum(axis=1) == pytest.approx(np.ones(16), abs=1e-2)


def test_shipped_judges_know_what_real_images_score() -> None:
    limits = Segmenter.load(shipped("segmenter")).limits
    assert 0.5 < limits["stack"]["dice"] < 1
    assert 0.5 < limits["slice"]["dice"] < 1
    assert set(AttributeReader.load(shipped("reader")).limits) == {"slice", "stack"}


def test_a_segmenter_can_be_trained_and_loaded_and_its_run_takes_no_other_settings(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    small = SegmenterSettings(filters=(8, 16, 16), size=64)
    made = Segmenter.fit(phantom_cohort, tmp_path / "run", small, LOOP)
    again = Segmenter.load(tmp_path / "run" / "weights.safetensors")
    image = phantom_cohort.image(0)
    assert again.hash == made.hash
    assert again.segment(image).shape == image.shape
    assert set(np.unique(again.segment(image))) <= {0, 1, 2, 3}
    shares = again.probabilities(image)
    assert shares.shape == (*image.shape[:-2], 4, *image.shape[-2:])
    assert shares.sum(axis=-3) == pytest.approx(np.ones(image.shape), abs=1e-5)
    assert (shares.argmax(axis=-3) == again.segment(image)).mean() > 0.999  # equal shares are rounding
    Segmenter.fit(phantom_cohort, tmp_path / "run", small, LOOP)  # finished: nothing to do
    with pytest.raises(CohortError, match="holds a run with other settings"):
        Segmenter.fit(phantom_cohort, tmp_path / "run", small, LOOP.model_copy(update={"steps": 9}))


def test_a_segmenter_that_was_stopped_goes_on_to_the_same_weights(phantom_cohort: Cohort, tmp_path: Path) -> None:
    small = SegmenterSettings(filters=(8, 16, 16), size=64)

    def stop(progress: Progress) -> None:
        if progress.step >= 3:  # after the checkpoint of step 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Segmenter.fit(phantom_cohort, tmp_path / "stopped", small, LOOP, stop)
    assert not (tmp_path / "stopped" / "weights.safetensors").exists()
    resumed = Segmenter.fit(phantom_cohort, tmp_path / "stopped", small, LOOP)
    never = Segmenter.fit(phantom_cohort, tmp_path / "never", small, LOOP)
    image = phantom_cohort.image(0)
    assert np.array_equal(resumed.probabilities(image), never.probabilities(image))


def test_a_reader_can_be_trained_and_knows_its_attributes(phantom_cohort: Cohort, tmp_path: Path) -> None:
    settings = ReaderSettings(filters=(8, 8, 8, 8), attributes=("sex", "age"))
    made = AttributeReader.fit(phantom_cohort, tmp_path / "run", settings, LOOP)
    reading = made.read(phantom_cohort.image(0)[None])
    assert set(reading.categories) == {"sex"}
    assert set(reading.numbers) == {"age"}


def test_a_reader_learns_from_several_cohorts(phantom_cohort: Cohort, tmp_path: Path) -> None:
    others = phantoms(tmp_path / "others", subjects=6, seed=5)
    both, _ = load_splits(phantom_cohort, 2, [others])
    alone, _ = load_splits(phantom_cohort, 2)
    assert len(both) == len(alone) + (others.table["split"] == "train").sum()
    assert len(set(both.subject)) == len(set(alone.subject)) + len(set(both.subject[len(alone) :]))
    names = np.asarray(both.subject)
    assert all(names[i] == names[j] for i, beside in enumerate(both.neighbours) for j in beside)
    small = ReaderSettings(filters=(8, 8, 8, 8), features=8, attributes=("sex",))
    made = AttributeReader.fit(phantom_cohort, tmp_path / "run", small, LOOP, also=[others])
    header = read_header(weights_file(tmp_path / "run"))
    assert header["also"] == [others.hash]
    assert made.vocabulary.names == ("sex",)


def test_dice_against_counting_by_hand() -> None:
    truth = np.zeros((4, 4), np.uint8)
    truth[:2] = Label.LV
    found = np.zeros((4, 4), np.uint8)
    found[1:3] = Label.LV
    assert dice(found, truth) == {"lv": 0.5}
    assert np.isnan(mean_dice(found, truth))  # eight pixels say nothing
    assert mean_dice(np.kron(found, np.ones((8, 8), np.uint8)), np.kron(truth, np.ones((8, 8), np.uint8))) == 0.5


def test_auc_against_scikit_learn() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    truth = rng.choice(["a", "b", "c"], 200)
    probability = rng.random((200, 3)) + 0.3 * np.stack([truth == v for v in "abc"], axis=1)
    ours = mean_auc(probability, list(truth), ("a", "b", "c"))
    theirs = np.mean([roc_auc_score(truth == v, probability[:, k]) for k, v in enumerate("abc")])
    assert ours == pytest.approx(theirs)
    assert mean_auc(probability[:8], ["a"] * 8, ("a", "b", "c")) is None


def test_scores_are_absent_with_a_reason_where_too_few_are_known() -> None:
    reading = Reading({"age": np.arange(5, dtype=np.float32)}, {}, {})
    blank = np.zeros((5, 2, 8, 8))
    images = TrainingImages(
        blank.astype(np.float16), blank.astype(np.uint8), [{"age": 1.0}] * 5, list("abcde"), [()] * 5, ""
    )
    found = score_readings(reading, images)
    assert found.scores == {}
    assert "at least 20" in found.absent["age"]
