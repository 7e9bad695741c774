"""Text <-> attributes: a clinician's short wording or a full sentence, and the sentence that states attributes."""

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from synthcmr.cohort.attributes import VENDOR_HINTS, Value, clean, is_missing
from synthcmr.conditioning import prompt_words as w
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, checked
from synthcmr.conditioning.prompt_grammar import (
    WORD_END,
    WORD_START,
    PromptText,
    Statement,
    agreed_category,
    agreed_number,
    one_of,
    written,
)
from synthcmr.conditioning.prompt_numbers import derived_bmi, take_numbers
from synthcmr.conditioning.prompt_patient import (
    NOT,
    SEVERE_OTHER,
    agreed_age,
    agreed_diagnosis,
    described_function,
    excluded_diagnoses,
    take_ages,
    take_denials,
    take_diagnosis_patterns,
    take_failure,
    take_function,
    unhealthy,
)
from synthcmr.conditioning.prompt_words import FLAG
from synthcmr.errors import SettingsError

EXAMPLE = "woman, 67 years, BMI 31, heart failure"
QUOTED = ("diagnosis", "vendor", "scanner", "centre")  # whose values may be a data set's own codes: written in quotes
HEART = (*HEART_NUMBERS, "severity")
PATIENT = ("age", "bmi", "height_cm", "weight_kg", "systolic_bp", "diastolic_bp", "heart_rate", "chest_fat_mm")
MAX_CHARACTERS = 1000
COUNTED = (
    r"(?<![\w.,-])(?:\d+|two|three|four|five|six|ten|several|many|some)(?=\s+(?:different\s+)?"
    r"(?:men|women|males|females|patients|people|persons|subjects|images|pictures|slices|scans|hearts)\b)"
)
ANYONE = r"(?<!\w)(?:short[ -]axis|mri|cmr|patient|anyone|someone)(?!\w)"
NO_PHASE = (
    r"(?<!\w)(?:end[ -]?)?(?:dia|sy)stolic\s+(?:volume|diameter|dimension|pressure|wall|dysfunction|function|blood)\S*"
)
SET_ASIDE_BEFORE = {"severity": SEVERE_OTHER, "phase": NO_PHASE}
CLOSE = 0.84  # how alike an unknown word must be to a known one to be taken for a slip


@dataclass(frozen=True)
class Understood:
    """What a prompt says."""

    attributes: dict[str, Value] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)  # what the heart shall measure; and severity
    slice_level: str | None = None
    phases: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()  # diagnoses that may not be drawn
    ignored: tuple[str, ...] = ()  # what was not understood, as typed
    notes: tuple[str, ...] = ()  # what was assumed


def write_prompt(
    attributes: Mapping[str, object],
    *,
    slice_level: str | None = None,
    phases: Sequence[str] = (),
    numbers: Mapping[str, float] | None = None,
) -> str:
    """Attributes as text.

    Args:
        attributes: of the patient and the scanner; what is absent or not known to prompts is left out.
        slice_level: basal, mid or apical.
        phases: ED, ES or both.
        numbers: what the heart measures.

    Example:
        >>> write_prompt({"sex": "female", "age": 67, "bmi": 31.2, "diagnosis": "HF", "vendor": "Siemens"}, slice_level="mid")
        'Short-axis cardiac MRI, mid-ventricular slice. Woman, 67 years, BMI 31.2, heart failure. Siemens.'
    """
    present = {k: v for k, v in attributes.items() if not is_missing(v)}
    view = ["Short-axis cardiac MRI"]
    if slice_level is not None:
        view.append(w.LEVEL_WRITTEN[slice_level])
    if phases:
        view.append(" and ".join(w.PHASE_WRITTEN[p] for p in phases))
    measured = [written(name, value) for name, value in (numbers or {}).items() if name in HEART]
    sentences = [", ".join(view), ", ".join(_patient(present)), ", ".join(measured), _scanner(present)]
    return " ".join(f"{sentence[:1].upper()}{sentence[1:]}." for sentence in sentences if sentence)


