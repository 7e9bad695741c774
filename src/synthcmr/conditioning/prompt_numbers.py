"""Numbers in a prompt: which measure, in which unit, given once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from synthcmr.cohort.attributes import ATTRIBUTES
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, SEVERITY, HeartNumber, in_range
from synthcmr.conditioning.prompt_text import PromptText
from synthcmr.errors import SettingsError

FLAG = "--prompt"
_ONE = r"\d+(?:[.,]\d+)?(?!\d|[.,]\d|e\d)"
NUMBER = rf"(?:between\s+(?P<a>{_ONE})\s+and\s+(?P<b>{_ONE})|(?P<c>-?{_ONE})(?:\s*(?:-|to)\s*(?P<d>{_ONE}))?)"
IS = r"""["']?\s*(?:(?:of|is|was|=|:|about|around|approximately|approx\.?|circa|~|≈|-(?=\s))\s*){0,3}["']?"""
APART = r"(?<![\w/'-])(?<!\d[.,])"  # a number that is not part of another one
WHOLE_BODY = r"(?!\s*[a-z%]{0,3}\s*/\s*m)"  # 120 ml/m2 is per body surface: not a volume

_ML = {"ml": 1.0, "cc": 1.0, "millilitres": 1.0, "milliliters": 1.0, "l": 1000.0}
_PERCENT = {"%": 1.0, "percent": 1.0, "per cent": 1.0, "pct": 1.0}
_MM = {"mm": 1.0, "cm": 10.0}
_TIME = {"years": 1.0, "year": 1.0, "yrs": 1.0, "yr": 1.0, "yo": 1.0, "y/o": 1.0, "y.o.": 1.0, "y.o": 1.0, "y-o": 1.0}
_RV = r"(?:rv|right[ -]ventric(?:le|ular))\s*-?\s*"
_LV = r"(?:(?:lv|left[ -]ventric(?:le|ular))\s*-?\s*)?"
_PRESSURE = r"(?:\s+(?:bp|pressure|blood pressure))?"


@dataclass(frozen=True)
class Spelling:
    """How one measure is said: its labels as a pattern, its units with what they are times the measure's own."""

    name: str
    labels: str
    units: dict[str, float]
    by_unit: bool = False  # the unit alone says which measure it is
    tail: str = ""  # what may follow

    @property
    def unit(self) -> str:
        """The pattern of its units."""
        return "|".join(re.escape(u) for u in sorted(self.units, key=len, reverse=True)) or r"(?!)"


# In the order in which they are looked for: the narrower label first.
SPELLINGS = (
    Spelling("rv_edv_ml", rf"{_RV}(?:edv|end[ -]?diastolic volume)", _ML),
    Spelling("rv_esv_ml", rf"{_RV}(?:esv|end[ -]?systolic volume)", _ML),
    Spelling("rv_ef_percent", rf"{_RV}(?:ef|ejection fraction)", _PERCENT),
    Spelling("lv_edv_ml", rf"{_LV}(?:edv|end[ -]?diastolic volume)", _ML),
    Spelling("lv_esv_ml", rf"{_LV}(?:esv|end[ -]?systolic volume)", _ML),
    Spelling("lv_ef_percent", rf"{_LV}(?:ef|ejection fraction)", _PERCENT),
    Spelling("bmi", r"b\.?m\.?i\.?|body[ -]mass[ -]index", {"kg/m2": 1.0, "kg/m^2": 1.0, "kg m-2": 1.0}, True),
    Spelling(
        "weight_kg",
        r"(?:body )?weight|body mass|weigh(?:s|ing)",
        {"kg": 1.0, "kilograms": 1.0, "kilos": 1.0, "lbs": 0.45359, "lb": 0.45359, "pounds": 0.45359},
        True,
    ),
    Spelling("lv_mass_g", r"(?:(?:lv|left[ -]ventricular|myocardial)\s+mass|(?<!body )mass|lvm)", {"grams": 1, "g": 1}),
    Spelling(
        "wall_max_mm",
        r"(?:(?:basal )?sept(?:um|al)|max(?:imal|imum)? wall|wall)(?: wall)?(?: thickness)?",
        _MM,
    ),
    Spelling("chest_fat_mm", r"(?:chest|subcutaneous)(?: chest)? fat(?: thickness)?", _MM),
    Spelling("severity", r"severity", {}),
    Spelling("systolic_bp", rf"sbp|systolic{_PRESSURE}", {"mmhg": 1.0}),
    Spelling("diastolic_bp", rf"dbp|diastolic{_PRESSURE}", {"mmhg": 1.0}),
    Spelling(
        "heart_rate",
        r"heart rate|hr|pulse",
        {"bpm": 1.0, "/min": 1.0, "1/min": 1.0, "beats per minute": 1.0, "beats/min": 1.0, "min-1": 1.0},
        True,
    ),
    Spelling(
        "height_cm", r"(?:body )?height", {"cm": 1.0, "centimetres": 1.0, "centimeters": 1.0}, True, r"(?: tall)?"
    ),
    Spelling("field_strength_t", r"field(?: strength)?", {"t": 1.0, "tesla": 1.0}, True),
    Spelling("age", r"aged?", _TIME | {"y": 1.0, "months": 1 / 12, "month": 1 / 12}, True, r"(?:\s*-?\s*old)?"),
)
OTHERS = {"severity": SEVERITY, "chest_fat_mm": HeartNumber("chest fat", "mm", 1, 150)}
LABELS = {"bmi": "BMI", "age": "age"}
DIFFERENT = 0.051  # two values that print alike are one

_ANY_LABEL = "|".join(f"(?:{s.labels})" for s in SPELLINGS)
_ANY_UNIT = "|".join(s.unit for s in SPELLINGS)
LIMIT = (
    rf"(?<!\w)(?:(?:{_ANY_LABEL})\s*(?:of|is)?\s*)?"
    r"(?:(?:not|over|under|above|below|more than|less than|(?:older|younger|greater|lower|larger|smaller) than"
    rf"|at least|at most|up to)(?!\w)|[<>≤≥]=?)\s*(?:age\s+)?\d+(?:[.,]\d+)?(?:\s*(?:{_ANY_UNIT})(?!\w))?"
)
_SPAN = r"\d+(?:[.,]\d+)?\s*-?\s*(?:years?|yrs?|months?|y)(?!\w)"
NOT_AGE = rf"(?<!\w)(?:for|since|within|past|last)\s+(?:the\s+)?(?:past\s+|last\s+)?{_SPAN}|{_SPAN}\s+(?:ago|history|later|after)"


def take_numbers(rest: PromptText, notes: list[str]) -> dict[str, float]:
    """Every number that a prompt gives a meaning to, in the units of its name.

    Raises:
        SettingsError: a value that cannot be, or two values for one measure.
    """
    if rest.set_aside(LIMIT):
        notes.append("limits such as '> 30' are not understood: say one number")
    rest.set_aside(NOT_AGE)
    found: dict[str, float] = {}
    for name, value in (*_pressures(rest), *_heights(rest), *_spelled(rest, notes)):
        _keep(found, name, value)
    return found


def _keep(found: dict[str, float], name: str, value: float) -> None:
    number = measure(name)
    in_range(number, value, FLAG)
    if name in found and abs(found[name] - value) > DIFFERENT:
        raise SettingsError(f"{FLAG}: {number.label} is given twice, as {found[name]:g} and {value:g}; say one")
    found.setdefault(name, value)


def measure(name: str) -> HeartNumber:
    """Label, unit and range of anything a prompt can put in numbers."""
    if name in HEART_NUMBERS:
        return HEART_NUMBERS[name]
    if name in OTHERS:
        return OTHERS[name]
    spec = ATTRIBUTES[name]
    return HeartNumber(LABELS.get(name, name.rsplit("_", 1)[0].replace("_", " ")), spec.unit, spec.low, spec.high)


def _spelled(rest: PromptText, notes: list[str]) -> Iterator[tuple[str, float]]:
    """Label and number ("EF 22 %"); then number and label ("16 mm septum"); then numbers whose unit says it all."""
    for said in SPELLINGS:
        unit = rf"(?:\s*-?\s*(?P<unit>{said.unit})(?!\w))?"
        pattern = rf"(?<![\w])(?:{said.labels}|{said.name}){IS}{NUMBER}{unit}{WHOLE_BODY}{said.tail}(?!\w)"
        yield from _values(rest, said, pattern, notes)
    for said in SPELLINGS:
        pattern = rf"{APART}{NUMBER}\s*-?\s*(?P<unit>{said.unit})\s+(?:of\s+)?(?:{said.labels})(?!\w)"
        yield from _values(rest, said, pattern, notes)
    for said in (s for s in SPELLINGS if s.by_unit):
        pattern = rf"{APART}{NUMBER}\s*-?\s*(?P<unit>{said.unit}){said.tail}(?![\w/]|-\w)"
        yield from _values(rest, said, pattern, notes)


def _values(rest: PromptText, said: Spelling, pattern: str, notes: list[str]) -> Iterator[tuple[str, float]]:
    for match in rest.take(pattern):
        value = number_of(match, notes) * said.units.get((match.group("unit") or "").lower(), 1.0)
        if said.name.endswith("ef_percent") and match.group("unit") is None and 0 < value < 1:
            value *= 100  # an ejection fraction of 0.35
        yield said.name, round(value, 2)


def number_of(match: re.Match[str], notes: list[str]) -> float:
    """The number, or the middle of a range."""
    a, b, c, d = (g and float(g.replace(",", ".")) for g in match.group("a", "b", "c", "d"))
    low, high = (a, b) if a is not None else (c, d)
    low = float(low or 0)
    if high is None:
        return low
    high = float(high)
    if high <= low:
        raise SettingsError(f"{FLAG}: expected a range from low to high, got {low:g} to {high:g}; say one number")
    notes.append(f"{low:g} to {high:g} taken as {(low + high) / 2:g}")
    return (low + high) / 2


def _pressures(rest: PromptText) -> Iterator[tuple[str, float]]:
    """Blood pressure as 160/95."""
    both = r"(\d{2,3})\s*/\s*(\d{2,3})(?![\w/]|[.,]\d)\s*(?:mm\s*hg(?!\w))?"
    for match in rest.take(
        rf"(?<!\w)(?:bp|blood pressure|rr){IS}{both}|(?<![\w/.,-])(\d{{3}})\s*/\s*(\d{{2,3}})(?![\w/])(?:\s*mm\s*hg)?"
    ):
        systolic, diastolic = (float(g) for g in match.groups() if g is not None)
        if systolic <= diastolic:
            raise SettingsError(
                f"{FLAG}: blood pressure: expected systolic above diastolic, got {systolic:g}/{diastolic:g} mmHg"
            )
        yield "systolic_bp", systolic
        yield "diastolic_bp", diastolic


def _heights(rest: PromptText) -> Iterator[tuple[str, float]]:
    """Heights in metres, or in feet and inches."""
    label = rf"(?:(?<!\w)(?:body )?height{IS})?"
    for match in rest.take(rf"{label}(?<![\w.,/])(\d[.,]\d{{1,2}})\s*-?\s*m(?:et(?:re|er)s?)?(?: tall)?(?!\w)"):
        yield "height_cm", round(100 * float(match.group(1).replace(",", ".")), 1)
    inches = r"(?:\s*(\d{1,2})(?:\s*(?:\"|'{2}|′′|in(?:ch(?:es)?)?(?!\w)))?)?"
    for match in rest.take(rf"{label}(?<![\w.,/])(\d)\s*(?:'|′|ft|foot|feet){inches}(?: tall)?(?!\w)"):
        yield "height_cm", round(2.54 * (12 * float(match.group(1)) + float(match.group(2) or 0)), 1)
