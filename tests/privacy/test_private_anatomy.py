"""Anatomies of patients with privacy: they move to where the patients are, one subject changes little, and a release accepts them."""

import json
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.anatomy.hearts import to_free
from synthcmr.generators.anatomy.private_fit import (
    NUMBERS,
    SENSITIVITY,
    Moments,
    fit_privately,
    moved,
    noisy_statistics,
    offsets,
    statistics,
)
from synthcmr.privacy.accountant import TOLERANCE
from synthcmr.training.private_sums import NoisyMean, SumPromise
from synthcmr.training.secret_noise import Secret
from synthcmr.training.shipped_weights import shipped
from tests.journeys.typing_in import run
from tests.privacy.making import UNSCREENED, refused

PEOPLE = 400


@pytest.fixture(scope="module")
def public() -> AnatomyGenerator:
    return AnatomyGenerator.load(shipped("anatomy"))


def drawn_offsets(public: AnatomyGenerator, moments: Moments) -> np.ndarray:
    """Of people whose hearts have these moments, as the public generator sees them."""
    hearts, seen = moved(public.hearts, moments), []
    for seed in range(PEOPLE):
        rng = np.random.default_rng([3, seed])
        person = public.people.draw({}, rng)
        numbers, shape = hearts.draw(person, {}, 1.0, rng)
        seen.append(offsets(public, public.space.heart(shape), numbers, person))
    return np.stack(seen)


def moments(mean: float, variance: float) -> Moments:
    half = np.eye(NUMBERS // 2)
    return Moments(np.full(NUMBERS, mean), (variance * half, variance * half))


def test_people_of_the_public_generator_differ_from_it_by_nothing_but_chance(public: AnatomyGenerator) -> None:
    seen = drawn_offsets(public, moments(0.0, 1.0))
    assert np.abs(seen.mean(axis=0)).max() < 4 / np.sqrt(PEOPLE)
    assert np.abs(np.cov(seen.T) - np.eye(NUMBERS)).max() < 0.3


def test_other_people_are_moved_to_and_found_again(public: AnatomyGenerator) -> None:
    seen = drawn_offsets(public, moments(0.7, 0.5))
    rows = np.stack([statistics(one) for one in seen])
    again = Moments.of(NoisyMean(rows.mean(axis=0), 1e-6, PEOPLE))
    assert again.mean == pytest.approx(np.full(NUMBERS, 0.7), abs=0.2)
    assert np.diag(again.covariances[0]) == pytest.approx(np.full(6, 0.5), abs=0.15)
    assert np.diag(again.covariances[1]) == pytest.approx(np.full(6, 0.5), abs=0.15)


def test_no_subject_changes_the_sum_by_more_than_was_promised() -> None:
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 10.0, 1e6):
        for one in rng.normal(size=(200, NUMBERS)) * scale:
            assert np.linalg.norm(statistics(one)) <= SENSITIVITY + 1e-12
    odd = np.full(NUMBERS, np.nan)
    odd[0], odd[1] = np.inf, -np.inf
    assert np.isfinite(statistics(odd)).all()


def test_cohorts_that_differ_in_one_subject_have_sums_that_differ_by_at_most_the_sensitivity(patients: Cohort) -> None:
    names = list(patients.select(split="train").subjects["subject_id"])
    promise = SumPromise(2.0, 1e-3, 40)
    whole = noisy_statistics(patients, promise, Secret(7))
    changes = []
    for name in names[:3]:
        rest = patients.select(subject_id=[n for n in patients.subjects["subject_id"] if n != name])
        without = noisy_statistics(rest, promise, Secret(7))  # the same noise, so that only the subject differs
        changes.append(float(np.linalg.norm(whole.values - without.values)) * 40)
    assert max(changes) <= SENSITIVITY * (1 + 1e-5)
    assert min(changes) > 0.1  # each of them counts


def test_the_more_noise_the_closer_to_the_public_generator_and_covariances_stay_positive() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=NUMBERS + 42) * 5
    for noise in (1e-3, 0.1, 1.0, 100.0):
        released = Moments.of(NoisyMean(values, noise, 40))
        for covariance in released.covariances:
            assert np.linalg.eigvalsh(covariance).min() > 0.05
    assert np.abs(released.mean).max() < 0.01
    assert released.covariances[0] == pytest.approx(np.eye(6), abs=0.05)