def _patient(present: Mapping[str, object]) -> list[str]:
    parts = [w.SEX_WRITTEN[str(present["sex"])]] if "sex" in present else []
    parts += [written(name, float(str(present[name]))) for name in PATIENT if name in present]
    if "diagnosis" in present:
        parts.append(w.DIAGNOSES.get(str(present["diagnosis"])) or _coded("diagnosis", present))
    return parts


def _scanner(present: Mapping[str, object]) -> str:
    parts = []
    if "vendor" in present:
        parts.append(
            str(present["vendor"]) if present["vendor"] in VENDOR_HINTS.values() else _coded("vendor", present)
        )
    if "field_strength_t" in present:
        parts.append(written("field_strength_t", float(str(present["field_strength_t"]))))
    parts += [_coded(name, present) for name in ("scanner", "centre") if name in present]
    return " ".join(parts)


def _coded(name: str, present: Mapping[str, object]) -> str:
    """A value as it stands, in quotes, so that it is read back as it was whatever it holds."""
    return f"{name} {json.dumps(str(present[name]).strip(), ensure_ascii=False)}"


def read_prompt(text: str) -> Understood:
    """What a prompt says.

    Raises:
        SettingsError: it is empty, too long, says nothing that is understood, contradicts itself or asks for the impossible.

    Example:
        >>> understood = read_prompt("67-year-old woman, HFpEF, no hypertension")
        >>> understood.attributes["age"], understood.attributes["diagnosis"]
        (67.0, 'HFpEF')
    """
    _check_length(text)
    quoted, outside = _quoted(text)
    rest, notes = PromptText(outside), list[str]()
    denials = take_denials(rest, notes)
    _set_hints_aside(rest, notes)
    statements = _statements(rest, quoted, notes)
    diagnosis, description = agreed_diagnosis(
        statements.pop("diagnosis"), denials.healthy, "diagnosis" in quoted, notes
    )
    excluded = excluded_diagnoses(denials, diagnosis, description, notes)
    statements["lv_ef_percent"] += described_function(description)
    unhealthy(statements["severity"], diagnosis)
    statements["bmi"] += derived_bmi(statements)
    numbers = {name: agreed_number(name, statements[name], notes) for name in w.MEASURES if name != "age"}
    categories = {name: agreed_category(name, statements[name], notes) for name in ("sex", "vendor", "slice_level")}
    level = categories.pop("slice_level")
    age = agreed_age(rest, statements["age"], bool(rest.taken or quoted), notes)  # last: a number that is left alone
    stated = {**numbers, **quoted, **categories, "age": age, "diagnosis": diagnosis}
    attributes: dict[str, object] = {k: v for k, v in stated.items() if v is not None}
    heart = {name: float(str(attributes.pop(name))) for name in HEART if name in attributes}
    checked({name: value for name, value in heart.items() if name != "severity"}, FLAG)
    phases = tuple(p for p in w.PHASE_WRITTEN if any(s.value == p for s in statements["phase"]))
    understood = Understood(clean(attributes)[0], heart, level, phases, excluded, rest.ignored(), tuple(notes))
    return _checked_meaning(understood, rest, text)


def _statements(rest: PromptText, quoted: Mapping[str, Value], notes: list[str]) -> defaultdict[str, list[Statement]]:
    """All that is stated, by attribute. The order matters: what is taken first cannot be taken for something else."""
    statements: defaultdict[str, list[Statement]] = defaultdict(list)
    for name, code in quoted.items():
        statements[name].append(Statement(str(code), str(code)))
    statements["diagnosis"] += take_failure(rest)
    for name, numbers in take_numbers(rest, notes).items():
        statements[name] += numbers
    statements["lv_ef_percent"] += take_function(rest, bool(statements["diagnosis"] or statements["lv_ef_percent"]))
    ages, sexes = take_ages(rest)
    statements["age"] += ages
    statements["sex"] += sexes
    for name, terms in w.TERMS:
        rest.set_aside(SET_ASIDE_BEFORE.get(name, r"(?!)"))
        statements[name] += rest.take_terms(terms)
        if terms is w.HEALTH_TERMS:
            statements[name] += take_diagnosis_patterns(rest)
    return statements


