"""Numbers in a prompt: which measure, in which unit, given once."""

import math
import re
from collections.abc import Iterator, Mapping

from synthcmr.cohort.attributes import ATTRIBUTES, TALLEST_M
from synthcmr.conditioning.heart_numbers import in_range
from synthcmr.conditioning.prompt_grammar import PromptText, Statement, measure, number, one_of, stated, written
from synthcmr.conditioning.prompt_words import EF_TERMS, FLAG, FUNCTION, MEASURES, Measure
from synthcmr.errors import SettingsError

_ONE = r"\d+(?:[.,]\d+)?(?!\d|[.,]\d|e\d)"
NUMBER = rf"(?:between\s+(?P<a>{_ONE})\s+and\s+(?P<b>{_ONE})|(?P<c>-?{_ONE})(?:\s*%?\s*(?:-|to)\s*(?P<d>{_ONE}))?)"
IS = r"""["']?\s*(?:(?:an?|of|is|was|=|:|\(|about|around|approximately|approx\.?|circa|~|≈|-(?=\s))\s*){0,3}["']?"""
APART = r"(?<![\w/'-])(?<!\d[.,])"  # a number that is not part of another one
WHOLE_BODY = r"(?!\s*[a-z%]{0,3}\s*/\s*m)"  # 120 ml/m2 is per body surface: not a volume
EF_WORD = one_of(words for term in EF_TERMS for words in term.phrases)
EF_LABEL = rf"(?<!rv )(?<!right ventricular )(?<!\w){one_of(FUNCTION)}(?!\w)"
BMI_TOLERANCE = 1.5  # kg/m2, about what rounding height to 5 cm makes


def _units(measures: Mapping[str, Measure] | Measure) -> str:
    """The pattern of units, longest first."""
    several = [measures] if isinstance(measures, Measure) else list(measures.values())
    units = sorted({unit for m in several for unit in m.units}, key=len, reverse=True)
    return "|".join(re.escape(u).replace(r"\ ", "[ -]?").replace("/", r"\s*/\s*") for u in units) or r"(?!)"


_ANY_LABEL = "|".join(one_of(m.labels) for m in MEASURES.values())
LIMIT = (
    rf"(?<!\w)(?:(?:{_ANY_LABEL})\s*(?:of|is)?\s*)?"
    r"(?:(?:not|over|under|above|below|more than|less than|(?:older|younger|greater|lower|larger|smaller) than"
    rf"|at least|at most|up to)(?!\w)|[<>≤≥]=?)\s*(?:age\s+)?\d+(?:[.,]\d+)?(?:\s*(?:{_units(MEASURES)})(?!\w))?"
)
_SPAN = r"\d+(?:[.,]\d+)?\s*-?\s*(?:years?|yrs?|months?|weeks?|days?|y)(?!\w)"
NOT_AGE = rf"(?<!\w)(?:for|since|within|past|last)\s+(?:the\s+)?(?:past\s+|last\s+)?{_SPAN}|{_SPAN}\s+(?:ago|history|later|after)"
INDEXED = ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "rv_esv_ml")  # may be given per body surface
_AREA = r"(?:m2|m\^2|sqm)"


def take_numbers(rest: PromptText, notes: list[str]) -> dict[str, list[Statement]]:
    """Every number that a prompt gives a meaning to, in the units of its name.

    Raises:
        SettingsError: a value that cannot be.
    """
    statements: dict[str, list[Statement]] = {}
    spelled = [*_pressures(rest)]
    statements["lv_ef_percent"] = _grades(rest)
    if rest.set_aside(LIMIT):
        notes.append("limits such as '> 30' are not understood: say one number")
    rest.set_aside(NOT_AGE)
    surface = _surface(rest)
    for name, value, text in (*spelled, *_heights(rest), *_spelled(rest, notes)):
        in_range(measure(name), value, FLAG)
        statements.setdefault(name, []).append(number(value, text))
    for name, value, text in _per_surface(rest, surface or _mosteller(statements), notes):
        in_range(measure(name), value, FLAG)
        statements.setdefault(name, []).append(number(value, text))
    return statements


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


