"""Combinations that do not occur in medicine, each with its reason. When in doubt a combination is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from synthcmr.cohort.grouping import Bin

ADULT = 18.0
# Heights that children do not leave (years: shortest, tallest, cm): well outside the 0.1st and 99.9th percentile of growth charts.
GROWTH = ((0.0, 38, 62), (1.0, 60, 90), (5.0, 85, 135), (10.0, 105, 170), (15.0, 120, 205), (ADULT, 120, 230))
ADULT_HEIGHT_CM = (100.0, 245.0)
BMI_LIMITS = (9.0, 100.0)  # beyond them no patient lies in a scanner
BMI_AGREES = 0.03  # share by which BMI may differ from weight over height squared: both are rounded
PULSE_PRESSURE_MMHG = 5.0


@dataclass(frozen=True)
class MedicalRule:
    """What a diagnosis demands of the person who has it."""

    diagnosis: str  # regular expression, searched anywhere in the name
    reason: str
    sex: str | None = None
    ages: tuple[float, float] = (0.0, inf)  # from, and below


RULES = (
    MedicalRule(r"peripartum|postpartum|\bppcm\b", "it begins around childbirth", "female", (12.0, inf)),
    MedicalRule(r"pre-?eclampsia|gestational|pregnan", "it belongs to pregnancy", "female", (10.0, inf)),
    MedicalRule(r"\bturner syndrome|\bovarian|\buterine", "only women have it", "female"),
    MedicalRule(r"klinefelter|\bprostat|\btesticular", "only men have it", "male"),
    MedicalRule(
        r"attr-?wt|wild-?type|senile.*amyloid", "wild-type transthyretin amyloid takes decades", None, (45.0, inf)
    ),
    MedicalRule(r"amyloid|\battr\b", "cardiac amyloid is a disease of adults", None, (ADULT, inf)),
    MedicalRule(
        r"\bhfpef\b|preserved ejection", "heart failure with preserved EF is defined for adults", None, (ADULT, inf)
    ),
    MedicalRule(
        r"\bminf\b|\bicm\b|infarct|(?<!non[- ])(?<!non)ischa?emic",
        "coronary disease infarcts no children's hearts",
        None,
        (12.0, inf),
    ),
)


def contradictions(attributes: Mapping[str, object]) -> list[str]:
    """Why no person can have these attributes together; empty where they can."""
    numbers = {k: float(v) for k, v in attributes.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    results = [
        _broken(rule, attributes.get("sex"), numbers.get("age")) for rule in rules_of(attributes.get("diagnosis"))
    ]
    return [reason for reason in (*results, _body(numbers), _growth(numbers), _pressure(numbers)) if reason]


def cell_contradicts(groups: Mapping[str, str], ages: Mapping[str, Bin] | None) -> str:
    """Why a cell of groups cannot be occupied; empty where it may be.

    Args:
        groups: attribute -> group.
        ages: how ages are cut; None where they form groups by their own values.
    """
    group = groups.get("age")
    cut = ages.get(group) if ages is not None and group is not None else None
    for rule in rules_of(groups.get("diagnosis")):
        if reason := _broken(rule, groups.get("sex"), None):
            return reason
        if cut is not None and (cut.high <= rule.ages[0] or cut.low >= rule.ages[1]):
            return _aged(rule)
    return ""


def rules_of(diagnosis: object) -> list[MedicalRule]:
    """Those that a diagnosis is subject to."""
    return [rule for rule in RULES if diagnosis and re.search(rule.diagnosis, str(diagnosis), re.IGNORECASE)]


def _broken(rule: MedicalRule, sex: object, age: float | None) -> str:
    if rule.sex is not None and sex in ("female", "male") and sex != rule.sex:
        return f"{rule.reason}: not in {'men' if rule.sex == 'female' else 'women'}"
    return _aged(rule) if age is not None and not rule.ages[0] <= age < rule.ages[1] else ""


def _aged(rule: MedicalRule) -> str:
    low, high = rule.ages
    return f"{rule.reason}: not {f'before {low:g}' if high == inf else f'outside {low:g} to {high:g}'} years"


def _body(numbers: Mapping[str, float]) -> str:
    bmi, height, weight = (numbers.get(k) for k in ("bmi", "height_cm", "weight_kg"))
    if bmi is not None and not BMI_LIMITS[0] <= bmi <= BMI_LIMITS[1]:
        return f"BMI {bmi:g} is outside {BMI_LIMITS[0]:g} to {BMI_LIMITS[1]:g}"
    if bmi is None or height is None or weight is None:
        return ""
    computed = weight / (height / 100) ** 2
    return (
        f"{height:g} cm and {weight:g} kg give BMI {computed:.1f}, not {bmi:g}"
        if abs(computed / bmi - 1) > BMI_AGREES
        else ""
    )


def _growth(numbers: Mapping[str, float]) -> str:
    from numpy import interp

    height, age = numbers.get("height_cm"), numbers.get("age", ADULT)
    if height is None:
        return ""
    ages, shortest, tallest = zip(*GROWTH, strict=True)
    low, high = ADULT_HEIGHT_CM if age >= ADULT else (float(interp(age, ages, x)) for x in (shortest, tallest))
    return "" if low <= height <= high else f"no person of {age:g} years is {height:g} cm tall"


def _pressure(numbers: Mapping[str, float]) -> str:
    high, low = numbers.get("systolic_bp"), numbers.get("diastolic_bp")
    if high is None or low is None or high >= low + PULSE_PRESSURE_MMHG:
        return ""
    return f"systolic {high:g} is not above diastolic {low:g} mmHg"
