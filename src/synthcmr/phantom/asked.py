"""A phantom of whoever is asked for: every number that was asked is the subject's own, the rest is drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthcmr.phantom.population import chest_fat_mm, epicardial_fat_ml
from synthcmr.phantom.scanners import SCANNERS, draw_protocol
from synthcmr.phantom.subject import HeartTargets, PhantomSubject, Protocol

STREAM = 0x5EEF  # random numbers of a subject that is asked for never meet those of a population
HEART_RATE, SYSTOLIC_BP = (65.0, 9.0), (135.0, 16.0)
Attributes = Mapping[str, object]


def subject_as_asked(
    name: str, seed: int, person: Attributes, numbers: Mapping[str, float], rotation_sd_deg: float = 8.0
) -> PhantomSubject:
    """A subject with given attributes and heart.

    Args:
        name: of the subject.
        seed: decides everything that is not given, anatomy around the heart and scan among it.
        person: sex, age, height_cm, bmi (or weight_kg) and diagnosis; heart_rate, systolic_bp, chest_fat_mm,
            epicardial_fat_ml, vendor and field_strength_t where they are asked.
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
    protocol = asked_protocol(person, rotation_sd_deg, rng)
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


def asked_protocol(asked: Attributes, rotation_sd_deg: float, rng: np.random.Generator) -> Protocol:
    """How one is scanned: by a scanner of the asked manufacturer and field, by any where none of ours is."""
    usual = {name: scanner for name, scanner in SCANNERS.items() if not scanner.contrast_spread}
    fitting = [
        name
        for name, scanner in usual.items()
        if str(asked.get("vendor") or scanner.vendor) == scanner.vendor
        and abs(_number(asked, "field_strength_t", scanner.field_strength_t) - scanner.field_strength_t) < 0.3
    ]
    vendors = [name for name, scanner in usual.items() if str(asked.get("vendor")) == scanner.vendor]
    names = fitting or vendors or list(usual)
    return draw_protocol(names[int(rng.integers(len(names)))], rotation_sd_deg, rng)


def _number(asked: Attributes, name: str, otherwise: float) -> float:
    value = asked.get(name)
    return otherwise if value is None or value == "" or value != value else float(str(value))
