"""A generator that repeats a training image: the copy is rejected, counted, and drawn again where tries are left."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import from_prompt
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.training.images import load_images

COUNT = 3
PLAIN = GenerateSettings(sampler=SamplerSettings(steps=2, batch=4), screen=ScreenSettings(enabled=False))
COPIES_ALONE = {"min_dice": 0.0, "min_probability": 0.0, "number_margin": 1e9}  # whatever else is wrong passes


def generated(out: Path, run: Path, tries: int | None = None) -> Cohort:
    """The same requests every time; screened for copies where a number of tries is given."""
    screen = ScreenSettings(enabled=False) if tries is None else ScreenSettings(tries=tries, **COPIES_ALONE)
    requests = from_prompt(COUNT, 7, {"sex": "female"}, {}, None, "mid", "a test")
    return generate(out, requests, Sources(run=run), PLAIN.model_copy(update={"screen": screen}))


@pytest.fixture(scope="module")
def planted(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that has learned, as its fingerprints say, from the very image that it generates for one of the requests."""
    folder = tmp_path_factory.mktemp("planted")
    run = folder / "run"
    shutil.copytree(tiny_run, run)
    unscreened = generated(folder / "unscreened", run)
    subject = str(unscreened.subjects["subject_id"].iloc[1])
    copied = load_images(unscreened.select(subject_id=subject), None, 2)
    replace(Fingerprints.of(copied, None), limit=0.9).save(run / NAME)
    return run, subject


def test_a_copy_of_a_training_image_is_rejected_and_counted(planted: tuple[Path, str], tmp_path: Path) -> None:
    run, subject = planted
    cohort = generated(tmp_path / "screened", run, tries=1)
    assert subject not in set(cohort.subjects["subject_id"])
    assert len(cohort.subjects) == COUNT - 1
    assert cohort.rejects["case_id"].tolist() == [subject]
    assert "nearly a copy of a training image (1x)" in cohort.rejects["reason"].iloc[0]
    assert (cohort.images["screen_similarity"] < ScreenSettings().max_similarity).all()


def test_a_copy_is_drawn_again_with_another_seed(planted: tuple[Path, str], tmp_path: Path) -> None:
    run, subject = planted
    cohort = generated(tmp_path / "screened", run, tries=2)
    images = cohort.images.set_index("subject_id")
    assert len(cohort.subjects) == COUNT
    assert images["rejected"].to_dict() == {name: int(name == subject) for name in images.index}
    assert images.loc[subject, "screen_similarity"] < ScreenSettings().max_similarity


def test_the_similarity_that_counts_as_a_copy_can_be_set(planted: tuple[Path, str], tmp_path: Path) -> None:
    run, subject = planted
    screen = ScreenSettings(tries=1, max_similarity=1.0, **COPIES_ALONE)
    requests = from_prompt(COUNT, 7, {"sex": "female"}, {}, None, "mid", "a test")
    cohort = generate(tmp_path / "out", requests, Sources(run=run), PLAIN.model_copy(update={"screen": screen}))
    similarity = cohort.images.set_index("subject_id")["screen_similarity"]
    assert similarity[subject] == pytest.approx(1.0, abs=0.005)
    assert similarity.drop(subject).max() < 0.995


def test_without_held_out_subjects_the_training_subjects_say_what_is_alike_by_chance(phantom_cohort: Cohort) -> None:
    training, others = (load_images(phantom_cohort, split, 2) for split in ("train", "validation"))
    prints = Fingerprints.of(training, None)
    assert prints.nearest(training.image).min() > prints.limit  # each of them, generated again, is a copy
    assert np.mean(prints.nearest(others.image) > prints.limit) < 0.1
    assert 0.0 < prints.limit < 0.999