def test_a_promise_of_nothing_brings_the_anatomies_to_the_patients(public: AnatomyGenerator, patients: Cohort) -> None:
    promise = SumPromise(1000.0, 1e-3, 14)
    people = fit_privately(patients, promise, Secret(1))
    wanted = Moments.of(noisy_statistics(patients, promise, Secret(1)))
    for name in public.hearts.diagnoses:
        person = public.people.draw({"diagnosis": name}, np.random.default_rng(0))
        x = public.hearts.design(person)
        shift = x @ (people.hearts.measure_weights - public.hearts.measure_weights)
        assert np.linalg.solve(public.hearts.root(name), shift) == pytest.approx(wanted.mean[:6], abs=1e-9)
    drawn = [people.sample({}, seed, size=64, spacing_mm=3.0) for seed in range(3)]
    assert all(np.isfinite(to_free(one.numbers())).all() for one in drawn)


def test_private_anatomies_are_released_and_their_cost_is_counted(
    patients: Cohort, private_run: Path, private_images: Path, tmp_path: Path
) -> None:
    file = tmp_path / "anatomy.npz"
    said = run("train", "anatomy", patients.path, file, "--dp", "epsilon=2,delta=1e-4,subjects_in_cohort=20").stdout
    assert "differentially private anatomies of 20 subjects (epsilon 2, delta 0.0001" in said
    assert patients.hash.encode() not in file.read_bytes()
    assert AnatomyGenerator.load(file).facts["cohort_hash"] == ""
    run("generate", tmp_path / "out", "--run", private_run, "--anatomy", file, *UNSCREENED)
    run("release", tmp_path / "out", tmp_path / "given")
    run("release", private_images, tmp_path / "alone", "--delta", 1e-4)
    both, alone = (json.loads((tmp_path / name / "statement.json").read_text()) for name in ("given", "alone"))
    assert [one["of"] for one in both["mechanisms"]] == ["weights", "anatomies"]
    assert both["delta"] == 1e-4
    assert alone["epsilon"] < both["epsilon"] < alone["epsilon"] + 2
    first, second = both["accountants"].values()
    assert first == pytest.approx(second, rel=TOLERANCE)
    run("train", "anatomy", patients.path, tmp_path / "open")
    run("generate", tmp_path / "more", "--run", private_run, "--anatomy", tmp_path / "open.npz", *UNSCREENED)
    assert "train anatomy COHORT OUT --dp epsilon=1" in refused(tmp_path / "more", tmp_path / "not")


def test_subjects_who_are_not_stated_are_counted_with_noise(patients: Cohort, tmp_path: Path) -> None:
    run("train", "anatomy", patients.path, tmp_path / "a", "--dp", "epsilon=2")
    ledger = AnatomyGenerator.load(tmp_path / "a.npz").facts["ledger"]
    assert [(one["artefact"], one["mechanism"]["kind"]) for one in ledger] == [
        ("number of subjects with masks", "laplace"),
        ("anatomies", "gaussian"),
    ]


def test_noise_is_drawn_once_and_a_promise_that_cannot_be_read_is_refused(
    patients: Cohort, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    words = ("train", "anatomy", patients.path, tmp_path / "a", "--dp")
    run(*words, "epsilon=2,subjects_in_cohort=20")
    kept = (tmp_path / "a.npz").read_bytes()
    run(*words, "epsilon=2,subjects_in_cohort=20")
    assert (tmp_path / "a.npz").read_bytes() == kept
    other = (*words[:2], phantom_cohort.path, *words[3:])
    for again in (words, other):
        promise = "epsilon=3" if again is words else "epsilon=2,subjects_in_cohort=20"
        assert "of another cohort, or another promise" in run(*again, promise, ok=False).stderr
    run(*words, "epsilon=2,subjects_in_cohort=20", "--overwrite")
    assert (tmp_path / "a.npz").read_bytes() != kept
    for wrong in ("epsilon=0", "delta=1e-5", "epsilon=1,slices=2", "epsilon=2000"):
        assert "--dp: expected epsilon=NUMBER" in run(*words[:3], tmp_path / "b", "--dp", wrong, ok=False).stderr
