from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.cohort.measures import measure
from synthcmr.errors import CohortError, SettingsError
from synthcmr.generators.anatomy.anatomy import Anatomy, deform, real_anatomies
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.sampling.screening import implausible
from synthcmr.training.shipped_weights import shipped

VOLUMES = ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "rv_esv_ml")


@pytest.fixture(scope="module")
def generator() -> AnatomyGenerator:
    return AnatomyGenerator.load(shipped("anatomy"))


def test_measures_of_a_cylinder_are_those_of_a_cylinder() -> None:
    y, x = np.mgrid[-64:64, -64:64] + 0.5
    r = np.hypot(x, y)
    disc = np.where(r < 20, Label.LV, np.where(r < 28, Label.MYOCARDIUM, 0)).astype(np.uint8)
    small = np.where(r < 14, Label.LV, np.where(r < 28, Label.MYOCARDIUM, 0)).astype(np.uint8)
    found = measure(np.stack([np.stack([disc] * 6), np.stack([small] * 6)]), (1.0, 1.0), 10.0)
    assert found["lv_edv_ml"] == pytest.approx(np.pi * 400 * 60 / 1000, rel=0.01)
    assert found["lv_ef_percent"] == pytest.approx(100 * (1 - 196 / 400), abs=1)
    assert found["lv_mass_g"] == pytest.approx(np.pi * (784 - 400) * 60 / 1000 * 1.05, rel=0.01)
    assert found["wall_max_mm"] == pytest.approx(8, abs=0.3)


def test_masks_measure_what_was_drawn(generator: AnatomyGenerator) -> None:
    for seed in range(6):
        heart = generator.sample({}, seed)
        found = heart.numbers()
        for name in VOLUMES:
            assert found[name] == pytest.approx(heart.requested[name], rel=0.01), name


def test_asked_numbers_are_met(generator: AnatomyGenerator) -> None:
    asked = {"lv_edv_ml": 240.0, "lv_ef_percent": 22.0, "wall_max_mm": 14.0}
    for seed in range(4):
        found = generator.sample({"diagnosis": "DCM"}, seed, numbers=asked).numbers()
        assert found["lv_edv_ml"] == pytest.approx(240, rel=0.01)
        assert found["lv_ef_percent"] == pytest.approx(22, abs=0.5)
        assert found["wall_max_mm"] == pytest.approx(14, abs=1.0)


def test_an_end_systolic_volume_alone_can_be_asked(generator: AnatomyGenerator) -> None:
    for seed in range(3):
        found = generator.sample({}, seed, numbers={"lv_esv_ml": 90.0, "rv_esv_ml": 70.0}).numbers()
        assert found["lv_esv_ml"] == pytest.approx(90, rel=0.01)
        assert found["rv_esv_ml"] == pytest.approx(70, rel=0.01)


def test_numbers_without_a_diagnosis_go_to_somebody_who_could_have_them(generator: AnatomyGenerator) -> None:
    drawn = [generator.sample({}, s, numbers={"lv_ef_percent": 18.0, "lv_edv_ml": 300.0}) for s in range(8)]
    assert {d.attributes["diagnosis"] for d in drawn} == {"DCM"}


def test_disease_shows_where_it_should(generator: AnatomyGenerator) -> None:
    drawn = {
        diagnosis: [generator.sample({"diagnosis": diagnosis}, s).numbers() for s in range(12)]
        for diagnosis in ("NOR", "DCM", "HCM", "RV")
    }

    def mean(diagnosis: str, name: str) -> float:
        return float(np.mean([numbers[name] for numbers in drawn[diagnosis]]))

    assert mean("DCM", "lv_edv_ml") > 1.6 * mean("NOR", "lv_edv_ml")
    assert mean("DCM", "lv_ef_percent") < 40 < 55 < mean("NOR", "lv_ef_percent")
    assert mean("HCM", "wall_max_mm") > 1.3 * mean("NOR", "wall_max_mm")
    assert mean("RV", "rv_edv_ml") > 1.3 * mean("NOR", "rv_edv_ml")


def test_severity_moves_the_disease_and_holds_the_rest(generator: AnatomyGenerator) -> None:
    who = {"sex": "male", "age": 60.0, "diagnosis": "DCM"}
    sweep = [generator.sample(who, 3, severity=s) for s in (0.0, 0.5, 1.0, 1.5, 2.0)]
    volumes = [h.numbers()["lv_edv_ml"] for h in sweep]
    fractions = [h.numbers()["lv_ef_percent"] for h in sweep]
    assert volumes == sorted(volumes)
    assert fractions == sorted(fractions, reverse=True)
    assert len({(h.attributes["bmi"], h.attributes["height_cm"], h.slice_step_mm) for h in sweep}) == 1
    steps = np.diff(volumes)
    assert steps.max() < 4 * steps.min()  # continuous: no jump between neighbours


def test_without_severity_a_patient_has_the_heart_of_the_same_person_in_health(generator: AnatomyGenerator) -> None:
    who = {"sex": "female", "age": 50.0, "bmi": 24.0, "height_cm": 165.0}
    for diagnosis in ("DCM", "HCM"):
        ill = generator.sample({**who, "diagnosis": diagnosis}, 6, severity=0.0)
        assert np.array_equal(ill.mask, generator.sample({**who, "diagnosis": "NOR"}, 6).mask)


def test_severity_never_leaves_what_hearts_can_be_asked_for(generator: AnatomyGenerator) -> None:
    for seed in range(4):
        numbers = generator.sample({"diagnosis": "DCM", "sex": "male"}, seed, severity=2.5).numbers()
        assert numbers["lv_edv_ml"] <= 606
        assert numbers["lv_ef_percent"] >= 3.9