def _set_hints_aside(rest: PromptText, notes: list[str]) -> None:
    if rest.set_aside(COUNTED):
        notes.append("how many is said by -n or --subjects")
    for phrases, hint in w.HINTS:
        places = rest.set_aside(rf"(?:(?<!\w){NOT}\s+)?{WORD_START}{one_of(phrases)}{WORD_END}")
        if any(not re.match(NOT, place, re.IGNORECASE) for place in places):
            notes.append(hint)


def _check_length(text: str) -> None:
    if not text.strip():
        raise SettingsError(
            f'{FLAG}: expected a text such as "{EXAMPLE}", got an empty one; leave {FLAG} out for anyone'
        )
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(
            f'{FLAG}: expected at most {MAX_CHARACTERS} characters, got {len(text)}; say who the patient is, e.g. "{EXAMPLE}"'
        )


def _quoted(text: str) -> tuple[dict[str, Value], str]:
    """Codes that a data set brings itself, kept as they were typed, and the text without them."""
    codes: dict[str, Value] = {}

    def keep(match: re.Match[str]) -> str:
        name, code = match.group(1).lower(), _unescaped(match.group(2)).strip()
        if re.search(rf"(?<![\w-]){NOT}\s+$", match.string[: match.start()], re.IGNORECASE):
            raise SettingsError(
                f"{FLAG}: expected a {name} in quotes that is there, got one that is denied, {code}; say what is there instead"
            )
        if code and codes.setdefault(name, code) != code:
            raise SettingsError(f"{FLAG}: {name} is given twice, as {codes[name]} and {code}; say one")
        return " , " if code else match.group(0)

    pattern = rf'(?<![\w"])({"|".join(QUOTED)})\s*[:=]?\s*"((?:[^"\\]|\\.)*)"'
    return codes, re.sub(pattern, keep, text, flags=re.IGNORECASE | re.DOTALL)


def _unescaped(quoted: str) -> str:
    try:
        return str(json.loads(f'"{quoted}"', strict=False))
    except ValueError:  # typed by hand, with a backslash that escapes nothing
        return quoted


def _checked_meaning(understood: Understood, rest: PromptText, text: str) -> Understood:
    """Refuse a text that is in another language or says nothing; otherwise point out what may be slips."""
    u = understood
    notes = (*u.notes, *_slips(rest.unknown()))
    something = bool(u.attributes or u.numbers or u.slice_level or u.phases or u.denied)
    unknown = re.findall(r"\w+", " ".join(rest.unknown()).lower())
    foreign = len(w.FOREIGN_WORDS.intersection(unknown)) > 1
    weak = len(unknown) > 1 and '"' not in text and w.WEAK_WORDS.issuperset(rest.taken)
    anyone = not u.ignored and re.search(ANYONE, text, re.IGNORECASE) is not None
    if foreign or (something and weak) or not (something or anyone):
        hint = f" ({'; '.join(notes)})" if notes else ""
        raise SettingsError(
            f"{FLAG}: nothing in {_short(text)} was understood{hint}. Prompts are English and say who the patient is, "
            f'for example "{EXAMPLE}"; diagnoses are {", ".join(w.DIAGNOSES)}, or the words for them; leave {FLAG} out for anyone'
        )
    unstated = () if something else ("nothing is said of the patient: anyone",)
    return replace(u, notes=(*notes, *unstated))


def _slips(unknown: tuple[str, ...]) -> list[str]:
    """What an unknown word may have been meant to be."""
    slots = ("diagnosis", "bmi", "age", "vendor")
    phrases = [words for name, terms in w.TERMS if name in slots for term in terms for words in term.phrases]
    slips = []
    for piece in unknown:
        typed = piece.lower()
        close = difflib.get_close_matches(
            typed, [p for p in phrases if len(p) > 4 and " with " not in p], n=1, cutoff=CLOSE
        )
        if close and typed not in close[0] and close[0] not in typed:  # "normal RV" is no slip for "abnormal RV"
            slips.append(f"'{piece}' is not understood; did you mean '{close[0]}'?")
    return slips


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
