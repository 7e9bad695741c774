"""The typed attributes of a subject. Any may be missing, and missing is never a number."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from synthcmr.cohort.reasons import kind_of

SEXES = {**dict.fromkeys(("f", "female", "w", "woman"), "female"), **dict.fromkeys(("m", "male", "man"), "male")}
MISSING_WORDS = {"", "na", "n/a", "nan", "none", "null", "unknown", "missing", "-", "?", "not available"}
VENDOR_HINTS = {
    "siemens": "Siemens",
    "philips": "Philips",
    "ge ": "GE",
    "ge": "GE",
    "general electric": "GE",
    "canon": "Canon",
    "toshiba": "Canon",
    "united imaging": "United Imaging",
    "uih": "United Imaging",
}


@dataclass(frozen=True)
class Attribute:
    """One named, typed property of a subject."""

    name: str
    kind: Literal["category", "number"]
    unit: str = ""
    low: float = -math.inf  # values outside [low, high] cannot be real and are treated as missing
    high: float = math.inf
    about: str = ""


ATTRIBUTES: dict[str, Attribute] = {
    a.name: a
    for a in (
        Attribute("sex", "category", about="female or male"),
        Attribute("age", "number", "years", 0, 120),
        Attribute("height_cm", "number", "cm", 30, 260),
        Attribute("weight_kg", "number", "kg", 1, 450),
        Attribute("bmi", "number", "kg/m2", 8, 120, "computed from height and weight where it is not given"),
        Attribute("diagnosis", "category", about="as the data set names it, e.g. NOR, DCM, HCM, MINF, RV"),
        Attribute("systolic_bp", "number", "mmHg", 40, 300),
        Attribute("diastolic_bp", "number", "mmHg", 20, 200),
        Attribute("heart_rate", "number", "1/min", 20, 250),
        Attribute("vendor", "category", about="scanner manufacturer"),
        Attribute("scanner", "category", about="scanner model"),
        Attribute("field_strength_t", "number", "T", 0.01, 21),
        Attribute("centre", "category", about="where the scan was made"),
    )
}

TALLEST_M = 3.0  # a height without unit up to this can only be metres
Value = str | float | int | bool
DRAWN = "drawn"  # column of generated subjects: the attributes that were not requested, separated by commas


def clean(attributes: Mapping[str, object]) -> tuple[dict[str, Value], list[str]]:
    """Type the attributes of one subject.

    Returns:
        The attributes that are present, typed, and a note for every value that could not be what it says.
    """
    kept: dict[str, Value] = {}
    notes: list[str] = []
    for name, raw in attributes.items():
        if is_missing(raw):
            continue
        try:
            kept[name] = _typed(name, raw)
        except ValueError as error:
            notes.append(f"{error}; treated as missing")
    if "bmi" not in kept and "height_cm" in kept and "weight_kg" in kept:
        bmi = float(kept["weight_kg"]) / (float(kept["height_cm"]) / 100.0) ** 2
        if ATTRIBUTES["bmi"].low <= bmi <= ATTRIBUTES["bmi"].high:
            kept["bmi"] = round(bmi, 2)
        else:
            notes.append(
                f"bmi: height {kept['height_cm']} cm and weight {kept['weight_kg']} kg give {bmi:.0f}; left missing"
            )
    return kept, notes


def is_missing(raw: object) -> bool:
    """Whether a raw value says nothing: None, NaN, or a word for "unknown"."""
    if raw is None:
        return True
    if isinstance(raw, float) and math.isnan(raw):
        return True
    return isinstance(raw, str) and raw.strip().lower() in MISSING_WORDS


def parse_sex(raw: object) -> str:
    """Female or male from F, M, Female, male, woman, man and the like.

    Raises:
        ValueError: anything else. Numbers are refused: whether 0 or 1 is female differs between data sets, so each reader maps its own.
    """
    key = str(raw).strip().lower()
    if key not in SEXES:
        raise ValueError(f"sex: expected one of {sorted(SEXES)}, got {kind_of(raw)}")
    return SEXES[key]


def parse_vendor(raw: object) -> str:
    """One spelling per manufacturer ("SIEMENS", "Siemens Healthineers" -> "Siemens"); unknown ones are kept as they are."""
    text = str(raw).strip()
    lowered = text.lower()
    for hint, vendor in VENDOR_HINTS.items():
        if lowered == hint.strip() or lowered.startswith(hint.strip() + " ") or (len(hint) > 3 and hint in lowered):
            return vendor
    return text


def _typed(name: str, raw: object) -> Value:
    if name == "sex":
        return parse_sex(raw)
    if name == "vendor":
        return parse_vendor(raw)
    spec = ATTRIBUTES.get(name)
    if spec is None:
        return _untyped(raw)
    if spec.kind == "category":
        return str(raw).strip()
    return _number(spec, raw)


def _number(spec: Attribute, raw: object) -> float:
    match = re.fullmatch(r"\s*([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*[a-zA-Z/²2]*\s*", str(raw))
    if match is None:
        raise ValueError(f"{spec.name}: expected a number in {spec.unit}, got {kind_of(raw)}")
    value = float(match.group(1).replace(",", "."))
    if not spec.low <= value <= spec.high:
        raise ValueError(f"{spec.name}: expected {spec.low:g} to {spec.high:g} {spec.unit}, got {value:g}")
    return value


def _untyped(raw: object) -> Value:
    """Keep an unknown column's value as the plain type it has."""
    if isinstance(raw, (bool, int, float, str)):
        return raw.strip() if isinstance(raw, str) else raw
    item = getattr(raw, "item", None)
    return item() if callable(item) else str(raw)
