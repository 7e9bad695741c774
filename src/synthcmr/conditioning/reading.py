"""Text -> attributes: a clinician's short wording, a full sentence, or what `write_prompt` wrote."""

import re
import unicodedata
from collections.abc import Iterable

from synthcmr.cohort.attributes import ATTRIBUTES, Value, clean, parse_vendor
from synthcmr.conditioning import wordings as w
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, SEVERITY, HeartNumber, checked, in_range
from synthcmr.conditioning.prompt import EXAMPLE, Understood
from synthcmr.errors import SettingsError

MAX_CHARACTERS = 1000
N = r"(?<![\w.])(-?\d+(?:[.,]\d+)?)"
IS = r"\s*(?:of|is|=|:|about|around|~)?\s*"
# what is said -> pattern with the number in its group; searched in this order, and what is found is taken out of the text
NUMBERED: tuple[tuple[str, str], ...] = (
    ("rv_edv_ml", rf"\b(?:rv\s*-?\s*edv|rvedv|rv end-diastolic volume){IS}{N}\s*(?:ml)?"),
    ("rv_esv_ml", rf"\b(?:rv\s*-?\s*esv|rvesv|rv end-systolic volume){IS}{N}\s*(?:ml)?"),
    ("rv_ef_percent", rf"\b(?:rv\s*-?\s*ef|rvef|rv ejection fraction){IS}{N}\s*(?:%|percent)?"),
    ("lv_edv_ml", rf"\b(?:(?:lv\s*-?\s*)?edv|lvedv|(?:lv )?end-diastolic volume){IS}{N}\s*(?:ml)?"),
    ("lv_esv_ml", rf"\b(?:(?:lv\s*-?\s*)?esv|lvesv|(?:lv )?end-systolic volume){IS}{N}\s*(?:ml)?"),
    ("lv_ef_percent", rf"\b(?:(?:lv\s*-?\s*)?ef|lvef|(?:lv )?ejection fraction){IS}{N}\s*(?:%|percent)?"),
    ("lv_mass_g", rf"\b(?:(?:lv|myocardial)\s+mass|mass|lvm){IS}{N}\s*(?:g\b|grams?)?"),
    ("wall_max_mm", rf"\b(?:septum|septal wall|wall thickness|wall|max(?:imal|imum)? wall){IS}{N}\s*(?:mm)?"),
    ("chest_fat_mm", rf"\b(?:chest fat|subcutaneous fat|fat){IS}{N}\s*(?:mm)?"),
    ("severity", rf"\bseverity{IS}{N}"),
    ("bmi", rf"\bbmi{IS}{N}(?:\s*kg/m(?:2|²|\^2))?"),
    ("bmi", rf"{N}\s*kg/m(?:2|²|\^2)"),
    ("systolic_bp", rf"\b(?:systolic(?: (?:bp|pressure|blood pressure))?){IS}{N}\s*(?:mmhg)?"),
    ("diastolic_bp", rf"\b(?:diastolic(?: (?:bp|pressure|blood pressure))?){IS}{N}\s*(?:mmhg)?"),
    ("heart_rate", rf"\b(?:heart rate|hr|pulse){IS}{N}\s*(?:bpm|/min)?"),
    ("heart_rate", rf"{N}\s*bpm\b"),
    ("height_cm", rf"(?:\bheight{IS})?{N}\s*cm\b"),
    ("weight_kg", rf"(?:\bweight{IS})?{N}\s*kg\b"),
    ("field_strength_t", rf"{N}\s*-?\s*t(?:esla)?\b"),
    ("age", rf"\bage{IS}{N}(?:\s*(?:years?|yrs?|y))?(?:\s*old)?"),
    ("age", rf"{N}\s*-?\s*(?:years?|yrs?|yo|y/o|y\.o\.?|y)(?:\s*-?\s*old)?(?![\w-])"),
    ("age", rf"(?:(?<=man of )|(?<=male of )|(?<=lady of )){N}\b"),
)
HEART = (*HEART_NUMBERS, "severity")
OTHERS = {"severity": SEVERITY, "chest_fat_mm": HeartNumber("chest fat", "mm", 1, 150)}
LABELS = {"bmi": "BMI", "age": "age"}
NEGATION = r"\b(?:no|not|without|never|denies|non|free of|excluded)\s+(?:known\s+|any\s+|history of\s+|a\s+)*"


class _Text:
    """What is left to be understood."""

    def __init__(self, text: str) -> None:
        self.left = text

    def take(self, pattern: str) -> list[re.Match[str]]:
        """Find all places, and take them out."""
        found = list(re.finditer(pattern, self.left))
        for match in found:
            start, end = match.span()
            self.left = self.left[:start] + " " * (end - start) + self.left[end:]
        return found

    def take_word(self, words: Iterable[str]) -> list[str]:
        """Find words or phrases, longest first."""
        found = []
        for word in sorted(words, key=len, reverse=True):
            if self.take(rf"(?<![\w-]){re.escape(word)}(?![\w-])"):
                found.append(word)
        return found