def test_no_ventricle_reaches_below_the_apex(generator: AnatomyGenerator) -> None:
    for seed in range(10):
        for frame in generator.sample({}, seed).mask:
            lowest = {label: np.flatnonzero((frame == label).any(axis=(1, 2)))[-1] for label in (1, 2, 3)}
            assert lowest[Label.MYOCARDIUM] >= max(lowest[Label.LV], lowest[Label.RV])


def test_every_mask_is_a_heart_and_the_same_seed_gives_the_same_one(generator: AnatomyGenerator) -> None:
    for seed in range(10):
        heart = generator.sample({}, seed)
        assert heart.mask.shape[0] == 2
        assert all(implausible(heart.mask[:, z]) is None for z in range(heart.mask.shape[1]))
        assert np.array_equal(heart.mask, generator.sample({}, seed).mask)


def test_asked_attributes_are_kept_and_the_others_drawn_to_fit(generator: AnatomyGenerator) -> None:
    person = generator.sample({"sex": "female", "height_cm": 160.0, "weight_kg": 90.0}, 1).attributes
    assert person["bmi"] == pytest.approx(90 / 1.6**2, abs=0.1)
    assert person["sex"] == "female"
    assert 18 <= float(person["age"]) <= 95
    assert generator.sample({"diagnosis": "HF"}, 2).attributes["diagnosis"] in ("DCM", "HFpEF")


def test_pixel_size_changes_pixels_and_not_the_heart(generator: AnatomyGenerator) -> None:
    fine, coarse = generator.sample({}, 4), generator.sample({}, 4, size=64, spacing_mm=3.0)
    assert coarse.mask.shape[2:] == (64, 64)
    assert coarse.numbers()["lv_edv_ml"] == pytest.approx(fine.numbers()["lv_edv_ml"], rel=0.03)


def test_a_small_image_shows_a_part_of_the_same_heart(generator: AnatomyGenerator) -> None:
    whole, part = generator.sample({}, 4).mask, generator.sample({}, 4, size=64).mask
    assert np.array_equal(part, whole[:, :, 32:96, 32:96])


@pytest.mark.parametrize(
    ("numbers", "named"),
    [
        ({"lv_ef_percent": 140.0}, "expected 4 to 88 %, got 140"),
        ({"lv_edv_ml": 100.0, "lv_esv_ml": 120.0}, "expected less than the EDV"),
        ({"lv_edv_ml": 100.0, "lv_esv_ml": 50.0, "lv_ef_percent": 20.0}, "50 %, not 20 %"),
        ({"shoe": 1.0}, "got 'shoe'"),
    ],
)
def test_impossible_hearts_are_refused(generator: AnatomyGenerator, numbers: dict[str, float], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        generator.sample({}, 1, numbers=numbers)


def test_unknown_diagnoses_and_severities_are_refused(generator: AnatomyGenerator) -> None:
    with pytest.raises(SettingsError, match="it knows DCM, HCM"):
        generator.sample({"diagnosis": "Fabry"}, 1)
    with pytest.raises(SettingsError, match="severity"):
        generator.sample({}, 1, severity=9.0)


def test_it_learns_from_a_cohort_and_survives_storage(phantom_cohort: Cohort, tmp_path: Path) -> None:
    made = AnatomyGenerator.fit(phantom_cohort)
    made.save(tmp_path / "anatomy.npz")
    assert (tmp_path / "anatomy.npz").stat().st_size < 2_000_000
    again = AnatomyGenerator.load(tmp_path / "anatomy.npz")
    heart = again.sample({"sex": "male"}, 5, size=64, spacing_mm=3.0)
    assert heart.numbers()["lv_edv_ml"] == pytest.approx(heart.requested["lv_edv_ml"], rel=0.03)


def test_too_few_subjects_and_foreign_files_are_refused(phantom_cohort: Cohort, tmp_path: Path) -> None:
    few = phantom_cohort.select(subject_id=list(phantom_cohort.subjects["subject_id"][:4]))
    with pytest.raises(CohortError, match="at least 10 training subjects"):
        AnatomyGenerator.fit(few)
    (tmp_path / "x.npz").write_bytes(b"nothing")
    with pytest.raises(CohortError, match="expected an anatomy generator"):
        AnatomyGenerator.load(tmp_path / "x.npz")


@pytest.fixture(scope="module")
def real(phantom_cohort: Cohort) -> Anatomy:
    return next(iter(real_anatomies(phantom_cohort)))


def test_real_masks_measure_what_the_cohort_does(phantom_cohort: Cohort, real: Anatomy) -> None:
    subject = real.source.removeprefix("real:")
    volumes = phantom_cohort.volumes()
    mine = volumes[(volumes["subject_id"] == subject) & (volumes["phase"] == "ED")].iloc[0]
    assert real.numbers()["lv_edv_ml"] == pytest.approx(mine["lv_ml"], rel=0.03)


def test_deformed_masks_are_nobodys_but_still_hearts(real: Anatomy) -> None:
    bent = deform(real, np.random.default_rng(0))
    assert bent.source.startswith("deformed:")
    assert (bent.mask != real.mask).mean() > 0.01
    assert all(implausible(bent.mask[:, z]) is None for z in range(1, bent.mask.shape[1] - 1))
    assert bent.numbers()["lv_edv_ml"] == pytest.approx(real.numbers()["lv_edv_ml"], rel=0.25)
    assert np.array_equal(deform(real, np.random.default_rng(0)).mask, bent.mask)
