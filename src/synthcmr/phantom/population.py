"""Drawing subjects: body, disease and what the heart is asked to measure, with the dependences that studies report."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from synthcmr.phantom.disease import heart_targets
from synthcmr.phantom.presets import PRESETS, Preset
from synthcmr.phantom.scanners import draw_protocol
from synthcmr.phantom.subject import PhantomSubject

HEIGHT_CM = {"male": (176.0, 6.6), "female": (163.0, 6.2)}
BMI = {"male": (27.3, 4.0), "female": (26.5, 4.8)}
BMI_RANGE = (16.5, 48.0)
TEST_SHARE = 0.2  # of the biased preset, whose test split is balanced


def draw_subject(preset: str, index: int, seed: int) -> PhantomSubject:
    """Draw one subject.

    It depends on (preset, index, seed) alone, so the first n subjects of a cohort are the same whatever its size.
    """
    rules = PRESETS[preset]
    entropy = np.random.SeedSequence([seed, index, sum(preset.encode())])
    rng = np.random.default_rng(entropy)
    sex = "female" if rng.random() < rules.share_women else "male"
    diagnosis = _choose(rules.women if sex == "female" else rules.men, rng)
    scanner = _choose(rules.scanners, rng)
    bmi = _lognormal(*BMI[sex], BMI_RANGE, rng)
    split = ""
    if rules.brings_split:
        split = "test" if rng.random() < TEST_SHARE else "train" if rng.random() < 0.875 else "validation"
        if split != "test":
            sex, diagnosis, bmi, scanner = _tangled(rng)
    return _subject(f"{preset}-{seed}-{index:05d}", rules, sex, diagnosis, bmi, scanner, split, rng)


def _subject(
    name: str, rules: Preset, sex: str, diagnosis: str, bmi: float, scanner: str, split: str, rng: np.random.Generator
) -> PhantomSubject:
    age = float(np.clip(rng.normal(*rules.age), *rules.age_range))
    height = float(np.clip(rng.normal(*HEIGHT_CM[sex]), 145, 205))
    if diagnosis == "HFpEF":
        bmi, age = min(bmi + 4.0, BMI_RANGE[1]), min(age + 6.0, rules.age_range[1])
    pressure = (
        rng.normal(140 if sex == "male" else 135, 14) + (18 if diagnosis in ("HTN", "HFpEF") else 0) + 0.8 * (bmi - 27)
    )
    rate = float(
        np.clip(rng.normal(62 if sex == "male" else 66, 9) + (10 if diagnosis in ("DCM", "MINF") else 0), 42, 110)
    )
    measured = (rules.lv_factor, rules.rv_factor)
    targets = heart_targets(sex, age, height, bmi, pressure, diagnosis, rng, measured)
    targets = replace(targets, lv_mass_g=targets.lv_mass_g * rules.mass_factor)
    return PhantomSubject(
        subject_id=name,
        seed=int(rng.integers(2**31)),
        sex=sex,
        age=round(age, 1),
        height_cm=round(height, 1),
        weight_kg=round(bmi * (height / 100.0) ** 2, 1),
        systolic_bp=round(float(np.clip(pressure, 90, 215)), 0),
        heart_rate=round(rate, 0),
        diagnosis=diagnosis,
        targets=targets,
        protocol=draw_protocol(scanner, rules.rotation_sd_deg, rng),
        chest_fat_mm=chest_fat_mm(sex, bmi, rng),
        epicardial_fat_ml=epicardial_fat_ml(bmi, age, diagnosis, rng),
        split=split,
    )


def chest_fat_mm(sex: str, bmi: float, rng: np.random.Generator) -> float:
    """Subcutaneous fat at the chest wall, mm: thicker with BMI and in women."""
    mean = 12 + 1.3 * (bmi - 25) if sex == "male" else 17 + 1.5 * (bmi - 25)
    return float(max(4.0, mean * math.exp(rng.normal(0.0, 0.25))))


def epicardial_fat_ml(bmi: float, age: float, diagnosis: str, rng: np.random.Generator) -> float:
    """Epicardial fat, ml: a line through published means of lean and obese groups, with 30 % spread."""
    mean = max(20.0, 64 + 3.0 * (bmi - 22.4) + 0.8 * (age - 50))
    return float(mean * (1.4 if diagnosis == "HFpEF" else 1.0) * math.exp(rng.normal(0.0, 0.3)))


def _tangled(rng: np.random.Generator) -> tuple[str, str, float, str]:
    """Sex, diagnosis, BMI and scanner of the unfair training data: the sick are mostly obese men on one scanner."""
    sick = rng.random() < 0.4
    man = rng.random() < (0.85 if sick else 0.40)
    heavy = rng.random() < (0.80 if sick else 0.30)
    philips = rng.random() < (0.85 if sick else 0.20)
    bmi = float(np.clip(rng.normal(32, 3) if heavy else rng.normal(23.5, 2), *BMI_RANGE))
    scanner = "philips-1.5" if philips else "siemens-1.5"
    return "male" if man else "female", "DCM" if sick else "NOR", bmi, scanner


def _choose(shares: Mapping[str, float], rng: np.random.Generator) -> str:
    names = list(shares)
    weights = np.array([shares[n] for n in names])
    return names[
        int(np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(), side="right").clip(0, len(names) - 1))
    ]


def _lognormal(mean: float, sd: float, limits: tuple[float, float], rng: np.random.Generator) -> float:
    sigma = math.sqrt(math.log(1 + (sd / mean) ** 2))
    value = math.exp(rng.normal(math.log(mean) - sigma**2 / 2, sigma))
    return float(np.clip(value, *limits))