def derived_bmi(statements: Mapping[str, list[Statement]]) -> list[Statement]:
    """What height and weight say of the BMI.

    Raises:
        SettingsError: another BMI than the one that is stated, or one that no person has.
    """
    if not (statements.get("height_cm") and statements.get("weight_kg")):
        return []
    height, weight = (float(str(statements[name][0].value)) for name in ("height_cm", "weight_kg"))
    derived, spec = weight / (height / 100) ** 2, ATTRIBUTES["bmi"]
    against = [float(str(s.value)) for s in statements.get("bmi", []) if s.exact]
    if any(abs(bmi - derived) > BMI_TOLERANCE for bmi in against) or not spec.low <= derived <= spec.high:
        instead = f", not {against[0]:g}" if against else f"; expected {spec.low:g} to {spec.high:g}"
        raise SettingsError(
            f"{FLAG}: {height:g} cm and {weight:g} kg make a BMI of {derived:.1f}{instead}; leave one out"
        )
    return [] if against else [number(round(derived, 2), f"{height:g} cm and {weight:g} kg")]


def _spelled(rest: PromptText, notes: list[str]) -> Iterator[tuple[str, float, str]]:
    """Label and number ("EF 22 %"); then number and label ("16 mm septum"); then numbers whose unit says it all."""
    for name, how in MEASURES.items():
        unit = rf"(?:\s*-?\s*(?P<unit>{_units(how)})(?!\w))?"
        pattern = rf"(?<!\w)(?:{one_of(how.labels)}|{name}){IS}{NUMBER}{unit}{WHOLE_BODY}{_tail(name)}(?!\w)"
        yield from _values(rest, name, pattern, notes)
    for name, how in MEASURES.items():
        pattern = rf"{APART}{NUMBER}\s*-?\s*(?P<unit>{_units(how)})\s+(?:of\s+)?{one_of(how.labels)}(?!\w)"
        yield from _values(rest, name, pattern, notes)
    for name, how in ((name, how) for name, how in MEASURES.items() if how.by_unit):
        pattern = rf"{APART}{NUMBER}\s*-?\s*(?P<unit>{_units(how)}){_tail(name)}(?![\w/]|-\w)"
        yield from _values(rest, name, pattern, notes)


def _grades(rest: PromptText) -> list[Statement]:
    """Words between an ejection fraction and its number ("EF reduced to 30 %"): taken out, so that the number stands beside it."""
    value = rf"(?=\s*[,(]?\s*{_ONE}\s*(?:%|percent))"
    pattern = rf"{EF_LABEL}(?P<between>\s+(?:is\s+|was\s+)?(?P<grade>{EF_WORD})(?:\s+(?:to|at))?){value}"
    grades = {re.sub(r"[ -]", "", words): term for term in EF_TERMS for words in term.phrases}
    matches = rest.take(pattern, part="between")
    rest.take(rf"{EF_LABEL}(?P<comma>\s*,){value}", where=lambda text: True, part="comma")
    return [stated(grades[re.sub(r"[ -]", "", m["grade"].lower())], f"{m['grade']} EF") for m in matches]


def _tail(name: str) -> str:
    """What may follow a unit."""
    return {"age": r"(?:\s*-?\s*old)?", "height_cm": "(?: tall)?"}.get(name, "")


def _values(rest: PromptText, name: str, pattern: str, notes: list[str]) -> Iterator[tuple[str, float, str]]:
    for match in rest.take(pattern):
        unit = re.sub(r"\s*/\s*", "/", (match["unit"] or "").lower())
        value = number_of(match, notes) * MEASURES[name].units.get(unit, 1.0)
        if name.endswith("ef_percent") and not unit and 0 < value < 1:
            value *= 100  # an ejection fraction of 0.35
        if name == "height_cm" and not unit and 0 < value <= TALLEST_M:
            value *= 100
        yield name, round(value, 2), match.group(0).strip()


