"""Sex, age and build in a prompt."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthcmr.cohort.attributes import ATTRIBUTES
from synthcmr.conditioning import wordings as w
from synthcmr.conditioning.heart_numbers import in_range
from synthcmr.conditioning.prompt_numbers import FLAG, measure, number_of
from synthcmr.conditioning.prompt_text import PromptText
from synthcmr.errors import SettingsError

TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_WHOSE = {"her": "female", "his": "male"}
PART_OF_DECADE = {"early": 2.0, "mid": 5.0, "late": 8.0}
_DECADES = {tens[:-1] + "ies": value for tens, value in TENS.items()}
DECADE = (
    r"(?<!\w)(?:in )?(?:(?P<whose>her|his|their|the)\s+)?(?:(?P<part>early|mid|late)[ -]+)?"
    rf"(?:(?P<digits>[1-9])0'?s|(?P<word>{'|'.join(_DECADES)}))(?!\w)"
)
_WORDS = rf"(?P<tens{{0}}>{'|'.join(TENS)})(?:[ -](?P<ones{{0}}>{'|'.join(ONES)}))?"
_YEARS = r"[ -]?(?:years?|yrs?|yo)(?:[ -]old)?"
IN_WORDS = rf"(?<![\w-])(?:(?:aged?|of)\s+{_WORDS.format(1)}(?:{_YEARS})?|{_WORDS.format(2)}{_YEARS})(?!\w|-\w)"
LETTER_AND_AGE = (
    r"(?<![\w.,/'’-])(?:(?P<sex1>[fm])\s?/?\s?(?P<age1>\d{1,3})(?![\w%]|[.,]\d|\s*(?:-|years?|y(?:rs?|o)?\b))"
    r"|(?P<age2>\d{1,3})\s?/?\s?(?P<sex2>[fm])(?![\w/'’-]))"
)
OLD = r"(?<!\w)old(?=\s+(?:man|woman|lady|gentleman|female|male|patient|person|people|men|women)\b)"
LEADING = r"(?:(?:who|is|of|at|a|an|the|aged|and|,|-)\s+)*"
_AGE = r"\d{1,3}(?:\.\d)?"
ALONE = (
    rf"(?:^|(?<=[,;.|/\"\[])|(?<=\s\()|(?<=\s\s))\s*{LEADING}(?<!\d[.,])"
    rf"(?:between\s+(?P<a>{_AGE})\s+and\s+(?P<b>{_AGE})|(?P<c>-?{_AGE})(?:\s*(?:-|to)\s*(?P<d>{_AGE}))?)"
    r"\s*(?=[,;.|/)\"\]](?!\d)|\s\s|\s-\s|$)"
)
BMI_TOLERANCE = 1.5  # kg/m2, about what rounding height to 5 cm makes
WORD_TOLERANCE = 0.5  # kg/m2 beyond the range of a word such as "obese"


@dataclass(frozen=True)
class Ages:
    """All that is said of the age, before it is held against each other."""

    years: list[float]  # as numbers
    meant: list[tuple[str, float, float, float]]  # words: as typed, years they are taken as, from, to
    sexes: list[str]  # said along with it: "F45", "in her 60s"


def take_ages(rest: PromptText, numbers: Mapping[str, float]) -> Ages:
    """Ages in numbers, in words and in decades."""
    sexes, years = _letters(rest)
    years += [numbers["age"]] if "age" in numbers else []
    years += [_in_words(m["tens1"] or m["tens2"], m["ones1"] or m["ones2"]) for m in rest.take(IN_WORDS)]
    meant = _decades(rest, sexes)
    meant += [("old", *w.AGE_WORDS["elderly"])] if rest.take(OLD) else []
    meant += [(word, *w.AGE_WORDS[word]) for word in rest.take_words(w.AGE_WORDS)]
    return Ages(years, meant, sexes)


def settle_age(rest: PromptText, ages: Ages, somebody: bool, notes: list[str]) -> float | None:
    """The one age. To be called last: a number that is then left alone is read as the age, as in "woman, 67".

    Args:
        rest: of the prompt.
        ages: what is said of the age.
        somebody: whether anything else was understood; only then a number alone means something.
        notes: what was assumed is added to them.

    Raises:
        SettingsError: ages that contradict each other, or numbers that are none.
    """
    alone = [number_of(m, notes) for m in rest.take(ALONE)] if somebody else []
    different = list(dict.fromkeys(ages.years + alone))
    if len(different) > 1:
        told = " and ".join(f"{n:g}" for n in different)
        why = "; a number alone is read as an age: say what the others are, such as BMI 31" if alone else "; say one"
        raise SettingsError(f"{FLAG}: age is given twice, as {told}{why}")
    age = in_range(measure("age"), different[0], FLAG) if different else None
    spans = [(f"{age:g} years", age, age)] if age is not None else []
    for said, _, low, high in ages.meant:
        clash = next((other for other, from_, to in spans if from_ > high or to < low), None)
        if clash is not None:
            raise SettingsError(f"{FLAG}: {said} and {clash} contradict each other; say one")
        spans.append((said, low, high))
    if age is None and ages.meant:
        said, age = ages.meant[0][:2]
        notes.append(f"{said} taken as {age:g} years")
    return age


def _letters(rest: PromptText) -> tuple[list[str], list[float]]:
    """Sex and age as F45, 45F or M/70."""
    found = rest.take(LETTER_AND_AGE)
    sexes = ["female" if (m["sex1"] or m["sex2"]).lower() == "f" else "male" for m in found]
    return sexes, [in_range(measure("age"), float(m["age1"] or m["age2"]), FLAG) for m in found]


def _in_words(tens: str, ones: str | None) -> float:
    return float(TENS[tens.lower()] + (ONES[ones.lower()] if ones else 0))


def _decades(rest: PromptText, sexes: list[str]) -> list[tuple[str, float, float, float]]:
    """As typed, the age taken, and the ages it may mean; "in her 60s" also says the sex."""
    found = []
    for match in rest.take(DECADE):
        start = 10.0 * int(match["digits"]) if match["digits"] else float(_DECADES[match["word"].lower()])
        whose = (match["whose"] or "").lower()
        sexes += [_WHOSE[whose]] if whose in _WHOSE else []
        taken = start + PART_OF_DECADE[(match["part"] or "mid").lower()]
        found.append((match.group(0).strip(), taken, start, start + 10))
    return found


def take_sex(rest: PromptText, sexes: list[str], notes: list[str]) -> str | None:
    """Female or male, in words.

    Args:
        rest: of the prompt.
        sexes: said along with the age.
        notes: what was assumed is added to them.

    Raises:
        SettingsError: both, or a pregnant man.
    """
    found = sexes + [sex for sex, names in w.SEX_WORDS.items() if rest.take_words(names)]
    motherhood = rest.take_words(w.ONLY_WOMEN)
    if len(set(found)) > 1:
        raise SettingsError(
            f"{FLAG}: {' and '.join(dict.fromkeys(found))} contradict each other; say one sex, or leave it out"
        )
    if motherhood and "male" in found:
        raise SettingsError(f"{FLAG}: male and {motherhood[0]} contradict each other; say one")
    if motherhood:
        notes.append(f"{motherhood[0]} taken as female; the generator knows nothing more of it")
        return "female"
    return found[0] if found else None


def take_bmi(rest: PromptText, numbers: Mapping[str, float], notes: list[str]) -> float | None:
    """BMI from words such as "obese", where no numbers give it.

    Raises:
        SettingsError: words and numbers that contradict each other.
    """
    known = _known_bmi(numbers)
    said = rest.take_words(w.BMI_WORDS)
    for word in said:
        _, low, high = w.BMI_WORDS[word]
        other = next((o for o in said if w.BMI_WORDS[o][1] >= high or w.BMI_WORDS[o][2] <= low), None)
        if known is not None and not low - WORD_TOLERANCE <= known <= high + WORD_TOLERANCE:
            other = f"BMI {known:.4g}"
        if other is not None:
            raise SettingsError(f"{FLAG}: {word} and {other} contradict each other; say one")
    if not said or known is not None:
        return None
    taken = w.BMI_WORDS[said[0]][0]
    notes.append(f"{said[0]} taken as BMI {taken:g}")
    return taken


def _known_bmi(numbers: Mapping[str, float]) -> float | None:
    bmi = numbers.get("bmi")
    if not {"height_cm", "weight_kg"} <= set(numbers):
        return bmi
    made = numbers["weight_kg"] / (numbers["height_cm"] / 100) ** 2
    if (bmi is not None and abs(bmi - made) > BMI_TOLERANCE) or not ATTRIBUTES["bmi"].low <= made <= ATTRIBUTES[
        "bmi"
    ].high:
        against = (
            f", not {bmi:g}"
            if bmi is not None
            else f"; expected {ATTRIBUTES['bmi'].low:g} to {ATTRIBUTES['bmi'].high:g}"
        )
        raise SettingsError(
            f"{FLAG}: {numbers['height_cm']:g} cm and {numbers['weight_kg']:g} kg make a BMI of {made:.1f}{against}; leave one out"
        )
    return made
