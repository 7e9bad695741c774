"""A planted leak of the test split is seen, whichever way it came."""

import shutil
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.errors import CohortError
from synthcmr.experiments.split_leaks import check_synthetic
from synthcmr.frequency.apply import apply_to_cohort
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.sources import open_images
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import like_cohort
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.training.images import load_images
from tests.cohort.making import with_new_checks
from tests.generators.making import LOOP, TINY


def made(out: Path, run: Path, real: Cohort, subject: str) -> Cohort:
    """One image on the deformed mask of a subject."""
    requests = like_cohort([(subject, {})], 1, 0, {}, "mid")
    settings = GenerateSettings(
        size=64,
        spacing_mm=3.0,
        masks="deformed",
        screen=ScreenSettings(enabled=False),
        sampler=SamplerSettings(steps=1),
    )
    return generate(out, requests, Sources(run=run, like=real.path), settings)


def of_split(cohort: Cohort, split: str) -> str:
    return str(cohort.subjects.loc[cohort.subjects["split"] == split, "subject_id"].iloc[0])


def test_what_was_made_from_the_training_split_passes(phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path) -> None:
    subject = of_split(phantom_cohort, "train")
    check_synthetic(phantom_cohort, made(tmp_path / "s", tiny_run, phantom_cohort, subject), "planned")


def test_test_images_themselves_are_seen(phantom_cohort: Cohort) -> None:
    with pytest.raises(CohortError, match="images of test subjects"):
        check_synthetic(phantom_cohort, phantom_cohort.select(split="test"), "planned")


def test_masks_of_test_subjects_are_seen(phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path) -> None:
    subject = of_split(phantom_cohort, "test")
    leaky = made(tmp_path / "s", tiny_run, phantom_cohort, subject)
    with pytest.raises(CohortError, match=f"masks of test subjects \\({subject}\\)"):
        check_synthetic(phantom_cohort, leaky, "planned")


def test_a_generator_that_learned_from_test_subjects_is_seen(phantom_cohort: Cohort, tmp_path: Path) -> None:
    other = tmp_path / "resplit"  # the same patients, read again with another split
    shutil.copytree(phantom_cohort.path, other)
    subjects = phantom_cohort.subjects.copy()
    subjects["split"] = subjects["split"].replace("test", "train")
    subjects.to_parquet(other / "subjects.parquet", index=False)
    run = tmp_path / "run"
    FlowGenerator.fit(Cohort.open(with_new_checks(other)), run, TINY, LOOP)
    leaky = made(tmp_path / "s", run, phantom_cohort, of_split(phantom_cohort, "train"))
    with pytest.raises(CohortError, match="a generator that learned from images of test subjects"):
        check_synthetic(phantom_cohort, leaky, "planned")


def test_a_leak_is_seen_through_a_join(phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path) -> None:
    clean = made(tmp_path / "s", tiny_run, phantom_cohort, of_split(phantom_cohort, "train"))
    joined = join_cohorts(tmp_path / "joined", [clean])
    check_synthetic(phantom_cohort, joined, "planned")
    learned = tmp_path / "learned"  # the same run, with fingerprints of the test split
    shutil.copytree(tiny_run, learned)
    test = load_images(phantom_cohort, "test", 2)
    Fingerprints.of(test, load_images(phantom_cohort, "train", 2)).save(learned / NAME)
    leaky = made(tmp_path / "l", learned, phantom_cohort, of_split(phantom_cohort, "train"))
    with pytest.raises(CohortError, match="a generator that learned from images of test subjects"):
        check_synthetic(phantom_cohort, join_cohorts(tmp_path / "again", [leaky]), "planned")


@pytest.mark.parametrize("split", ["train", "all"])
def test_a_recalibration_that_learned_from_the_test_split_is_seen(
    phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path, split: str
) -> None:
    clean = made(tmp_path / "s", tiny_run, phantom_cohort, of_split(phantom_cohort, "train"))
    images = open_images(phantom_cohort.path, None if split == "all" else split)
    model = Recalibration().fit(images)
    model.save(tmp_path / "truth")
    better = apply_to_cohort(model, tmp_path / "truth", clean, tmp_path / "better")
    if split == "train":
        check_synthetic(phantom_cohort, better, "planned")
    else:
        with pytest.raises(CohortError, match="fit again with --split train"):
            check_synthetic(phantom_cohort, better, "planned")
