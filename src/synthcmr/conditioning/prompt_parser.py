"""Text -> attributes: a clinician's short wording, a full sentence, or what `write_prompt` wrote."""

import difflib
import json
import re
from dataclasses import replace

from synthcmr.cohort.attributes import Value, clean, parse_vendor
from synthcmr.conditioning import wordings as w
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, checked
from synthcmr.conditioning.prompt_denied import NOT, settle_denied, take_denied
from synthcmr.conditioning.prompt_diagnosis import agree_on_ef, take_diagnosis, take_severity
from synthcmr.conditioning.prompt_numbers import FLAG, take_numbers
from synthcmr.conditioning.prompt_person import settle_age, take_ages, take_bmi, take_sex
from synthcmr.conditioning.prompt_text import PromptText
from synthcmr.conditioning.prompt_writer import EXAMPLE, QUOTED, Understood
from synthcmr.errors import SettingsError

MAX_CHARACTERS = 1000
HEART = (*HEART_NUMBERS, "severity")
COUNTED = (
    r"(?<![\w.,-])(?:\d+|two|three|four|five|six|ten|several|many|some)(?=\s+(?:different\s+)?"
    r"(?:men|women|males|females|patients|people|persons|subjects|images|pictures|slices|scans|hearts)\b)"
)
ANYONE = r"(?<!\w)(?:short[ -]axis|mri|cmr|patient|anyone|someone)(?!\w)"
PHASE_ONLY = r"(?!\s+(?:volume|diameter|dimension|pressure|wall|dysfunction|function|blood))"  # "end-diastolic volume" is no phase
CLOSE = 0.84  # how alike an unknown word must be to a known one to be taken for a slip


def read_prompt(text: str) -> Understood:
    """What a prompt says.

    Raises:
        SettingsError: it is empty, too long, says nothing that is understood, contradicts itself or asks for the impossible.
    """
    _readable(text)
    quoted, outside = _quoted(text)
    rest = PromptText(outside)
    notes: list[str] = []
    denied = take_denied(rest, notes)
    if rest.set_aside(COUNTED):
        notes.append("how many is said by -n or --subjects")
    numbers = take_numbers(rest, notes)
    codes = [str(quoted.pop("diagnosis"))] if "diagnosis" in quoted else []
    ages = take_ages(rest, numbers)
    sex, bmi = take_sex(rest, ages.sexes, notes), take_bmi(rest, numbers, notes)
    diagnosis, description = take_diagnosis(rest, codes, "NOR" if denied.healthy else None, notes)
    excluded = settle_denied(denied, diagnosis, description, notes)
    numbers |= take_severity(rest, numbers, diagnosis)
    agree_on_ef(description, numbers)
    level, phases, scanner = _level(rest), _phases(rest), _vendor(rest, quoted)
    age = settle_age(rest, ages, bool(rest.taken or quoted), notes)  # last: a number that is left alone
    attributes = {k: v for k, v in numbers.items() if k not in HEART} | quoted | scanner
    person = {"sex": sex, "age": age, "bmi": bmi, "diagnosis": diagnosis}
    attributes |= {k: v for k, v in person.items() if v is not None}
    heart = {k: v for k, v in numbers.items() if k in HEART}
    checked({k: v for k, v in heart.items() if k != "severity"}, FLAG)
    understood = Understood(clean(attributes)[0], heart, level, phases, excluded, rest.ignored(), tuple(notes))
    return _meant(understood, rest, text)


def _readable(text: str) -> None:
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
    found: dict[str, Value] = {}

    def keep(match: re.Match[str]) -> str:
        name, code = match.group(1).lower(), _code(match.group(2)).strip()
        if re.search(rf"(?<![\w-]){NOT}\s+$", match.string[: match.start()], re.IGNORECASE):
            raise SettingsError(
                f"{FLAG}: expected a {name} in quotes that is there, got one that is denied, {code}; say what is there instead"
            )
        if code and found.setdefault(name, code) != code:
            raise SettingsError(f"{FLAG}: {name} is given twice, as {found[name]} and {code}; say one")
        return " , " if code else match.group(0)

    pattern = rf'(?<![\w"])({"|".join(QUOTED)})\s*[:=]?\s*"((?:[^"\\]|\\.)*)"'
    return found, re.sub(pattern, keep, text, flags=re.IGNORECASE | re.DOTALL)


def _code(quoted: str) -> str:
    try:
        return str(json.loads(f'"{quoted}"', strict=False))
    except ValueError:  # typed by hand, with a backslash that escapes nothing
        return quoted


def _level(rest: PromptText) -> str | None:
    levels = [name for name, words in w.LEVEL_WORDS.items() if rest.take_words(words)]
    if len(levels) > 1:
        raise SettingsError(
            f"{FLAG}: {' and '.join(levels)} contradict each other; say one slice, or make whole stacks with --subjects"
        )
    return levels[0] if levels else None


def _phases(rest: PromptText) -> tuple[str, ...]:
    rest.set_aside(rf"(?<!\w)(?:end[ -]?)?(?:dia|sy)stolic(?!{PHASE_ONLY}).\S+")
    return tuple(phase for phase, words in w.PHASE_WORDS.items() if rest.take_words(words))


def _vendor(rest: PromptText, quoted: dict[str, Value]) -> dict[str, Value]:
    said = [str(quoted["vendor"])] if "vendor" in quoted else []
    vendors = list(dict.fromkeys(said + [parse_vendor(v) for v in rest.take_words(w.VENDOR_WORDS)]))
    if len(vendors) > 1:
        raise SettingsError(f"{FLAG}: {' and '.join(vendors)} contradict each other; say one vendor")
    return {"vendor": vendors[0]} if vendors else {}


def _meant(understood: Understood, rest: PromptText, text: str) -> Understood:
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
    nobody = () if something else ("nothing is said of the patient: anyone",)
    return replace(u, notes=(*notes, *nobody))


def _slips(unknown: tuple[str, ...]) -> list[str]:
    """What an unknown word may have been meant to be."""
    known = [p for ps in w.DIAGNOSIS_WORDS.values() for p in ps] + [*w.BMI_WORDS, *w.AGE_WORDS, *w.VENDOR_WORDS]
    long = [p for p in known if len(p) > 4]
    slips = []
    for piece in unknown:
        said = piece.lower()
        close = difflib.get_close_matches(said, long, n=1, cutoff=CLOSE)
        if close and said not in close[0] and close[0] not in said:  # "normal RV" is no slip for "abnormal RV"
            slips.append(f"'{piece}' is not understood; did you mean '{close[0]}'?")
    return slips


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
