"""Phantom subjects: who is in a cohort (the presets), body, disease and what the heart measures, sampled or as requested.

They are sampled with the dependences that studies report.
Healthy means and spreads: UK Biobank, papillary muscles counted as blood (Petersen 2017, JCMR 19:18); body size and blood
pressure: PLoS One 12:e0185114. Disease: the criteria by which ACDC and M&Ms-2 put patients into groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from synthcmr.phantom.acquisition.scan import SCANNERS, draw_protocol
from synthcmr.phantom.subject import HeartTargets, PhantomSubject, Protocol

DIAGNOSES = ("NOR", "HTN", "HFpEF", "DCM", "HCM", "MINF", "RV")

# Shares for developing models: far more disease than a population has, as phantom research needs it.
DEVELOPMENT = {"NOR": 0.45, "HTN": 0.15, "HFpEF": 0.05, "DCM": 0.10, "HCM": 0.10, "MINF": 0.10, "RV": 0.05}
# A population study: mostly healthy, hypertension common, heart failure and infarction rare (UK Biobank imaging).
POPULATION_MEN = {"NOR": 0.585, "HTN": 0.35, "HFpEF": 0.004, "DCM": 0.008, "HCM": 0.003, "MINF": 0.03, "RV": 0.02}
POPULATION_WOMEN = {"NOR": 0.67, "HTN": 0.30, "HFpEF": 0.003, "DCM": 0.003, "HCM": 0.002, "MINF": 0.008, "RV": 0.014}
ACDC_GROUPS = {"NOR": 0.2, "DCM": 0.2, "HCM": 0.2, "MINF": 0.2, "RV": 0.2}
BALANCED = {"NOR": 0.5, "DCM": 0.5}
# What a generator should have seen: every disease in numbers, in both sexes and at any age.
EVERYONE = {"NOR": 0.22, "HTN": 0.13, "HFpEF": 0.13, "DCM": 0.13, "HCM": 0.13, "MINF": 0.13, "RV": 0.13}

VARIED = {"NOR": 0.22, "HTN": 0.10, "HFpEF": 0.05, "DCM": 0.16, "HCM": 0.16, "MINF": 0.15, "RV": 0.16}
# sex -> (mean at 60 years, BMI 27, 138 mmHg; change per year)
LV_EDV = {"male": (166.0, -0.6), "female": (124.0, -0.45)}
RV_EDV = {"male": (182.0, -0.8), "female": (130.0, -0.6)}
LV_MASS = {"male": (103.0, -0.25), "female": (70.0, 0.0)}
LV_EF = {"male": 58.0, "female": 61.0}
RV_EF = {"male": 54.0, "female": 58.0}
REFERENCE_HEIGHT = {"male": 176.0, "female": 163.0}
# residual spreads of ln EDV, ln RVEDV, ln mass: what is left of the population's spread once body, age and pressure explain their part
RESIDUAL = (0.13, 0.14, 0.12)
CORRELATION = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.5], [0.6, 0.5, 1.0]])


@dataclass(frozen=True)
class Preset:
    """What decides the people and the scanners of a cohort."""

    about: str
    men: dict[str, float]  # diagnosis -> share
    women: dict[str, float]
    share_women: float = 0.5
    scanners: dict[str, float] = field(default_factory=lambda: {"siemens-1.5": 1.0})
    age: tuple[float, float] = (64.0, 7.7)  # mean and standard deviation, years
    age_range: tuple[float, float] = (45.0, 85.0)
    rotation_sd_deg: float = 8.0
    brings_split: bool = False
    mass_factor: float = 1.0  # how much thicker than in UK Biobank the annotators draw the wall
    lv_factor: float = 1.0  # how much larger than in UK Biobank the healthy ventricles measure
    rv_factor: float = 1.0


PRESETS: dict[str, Preset] = {
    "population": Preset("people as a population study meets them, one scanner", POPULATION_MEN, POPULATION_WOMEN),
    "biased": Preset(
        "unfair by design: diagnosis tangled with sex, BMI and vendor; the test split is balanced",
        BALANCED,
        BALANCED,
        scanners={"siemens-1.5": 0.5, "philips-1.5": 0.5},
        brings_split=True,
    ),
    "vendors": Preset(
        "four manufacturers, two field strengths",
        DEVELOPMENT,
        DEVELOPMENT,
        scanners={"siemens-1.5": 0.2, "siemens-3": 0.2, "philips-1.5": 0.2, "ge-1.5": 0.2, "canon-1.5": 0.2},
        rotation_sd_deg=15.0,
    ),
    "everyone": Preset(
        "every disease in both sexes, young and old, on four manufacturers: to train generators on",
        EVERYONE,
        EVERYONE,
        scanners={"siemens-1.5": 0.3, "siemens-3": 0.2, "philips-1.5": 0.2, "ge-1.5": 0.15, "canon-1.5": 0.15},
        age=(56.0, 16.0),
        age_range=(18.0, 90.0),
    ),
    "acdc-like": Preset(
        "patients, scanners and fields of view as varied as in ACDC",
        ACDC_GROUPS,
        ACDC_GROUPS,
        share_women=0.4,
        scanners={"siemens-1.5-any": 0.7, "siemens-3-any": 0.3},
        age=(55.0, 15.0),
        age_range=(18.0, 88.0),
        rotation_sd_deg=22.0,
        mass_factor=1.05,
        lv_factor=0.82,
        rv_factor=0.90,
    ),
    "varied": Preset(
        "beyond any one scanner: any vendor, resolution, rotation and contrast; to train segmenters for scanners nobody modelled",
        VARIED,
        VARIED,
        scanners={
            "any-siemens-1.5": 0.2,
            "any-siemens-3": 0.15,
            "any-philips-1.5": 0.15,
            "any-philips-3": 0.1,
            "any-ge-1.5": 0.15,
            "any-ge-3": 0.1,
            "any-canon-1.5": 0.15,
        },
        age=(52.0, 18.0),
        age_range=(18.0, 90.0),
        mass_factor=1.1,
        lv_factor=0.9,
        rv_factor=0.95,
    ),
}


def heart_targets(
    sex: str,
    age: float,
    height_cm: float,
    bmi: float,
    pressure: float,
    diagnosis: str,
    rng: np.random.Generator,
    measured: tuple[float, float] = (1.0, 1.0),
) -> HeartTargets:
    """Draw volumes and mass for one person; healthy LV and RV volumes measure `measured` times those of UK Biobank."""
    noise = np.linalg.cholesky(CORRELATION) @ rng.standard_normal(3) * RESIDUAL
    size = 2.0 * math.log(height_cm / REFERENCE_HEIGHT[sex])
    fat, push = (bmi - 27.0) / 4.3, (pressure - 138.0) / 18.0
    edv = _scaled(LV_EDV[sex], age, 0.047 * fat + 0.044 * push + size + noise[0]) * measured[0]
    rv_edv = _scaled(RV_EDV[sex], age, 0.052 * fat + size + noise[1]) * measured[1]
    mass = _scaled(LV_MASS[sex], age, 0.080 * fat + 0.066 * push + size + noise[2])
    ef = rng.normal(LV_EF[sex], 4.6) - 20.0 * noise[0] * 0.2
    rv_ef = rng.normal(RV_EF[sex], 5.0)
    bsa = math.sqrt(height_cm * bmi * (height_cm / 100) ** 2 / 3600.0)
    edv, ef, mass, rv_edv, rv_ef = _diseased(diagnosis, edv, ef, mass, rv_edv, rv_ef, bsa, rng)
    ef, rv_ef = float(np.clip(ef, 8, 80)), float(np.clip(rv_ef, 12, 75))
    return HeartTargets(edv, edv * (1 - ef / 100), mass, rv_edv, rv_edv * (1 - rv_ef / 100))


def _scaled(mean_and_slope: tuple[float, float], age: float, log_factor: float) -> float:
    mean, slope = mean_and_slope
    return (mean + slope * (age - 60.0)) * math.exp(log_factor)


def _diseased(
    diagnosis: str,
    edv: float,
    ef: float,
    mass: float,
    rv_edv: float,
    rv_ef: float,
    bsa: float,
    rng: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    if diagnosis == "DCM":
        edv = bsa * rng.uniform(105, 200)
        ef = float(np.clip(rng.normal(22, 8), 9, 39))
        mass *= rng.uniform(1.3, 1.95)
        rv_edv, rv_ef = rv_edv * rng.uniform(0.8, 1.5), rv_ef * rng.uniform(0.35, 1.0)
    elif diagnosis == "HCM":
        edv, ef = edv * rng.uniform(0.8, 1.1), float(np.clip(rng.normal(67, 6), 56, 80))
        mass *= rng.uniform(1.45, 2.15)
        rv_edv *= rng.uniform(0.65, 1.0)
    elif diagnosis == "MINF":
        edv, ef = edv * rng.uniform(1.05, 1.6), float(np.clip(rng.normal(31, 7), 14, 39))
        mass *= rng.uniform(1.05, 1.4)
        rv_edv, rv_ef = rv_edv * rng.uniform(0.65, 1.0), rv_ef * rng.uniform(0.8, 1.1)
    elif diagnosis == "RV":
        rv_edv, rv_ef = bsa * rng.uniform(82, 145), float(np.clip(rng.normal(34, 13), 12, 60))
        if rv_edv < 105 * bsa:  # else the criterion of volume is not met
            rv_ef = min(rv_ef, 39.0)
        edv, mass, ef = edv * rng.uniform(0.7, 1.1), mass * rng.uniform(0.65, 1.0), ef - 4.0
    elif diagnosis == "HTN":
        mass, ef = mass * rng.uniform(1.1, 1.5), ef + 2.0
    elif diagnosis == "HFpEF":
        mass, edv = mass * rng.uniform(1.15, 1.5), edv * rng.uniform(0.8, 1.0)
        ef = float(np.clip(ef, 51, 70))
    return edv, ef, mass, rv_edv, rv_ef


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
            sex, diagnosis, bmi, scanner = _confounded(rng)
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


def _confounded(rng: np.random.Generator) -> tuple[str, str, float, str]:
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


STREAM = 0x5EEF  # random numbers of a requested subject never meet those of a population
HEART_RATE, SYSTOLIC_BP = (65.0, 9.0), (135.0, 16.0)
Attributes = Mapping[str, object]


def requested_subject(
    name: str, seed: int, person: Attributes, numbers: Mapping[str, float], rotation_sd_deg: float = 8.0
) -> PhantomSubject:
    """A subject with given attributes and heart.

    Args:
        name: of the subject.
        seed: decides everything that is not given, anatomy around the heart and scan among it.
        person: sex, age, height_cm, bmi (or weight_kg) and diagnosis; heart_rate, systolic_bp, chest_fat_mm,
            epicardial_fat_ml, vendor and field_strength_t where they are requested.
        numbers: lv_edv_ml, lv_esv_ml, lv_mass_g, rv_edv_ml and rv_esv_ml.
        rotation_sd_deg: of the field of view around the heart.
    """
    rng = np.random.default_rng(np.random.SeedSequence([STREAM, seed]))
    sex, diagnosis = str(person.get("sex") or "male"), str(person.get("diagnosis") or "NOR")
    age, height = _number(person, "age", 60.0), _number(person, "height_cm", 170.0)
    weight = _number(person, "weight_kg", _number(person, "bmi", 26.5) * (height / 100.0) ** 2)
    bmi = weight / (height / 100.0) ** 2
    fat, around_heart = chest_fat_mm(sex, bmi, rng), epicardial_fat_ml(bmi, age, diagnosis, rng)
    rate, pressure = (float(round(rng.normal(*usual))) for usual in (HEART_RATE, SYSTOLIC_BP))
    protocol = requested_protocol(person, rotation_sd_deg, rng)
    return PhantomSubject(
        subject_id=name,
        seed=int(rng.integers(2**31)),
        sex=sex,
        age=age,
        height_cm=height,
        weight_kg=round(weight, 1),
        systolic_bp=_number(person, "systolic_bp", pressure),
        heart_rate=_number(person, "heart_rate", rate),
        diagnosis=diagnosis,
        targets=HeartTargets(
            *(numbers[key] for key in ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "rv_esv_ml"))
        ),
        protocol=protocol,
        chest_fat_mm=_number(person, "chest_fat_mm", fat),
        epicardial_fat_ml=_number(person, "epicardial_fat_ml", around_heart),
    )


def requested_protocol(requested: Attributes, rotation_sd_deg: float, rng: np.random.Generator) -> Protocol:
    """The protocol of a requested subject: of a scanner of the manufacturer and field, or of any where there is none."""
    usual = {name: scanner for name, scanner in SCANNERS.items() if not scanner.contrast_spread}
    fitting = [
        name
        for name, scanner in usual.items()
        if str(requested.get("vendor") or scanner.vendor) == scanner.vendor
        and abs(_number(requested, "field_strength_t", scanner.field_strength_t) - scanner.field_strength_t) < 0.3
    ]
    vendors = [name for name, scanner in usual.items() if str(requested.get("vendor")) == scanner.vendor]
    names = fitting or vendors or list(usual)
    return draw_protocol(names[int(rng.integers(len(names)))], rotation_sd_deg, rng)


def _number(requested: Attributes, name: str, otherwise: float) -> float:
    value = requested.get(name)
    return otherwise if value is None or value == "" or value != value else float(str(value))