def read_prompt(text: str) -> Understood:
    """What a prompt says.

    Raises:
        SettingsError: it is empty, too long, says nothing that is understood, contradicts itself or asks for the impossible.
    """
    plain = _plain(text)
    rest = _Text(plain)
    notes: list[str] = []
    ignored = [m.group(0).strip() for m in _negated(rest)]
    quoted = rest.take(r'\bdiagnosis "([^"]*)"')
    numbers = _numbers(rest)
    decade = _decade(rest, notes)
    phases, level = _view(rest)
    severity = _severity(rest)
    diagnosis = quoted[0].group(1) if quoted else _diagnosis(rest, notes)
    words = _words(rest, notes, numbers, decade)
    vendor = [parse_vendor(v) for v in rest.take_word(w.VENDOR_WORDS)]
    _same("vendor", vendor)
    if vendor:
        words["vendor"] = vendor[0]
    if diagnosis:
        words["diagnosis"] = _original(text, diagnosis) if quoted else diagnosis
    numbers |= severity if "severity" not in numbers else {}
    ignored += _leftover(rest.left)
    heart = {k: v for k, v in numbers.items() if k in HEART}
    attributes, _ = clean({**{k: v for k, v in numbers.items() if k not in HEART}, **words})
    checked({k: v for k, v in heart.items() if k != "severity"}, "--prompt")
    understood = Understood(attributes, heart, level, phases, tuple(ignored), tuple(notes))
    if not (attributes or heart or level or phases) and (ignored or "short-axis" not in plain):
        raise SettingsError(
            f"--prompt: nothing in {_short(text)} was understood. Prompts are English and say who the patient is, "
            f'for example "{EXAMPLE}"; leave --prompt out for anyone'
        )
    return understood


def _plain(text: str) -> str:
    if not text.strip():
        raise SettingsError(
            f'--prompt: expected a text such as "{EXAMPLE}", got an empty one; leave --prompt out for anyone'
        )
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(
            f'--prompt: expected at most {MAX_CHARACTERS} characters, got {len(text)}; say who the patient is, e.g. "{EXAMPLE}"'
        )
    normal = unicodedata.normalize("NFKC", text).lower()
    return re.sub(r"[\s\u2010-\u2015]", lambda m: " " if m.group(0).isspace() else "-", normal)


def _original(text: str, code: str) -> str:
    """A quoted code as it was typed, with its capitals."""
    place = unicodedata.normalize("NFKC", text).lower().find(code)
    return unicodedata.normalize("NFKC", text)[place : place + len(code)]


def _negated(rest: _Text) -> list[re.Match[str]]:
    """What is said not to be there is not there: it is reported rather than read as its opposite."""
    kept = {"no cardiac disease", "no heart disease"}
    words = [word for group in w.DIAGNOSIS_WORDS.values() for word in group if word not in kept] + [
        "obese",
        "overweight",
    ]
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return rest.take(rf"{NEGATION}(?:{pattern})(?![\w-])")


def _numbers(rest: _Text) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, pattern in NUMBERED:
        for match in rest.take(pattern):
            value = float(next(g for g in match.groups() if g is not None).replace(",", "."))
            in_range(_spec(name), value, "--prompt")
            if name in found and found[name] != value:
                raise SettingsError(
                    f"--prompt: {_spec(name).label} is given twice, as {found[name]:g} and {value:g}; say one"
                )
            found[name] = value
    return found


def _decade(rest: _Text, notes: list[str]) -> float | None:
    found = rest.take(r"\b(?:in )?(?:her|his|their|the)?\s*(early|mid|late)?\s*-?\s*([1-9])0s\b")
    if not found:
        return None
    part, tens = found[0].group(1), int(found[0].group(2))
    age = tens * 10.0 + {"early": 2, "mid": 5, "late": 8}.get(part or "mid", 5)
    notes.append(f"{tens}0s taken as {age:g} years")
    return age


def _view(rest: _Text) -> tuple[tuple[str, ...], str | None]:
    phases = tuple(p for p, words in w.PHASE_WORDS.items() if rest.take_word(words))
    levels = [name for name, words in w.LEVEL_WORDS.items() if rest.take_word(words)]
    _same("slice", levels)
    return phases, levels[0] if levels else None


