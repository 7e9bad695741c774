"""Who is in a phantom cohort: published means and spreads, disease criteria, tangled attributes, independence of order."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from synthcmr.config import PreprocessSettings
from synthcmr.errors import SettingsError
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.phantom.population import PRESETS, draw_subject
from synthcmr.phantom.subject import PhantomSubject


def _table(preset: str, n: int, seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame([_row(draw_subject(preset, i, seed)) for i in range(n)])


def _row(s: PhantomSubject) -> dict[str, object]:
    t = s.targets
    return {
        "sex": s.sex,
        "diagnosis": s.diagnosis,
        "split": s.split,
        "vendor": s.protocol.vendor,
        "obese": s.bmi >= 30,
        "bmi": s.bmi,
        "bsa": s.bsa,
        "fat": s.chest_fat_mm,
        "edv": t.lv_edv_ml,
        "ef": t.lv_ef_percent,
        "mass": t.lv_mass_g,
        "rv": t.rv_edv_ml,
        "rv_ef": t.rv_ef_percent,
    }


@pytest.fixture(scope="module")
def population() -> pd.DataFrame:
    return _table("population", 2000)


@pytest.mark.parametrize(
    ("sex", "measure", "mean", "spread"),
    [
        ("male", "edv", 166, 32),
        ("female", "edv", 124, 21),
        ("male", "ef", 58, 5),
        ("female", "ef", 61, 5),
        ("male", "mass", 103, 21),
        ("female", "mass", 70, 13),
        ("male", "rv", 182, 36),
        ("female", "rv", 130, 24),
    ],
)
def test_healthy_people_have_the_published_means_and_spreads(
    population: pd.DataFrame, sex: str, measure: str, mean: float, spread: float
) -> None:
    # Petersen 2017 (UK Biobank, JCMR 19:18), papillary muscles in the blood pool
    values = population[(population.sex == sex) & (population.diagnosis == "NOR")][measure]
    assert values.mean() == pytest.approx(mean, rel=0.05)
    assert 0.7 * spread < values.std() < 1.15 * spread


def test_heavier_people_have_larger_hearts_and_more_fat(population: pd.DataFrame) -> None:
    men = population[(population.sex == "male") & (population.diagnosis == "NOR")]
    heavy, light = men[men.bmi > 30], men[men.bmi < 25]
    assert heavy["mass"].mean() > 1.08 * light["mass"].mean()
    assert heavy["fat"].mean() > 1.3 * light["fat"].mean()


def test_diagnoses_fulfil_the_criteria_of_their_groups() -> None:
    sick = _table("acdc-like", 1000)
    dcm, hcm, minf, rv = (sick[sick.diagnosis == d] for d in ("DCM", "HCM", "MINF", "RV"))
    assert (dcm.ef < 40).all()
    assert (dcm.edv / dcm.bsa > 100).all()
    assert (hcm.ef > 55).all()
    assert (minf.ef < 40).all()
    assert ((rv.rv / rv.bsa > 100) | (rv.rv_ef < 40)).all()
    assert set(sick.diagnosis) == {"NOR", "DCM", "HCM", "MINF", "RV"}


@pytest.mark.parametrize("attribute", ["sex", "obese", "vendor"])
def test_biased_preset_tangles_diagnosis_in_training_and_not_in_test(attribute: str) -> None:
    table = _table("biased", 3000)
    strength = {
        split: association(pd.crosstab(part.diagnosis, part[attribute])) for split, part in table.groupby("split")
    }
    assert strength["train"] > 0.35
    assert strength["test"] < 0.12
    share = table.groupby("split").diagnosis.apply(lambda d: (d == "DCM").mean())
    assert share["test"] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_subject_depends_on_preset_index_and_seed_alone(preset: str) -> None:
    assert draw_subject(preset, 7, 3) == draw_subject(preset, 7, 3)
    assert draw_subject(preset, 7, 3) != draw_subject(preset, 8, 3)
    assert draw_subject(preset, 7, 3).targets != draw_subject(preset, 7, 4).targets


def test_vendors_preset_has_all_scanners() -> None:
    subjects = [draw_subject("vendors", i, 0) for i in range(200)]
    seen = {(s.protocol.vendor, s.protocol.field_strength_t) for s in subjects}
    assert seen == {("Siemens", 1.5), ("Siemens", 3.0), ("Philips", 1.5), ("GE", 1.5), ("Canon", 1.5)}
    assert np.ptp([s.protocol.pixel_mm for s in subjects]) > 0.7


def test_a_preset_that_brings_its_splits_fills_each_as_asked(tmp_path: Path) -> None:
    small = PreprocessSettings(size=32, spacing_mm=4.0)
    wanted = {"train": 2, "test": 1}
    cohort = make_phantoms(tmp_path / "c", "biased", preprocess=small, workers=1, splits=wanted)
    assert cohort.subjects["split"].value_counts().to_dict() == wanted
    with pytest.raises(SettingsError, match="such as biased; got 'vendors'"):
        make_phantoms(tmp_path / "v", "vendors", splits=wanted)
    with pytest.raises(SettingsError, match="expected some of train, validation, test"):
        make_phantoms(tmp_path / "t", "biased", splits={"tset": 1})
