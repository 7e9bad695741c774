"""What a private run tells of its patients beside its weights: nothing that depends on who they are, or on how many."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.conditioning.vocabulary import CategoryWord
from synthcmr.errors import SettingsError
from synthcmr.generators.fingerprints import NAME
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.privacy.accountant import by_loss_distribution
from synthcmr.privacy.ledger import Ledger
from synthcmr.training.privacy import promise
from synthcmr.training.run_folder import METRICS, RUN_FILE, WEIGHTS
from synthcmr.training.secret_noise import Secret
from synthcmr.training.settings import LoopSettings, PrivacySettings, read_privacy
from synthcmr.training.weights import read_header
from synthcmr.verbs.trained_run import TrainedRun
from tests.generators.making import FAMILIES, TINY
from tests.privacy.making import LOOP, PRIVACY, PRIVATE

RARE = {"vendor": "Onesuch", "scanner": "Prototype 9", "diagnosis": "Rarest"}
TOLD = TINY.model_copy(update={"attributes": (*TINY.attributes, "scanner")})


def with_a_rare_patient(cohort: Cohort) -> Cohort:
    """One training subject has what nobody else has."""
    subjects = cohort.subjects.copy()
    one = subjects.index[subjects["split"] == "train"][0]
    for name, value in RARE.items():
        subjects[name] = subjects[name].astype(object)
        subjects.loc[one, name] = value
    return Cohort(cohort.path, cohort.info, subjects, cohort.images)


def loop(**privacy: Any) -> LoopSettings:
    return LOOP.model_copy(update={"dp": PRIVACY.model_copy(update=privacy)})


def said_of_rare(file: Path) -> list[str]:
    return [value for value in RARE.values() if value.encode() in file.read_bytes()]


def test_a_patient_on_a_scanner_that_nobody_else_has_is_not_named(patients: Cohort, tmp_path: Path) -> None:
    cohort = with_a_rare_patient(patients)
    FlowGenerator.fit(cohort, tmp_path / "open", TOLD, LOOP)
    assert said_of_rare(tmp_path / "open" / WEIGHTS) == list(RARE.values())
    private = FlowGenerator.fit(cohort, tmp_path / "private", TOLD, PRIVATE)
    assert said_of_rare(tmp_path / "private" / WEIGHTS) == []
    kept = json.loads((tmp_path / "private" / RUN_FILE).read_text())
    assert kept["treated_as_missing"]["vendor"] > 0  # said to those who hold the images
    said = TrainedRun("flow", tmp_path / "private", trained=private).summary()
    assert f"treated as missing: diagnosis of {kept['treated_as_missing']['diagnosis']} image(s)" in said
    assert "--dp categories=" in said
    began = TOLD.model_copy(update={"start": str(tmp_path / "private")})
    FlowGenerator.fit(cohort, tmp_path / "again", began, PRIVATE)
    assert said_of_rare(tmp_path / "again" / WEIGHTS) == []


def test_values_that_the_user_states_are_learned(patients: Cohort, tmp_path: Path) -> None:
    stated = read_privacy("epsilon=8,categories=vendor:Onesuch;diagnosis:Rarest|Rarer").categories
    made = FlowGenerator.fit(with_a_rare_patient(patients), tmp_path / "run", TOLD, loop(categories=stated))
    words = {word.name: word for word in made.vocabulary.words}
    assert isinstance(words["diagnosis"], CategoryWord)
    assert words["diagnosis"].values[-3:] == ("RV", "Rarest", "Rarer")
    assert "scanner" not in words
    assert {"count": 1, "attributes": {"vendor": "Onesuch"}} in made.facts["scanners"]  # type: ignore[operator]
    for wrong in ({"age": ("old",)}, {"centre": ("here",)}):
        with pytest.raises(SettingsError, match="--dp categories: expected values of a category among the attributes"):
            FlowGenerator.fit(patients, tmp_path / "wrong", TINY, loop(categories=wrong))
    with pytest.raises(SettingsError, match=r"expected NAME:VALUE\|VALUE"):
        read_privacy("epsilon=8,categories=vendor")


def header_without_token(folder: Path) -> Mapping[str, Any]:
    header = read_header(folder / WEIGHTS)
    return header | {"ledger": [{k: v for k, v in one.items() if k != "token"} for one in header["ledger"]]}


def test_headers_of_neighbouring_cohorts_are_the_same(patients: Cohort, tmp_path: Path) -> None:
    """With one subject fewer; without privacy the headers tell them apart."""
    names = list(patients.subjects["subject_id"][patients.subjects["split"] == "train"])
    fewer = patients.select(subject_id=[s for s in patients.subjects["subject_id"] if s != names[0]])
    for name, settings in (("private", PRIVATE), ("open", LOOP)):
        for which, cohort in (("all", patients), ("fewer", fewer)):
            FlowGenerator.fit(cohort, tmp_path / name / which, TINY, settings)
    both = [header_without_token(tmp_path / "private" / which) for which in ("all", "fewer")]
    assert both[0] == both[1]
    assert not {"cohort_hash", "images", "origin"} & set(both[0])
    assert patients.hash not in json.dumps(both[0])
    apart = [read_header(tmp_path / "open" / which / WEIGHTS)["images"] for which in ("all", "fewer")]
    assert apart[0] > apart[1]


def test_the_number_of_subjects_is_counted_with_noise_that_is_paid_for(patients: Cohort, tmp_path: Path) -> None:
    settings = PRIVACY.model_copy(update={"subjects_in_cohort": None, "epsilon": 2.0, "count_share": 0.25})
    made = FlowGenerator.fit(patients, tmp_path / "run", TINY, LOOP.model_copy(update={"dp": settings}))
    told: Any = made.facts["privacy"]
    count, sums = Ledger.of_json(made.facts["ledger"]).mechanisms  # type: ignore[arg-type]
    assert count.mechanism is not None
    assert count.mechanism.scale == pytest.approx(1 / 0.5)  # type: ignore[union-attr]
    assert sums.mechanism.q == pytest.approx(min(1.0, 4 / told["subjects"]))  # type: ignore[union-attr]
    assert told["subjects_are"] == "counted with noise"
    assert told["epsilon"] <= 2.0
    both = [entry.mechanism for entry in (count, sums) if entry.mechanism is not None]
    assert by_loss_distribution(both, told["delta"]) <= told["epsilon"] + 1e-6


def test_noise_on_the_count_is_laplace_and_follows_from_the_secret_alone() -> None:
    noise = np.array([Secret(key).noisy_count(10_000, 8.0) for key in range(4000)]) - 10_000
    assert abs(noise.mean()) < 1.0
    assert np.abs(noise).mean() == pytest.approx(8.0, rel=0.06)
    assert np.mean(np.abs(noise) > 16) == pytest.approx(np.exp(-2), abs=0.02)
    assert Secret(5).noisy_count(100, 8.0) == Secret(5).noisy_count(100, 8.0)
    assert Secret(5).noisy_count(1, 1e-9) == 1
    assert min(Secret(key).noisy_count(1, 50.0) for key in range(50)) == 1


def test_noise_and_rate_follow_from_the_number_that_may_be_told() -> None:
    stated = promise(PrivacySettings(epsilon=3, subjects=10, subjects_in_cohort=100), people=100, releases=50)
    counted = promise(PrivacySettings(epsilon=3, subjects=10), people=100, releases=50)
    assert (stated.q, stated.delta, stated.count_epsilon) == (0.1, 1e-3, 0.0)
    assert (counted.q, counted.count_epsilon) == (0.1, pytest.approx(0.3))
    assert counted.sigma > stated.sigma  # less is left for the sums
    assert counted.spent(50) <= 3.0 + 1e-6
    assert counted.spent(0) == counted.count_epsilon


def test_a_private_run_ends_with_its_last_weights_and_looks_at_no_sample(patients: Cohort, tmp_path: Path) -> None:
    scored = []

    def score(look: object) -> dict[str, float]:
        scored.append(look)
        return {"held_out": float(len(scored)), "own_ratio": 1.0, "near_ratio": 1.0}  # the first look is the best

    for name, dp in (("open", None), ("private", PRIVACY)):
        settings = LOOP.model_copy(update={"steps": 4, "sheet_every": 2, "checkpoint_every": 2, "dp": dp})
        FlowGenerator.fit(patients, tmp_path / name, TINY, settings, score=score)  # type: ignore[arg-type]
        if dp is None:
            assert scored
            assert read_header(tmp_path / name / WEIGHTS)["steps"] == 2
            scored.clear()
    assert not scored
    lines = [json.loads(line) for line in (tmp_path / "private" / METRICS).read_text().splitlines()]
    assert not any("samples" in line or "known" in line for line in lines)
    assert read_header(tmp_path / "private" / WEIGHTS)["steps"] == 4
    assert not (tmp_path / "private" / NAME).exists()
    assert (tmp_path / "open" / NAME).exists()


def test_a_private_run_of_refine_is_not_calibrated_on_its_patients(patients: Cohort, tmp_path: Path) -> None:
    import synthcmr

    words = {"steps": 2, "batch": 2, "held_out_images": 2, "scored_frames": 2, "precision": "fp32"}
    small = FAMILIES["refine"][1].model_dump(include={"channels", "fine", "token_width", "crop"})
    changes = {f"loop.{k}": v for k, v in words.items()} | {f"model.{k}": v for k, v in small.items()}
    trained = synthcmr.train("refine", patients, tmp_path / "run", set=changes, dp="epsilon=8,subjects=2,slices=1")
    assert trained.calibrated == ""
    header = read_header(tmp_path / "run" / WEIGHTS)
    assert "calibration" not in header
    assert header["looks"] == {"real": 2, "phantom": 1}  # an order, no numbers of frames
    assert isinstance(trained.generator, RefineGenerator)