def _severity(rest: _Text) -> dict[str, float]:
    body = "|".join(re.escape(word) for word in w.BMI_WORDS)
    for word, value in w.SEVERITY_WORDS.items():
        adverb = {"severe": "severely", "mild": "mildly", "moderate": "moderately"}.get(word, word)
        if rest.take(rf"\b(?:{word}|{adverb}(?!\s+(?:{body})))\b"):
            return {"severity": value}
    return {}


def _diagnosis(rest: _Text, notes: list[str]) -> str | None:
    found = []
    # diseases before health, so that "healthy heart failure" is seen to contradict itself
    phrases = sorted(
        ((p, code) for code, ps in w.DIAGNOSIS_WORDS.items() for p in ps), key=lambda x: (x[1] == "NOR", -len(x[0]))
    )
    for phrase, code in phrases:
        if rest.take(rf"(?<![\w-]){re.escape(phrase)}(?![\w-])") and code not in found:
            found.append(code)
    if "HF" in found and len(found) > 1 and all(c == "HF" or c in w.NARROWER["HF"] for c in found):
        found.remove("HF")
    for code, other in w.TAKEN_AS.items():
        if code in found:
            notes.append(f"{code} taken as {w.DIAGNOSES[other]} ({other})")
            found = list(dict.fromkeys(other if c == code else c for c in found))
    if len(found) > 1:
        told = " and ".join(w.DIAGNOSES.get(c, c) for c in found)
        raise SettingsError(f"--prompt: {told} contradict each other here: a subject has one diagnosis; say one")
    return found[0] if found else None


def _words(rest: _Text, notes: list[str], numbers: dict[str, float], decade: float | None) -> dict[str, Value]:
    words: dict[str, Value] = {}
    sexes = [sex for sex, names in w.SEX_WORDS.items() if rest.take_word(names)]
    _same("sex", sexes)
    motherhood = rest.take_word(w.ONLY_WOMEN)
    if motherhood and sexes == ["male"]:
        raise SettingsError(f"--prompt: male and {motherhood[0]} contradict each other; say one")
    if motherhood:
        notes.append(f"{motherhood[0]} taken as female; the generator knows nothing more of it")
        sexes = ["female"]
    if sexes:
        words["sex"] = sexes[0]
    ages = rest.take_word(w.AGE_WORDS) if "age" not in numbers and decade is None else []
    bare = rest.take(r"(?:^|(?<=[,;.]))\s*(\d{1,2}|1[01]\d)\s*(?=[,;.]|$)") if sexes and "age" not in numbers else []
    if decade is not None and "age" not in numbers:
        words["age"] = decade
    elif len(bare) == 1 and not ages:
        words["age"] = float(bare[0].group(1))
    elif ages:
        words["age"] = w.AGE_WORDS[ages[0]]
        notes.append(f"{ages[0]} taken as {w.AGE_WORDS[ages[0]]:g} years")
    _body(rest, notes, numbers, words)
    return words


def _body(rest: _Text, notes: list[str], numbers: dict[str, float], words: dict[str, Value]) -> None:
    said = rest.take_word(w.BMI_WORDS)
    ranges = {w.BMI_WORDS[word][1:] for word in said}
    if not said:
        return
    taken, low, high = w.BMI_WORDS[said[0]]
    bmi = numbers.get("bmi")
    if (bmi is not None and not low - 0.5 <= bmi <= high + 0.5) or len({r[0] >= 25 for r in ranges}) > 1:
        other = f"BMI {bmi:g}" if bmi is not None else said[-1]
        raise SettingsError(f"--prompt: {said[0]} and {other} contradict each other; say one")
    if bmi is None and not {"height_cm", "weight_kg"} <= set(numbers):
        words["bmi"] = taken
        notes.append(f"{said[0]} taken as BMI {taken:g}")


def _same(what: str, found: list[str]) -> None:
    if len(set(found)) > 1:
        raise SettingsError(f"--prompt: {' and '.join(dict.fromkeys(found))} contradict each other; say one {what}")


def _leftover(text: str) -> list[str]:
    """Words that were not understood, joined where they stood together."""
    pieces = []
    for clause in re.split(r"[,.;:/()+&|]|\s{2,}", text):
        words = [word for word in re.findall(r"[^\s]+", clause) if re.sub(r"^\W+|\W+$", "", word) not in w.EMPTY_WORDS]
        words = [word for word in words if re.search(r"\w", word) or not word.isascii()]
        if words:
            pieces.append(" ".join(words))
    return pieces


def _spec(name: str) -> HeartNumber:
    """Label, unit and range of anything a prompt can put in numbers."""
    if name in HEART_NUMBERS:
        return HEART_NUMBERS[name]
    if name in OTHERS:
        return OTHERS[name]
    spec = ATTRIBUTES[name]
    return HeartNumber(LABELS.get(name, name.rsplit("_", 1)[0].replace("_", " ")), spec.unit, spec.low, spec.high)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