def _pressures(rest: PromptText) -> Iterator[tuple[str, float, str]]:
    """Blood pressure as 160/95."""
    both = r"(\d{2,3})\s*(?:/|over)\s*(\d{2,3})(?![\w/]|[.,]\d)\s*(?:mm\s*hg(?!\w))?"
    for match in rest.take(
        rf"(?<!\w)(?:bp|blood pressure|rr){IS}{both}|(?<![\w/.,-])(\d{{3}})\s*/\s*(\d{{2,3}})(?![\w/])(?:\s*mm\s*hg)?"
    ):
        systolic, diastolic = (float(g) for g in match.groups() if g is not None)
        if systolic <= diastolic:
            raise SettingsError(
                f"{FLAG}: blood pressure: expected systolic above diastolic, got {systolic:g}/{diastolic:g} mmHg"
            )
        yield "systolic_bp", systolic, match.group(0).strip()
        yield "diastolic_bp", diastolic, match.group(0).strip()


def _heights(rest: PromptText) -> Iterator[tuple[str, float, str]]:
    """Heights in metres, or in feet and inches."""
    label = rf"(?:(?<!\w)(?:body )?height{IS})?"
    metres = rf"{label}(?<![\w.,/])(?:(\d[.,]\d{{1,2}})\s*-?\s*m(?:et(?:re|er)s?)?|(\d)\s?m\s?(\d\d))(?: tall)?(?!\w)"
    for match in rest.take(metres):
        value = match[1].replace(",", ".") if match[1] else f"{match[2]}.{match[3]}"
        yield "height_cm", round(100 * float(value), 1), match.group(0).strip()
    inches = r"(?:\s*(\d{1,2})(?:\s*(?:\"|'{2}|′′|in(?:ch(?:es)?)?(?!\w)))?)?"
    for match in rest.take(rf"{label}(?<![\w.,/])(\d)\s*(?:'|′|ft|foot|feet){inches}(?: tall)?(?!\w)"):
        yield "height_cm", round(2.54 * (12 * float(match[1]) + float(match[2] or 0)), 1), match.group(0).strip()


def _per_surface(rest: PromptText, surface: float | None, notes: list[str]) -> Iterator[tuple[str, float, str]]:
    """Volumes and masses per square metre, times the body surface; set aside where that is not known."""
    for name in INDEXED:
        how = MEASURES[name]
        unit = rf"\s*(?:{_units(how)})\s*/\s*{_AREA}"
        pattern = (
            rf"(?<!\w)(?:indexed )?{one_of(how.labels)}(?:[ -]?i(?:ndex(?:ed)?)?)?{IS}(?P<value>{_ONE}){unit}(?!\w)"
        )
        if surface is None:
            if rest.set_aside(pattern):
                notes.append("values per m2 of body surface need height and weight, or BSA")
            continue
        for match in rest.take(pattern):
            text, whole = match.group(0).strip(), round(float(match["value"].replace(",", ".")) * surface, 1)
            notes.append(f"{text} taken as {written(name, whole)}, for a body surface of {surface:.2f} m2")
            yield name, whole, text


def _surface(rest: PromptText) -> float | None:
    matches = rest.take(rf"(?<!\w)(?:bsa|body surface(?: area)?){IS}(?P<value>{_ONE})\s*{_AREA}?(?!\w)")
    return float(matches[0]["value"].replace(",", ".")) if matches else None


def _mosteller(statements: Mapping[str, list[Statement]]) -> float | None:
    """Body surface in m2 of height and weight (Mosteller 1987)."""
    if not (statements.get("height_cm") and statements.get("weight_kg")):
        return None
    height, weight = (float(str(statements[name][0].value)) for name in ("height_cm", "weight_kg"))
    return math.sqrt(height * weight / 3600)
