"""What words, rather than numbers with units, say of a patient, and what they deny: age, sex, build, function, diagnosis and severity."""

import re
from dataclasses import dataclass, field

from synthcmr.conditioning import prompt_words as w
from synthcmr.conditioning.heart_numbers import in_range
from synthcmr.conditioning.prompt_grammar import (
    WORD_END,
    WORD_START,
    PromptText,
    Statement,
    agreed_number,
    measure,
    number,
    one_of,
    stated,
)
from synthcmr.conditioning.prompt_numbers import EF_LABEL, EF_WORD, number_of
from synthcmr.errors import SettingsError

_DECADES = {tens[:-1] + "ies": value for tens, value in w.TENS.items()}
DECADE = (
    r"(?<!\w)(?:in )?(?:(?P<whose>her|his|their|the)\s+)?(?:(?P<part>early|mid|late)[ -]+)?"
    rf"(?:(?P<digits>[1-9])0'?s|(?P<word>{'|'.join(_DECADES)})"
    rf"|(?:(?P<ordinal>{'|'.join(w.ORDINALS)})|(?P<nth>[2-9])(?:nd|rd|th)) decade(?: of (?:life|age))?)(?!\w)"
)
_IN_WORDS = rf"(?P<tens{{0}}>{'|'.join(w.TENS)})(?:[ -](?P<ones{{0}}>{'|'.join(w.ONES)}))?"
_YEARS = r"[ -]?(?:years?|yrs?|yo)(?:[ -]old)?"
IN_WORDS = (
    rf"(?<![\w-])(?:(?:aged?|of)\s+{_IN_WORDS.format(1)}(?:{_YEARS})?|{_IN_WORDS.format(2)}{_YEARS}"
    rf"|(?:^|(?<=[,;.]\s)){_IN_WORDS.format(3)}(?=\s*(?:[,;.]|$)))(?!\w|-\w)"
)
LETTER_AND_AGE = (
    r"(?<![\w.,/'’-])(?:(?P<sex1>[fm])\s?/?\s?(?P<age1>\d{1,3})(?![\w%]|[.,]\d|\s*(?:-|years?|y(?:rs?|o)?\b))"
    r"|(?P<age2>\d{1,3})\s?(?:y/?o\.?|y)?\s?/?\s?(?P<sex2>[fm])(?![\w/'’-]))"
)
OLD = r"(?<!\w)old(?=\s+(?:man|woman|lady|gentleman|female|male|patient|person|people|men|women)\b)"
LEADING = r"(?:(?:who|is|of|at|a|an|the|aged|and|,|-)\s+)*"
_AGE = r"\d{1,3}(?:\.\d)?"
ALONE = (
    rf"(?:^|(?<=[,;.|/\"\[])|(?<=\s\()|(?<=\s\s))\s*{LEADING}(?<!\d[.,])"
    rf"(?:between\s+(?P<a>{_AGE})\s+and\s+(?P<b>{_AGE})|(?P<c>-?{_AGE})(?:\s*(?:-|to)\s*(?P<d>{_AGE}))?)"
    r"\s*(?=[,;.|/)\"\]](?!\d)|\s\s|\s-\s|$)"
)
# "severe mitral regurgitation": unknown words to the end of the clause; what was understood left wider gaps
SEVERE_OTHER = (
    rf"{WORD_START}{one_of(words for t in w.SEVERITY_TERMS for words in t.phrases)} (?=\w)"
    rf"(?!{one_of(w.EMPTY_WORDS)}{WORD_END})(?:(?!\s\s)[^,;.])+(?=[,;.]|$)"
)
_FILLER = (
    r"(?:(?:known|any|an?|the|history|previous|prior|evidence|signs?|of|had|have|has|been|from|suffer(?:s|ing)?|diagnosed|with"
    r"|diagnosis|suspected|overt|severe(?:ly)?|mild(?:ly)?|moderate(?:ly)?|acute|chronic|currently|longer|very|be|is)[ -]+){0,5}"
)


def take_failure(rest: PromptText) -> list[Statement]:
    """Heart failure named by its ejection fraction, whose number may follow: the words before it are taken, the measure is left."""
    statements = []
    for term in w.DIAGNOSIS_TERMS:
        named = [words for words in term.phrases if str(term.value) in w.EF_OF and " with " in words]
        starts = {words.removesuffix(ef) for words in named for ef in w.FUNCTION if words.endswith(f" {ef}")}
        if starts:
            pattern = rf"{WORD_START}(?P<failure>{one_of(s.strip() for s in starts)})[ -]?{EF_LABEL}"
            statements += [stated(term, m["failure"]) for m in rest.take(pattern, part="failure")]
    return statements


def take_function(rest: PromptText, described: bool) -> list[Statement]:
    """An ejection fraction in words ("mildly reduced EF", "EF is preserved"), where no number stands.

    Args:
        rest: of the prompt, without its numbers.
        described: whether what is left of an ejection fraction belongs to a diagnosis or a number.
    """
    grades = {re.sub(r"[ -]", "", words): term for term in w.EF_TERMS for words in term.phrases}
    pattern = (
        rf"(?<!\w)(?:(?P<before>{EF_WORD})[ -]{EF_LABEL}|{EF_LABEL}\s+(?:is\s+|was\s+|:\s*)?(?P<after>{EF_WORD})(?!\w))"
    )
    statements = []
    for match in rest.take(pattern):
        word = re.sub(r"[ -]", "", match["before"] or match["after"]).lower()
        statements.append(stated(grades[word], match.group(0).strip()))
    if described:
        rest.take(EF_LABEL)
        statements += [
            stated(grades[re.sub(r"[ -]", "", m["word"].lower())], f"{m['word']} EF")
            for m in rest.take(rf"(?<!\w)(?P<word>{EF_WORD})(?=\s\s)")
        ]
    return statements


def take_ages(rest: PromptText) -> tuple[list[Statement], list[Statement]]:
    """Ages as F45, in words and in decades; and the sex that is said along with them."""
    ages: list[Statement] = []
    sexes: list[Statement] = []
    for m in rest.take(LETTER_AND_AGE):
        age = in_range(measure("age"), float(m["age1"] or m["age2"]), w.FLAG)
        ages.append(number(age, m.group(0)))
        sexes.append(Statement("female" if (m["sex1"] or m["sex2"]).lower() == "f" else "male", m.group(0)))
    for m in rest.take(IN_WORDS):
        tens, ones = (m[f"{part}1"] or m[f"{part}2"] or m[f"{part}3"] for part in ("tens", "ones"))
        ages.append(number(float(w.TENS[tens.lower()] + (w.ONES[ones.lower()] if ones else 0)), m.group(0)))
    for m in rest.take(DECADE):
        start = _decade(m)
        value = start + w.PART_OF_DECADE[(m["part"] or "mid").lower()]
        ages.append(Statement(value, m.group(0).strip(), start, start + 10))
        whose = (m["whose"] or "").lower()
        sexes += [Statement(w.WHOSE[whose], m.group(0).strip())] if whose in w.WHOSE else []
    ages += [stated(w.OLD, m.group(0)) for m in rest.take(OLD)]
    return ages, sexes


def _decade(match: re.Match[str]) -> float:
    """Where the decade of a life begins: the sixth one at 50."""
    if match["ordinal"]:
        return 10.0 * (w.ORDINALS.index(match["ordinal"].lower()) + 1)
    if match["nth"]:
        return 10.0 * (int(match["nth"]) - 1)
    return 10.0 * int(match["digits"]) if match["digits"] else float(_DECADES[match["word"].lower()])


def agreed_age(rest: PromptText, ages: list[Statement], other: bool, notes: list[str]) -> float | None:
    """The one age. To be called last: a number that is then left alone is read as the age, as in "woman, 67".

    Args:
        rest: of the prompt.
        ages: what is said of the age.
        other: whether anything else was understood; only then a number alone means something.
        notes: what was assumed is added to them.

    Raises:
        SettingsError: ages that contradict each other, or numbers that are none.
    """
    alone = [number(number_of(m, notes), m.group(0)) for m in rest.take(ALONE)] if other else []
    hint = "a number alone is read as an age: say what the others are, such as BMI 31" if alone else ""
    age = agreed_number("age", [*ages, *alone], notes, hint)
    return None if age is None else in_range(measure("age"), age, w.FLAG)


def take_diagnosis_patterns(rest: PromptText) -> list[Statement]:
    """Words that are a diagnosis in some places only."""
    return [
        Statement(code, m.group(0).strip())
        for code, pattern in w.DIAGNOSIS_PATTERNS.items()
        for m in rest.take(pattern)
    ]


def agreed_diagnosis(
    statements: list[Statement], healthy: bool, quoted: bool, notes: list[str]
) -> tuple[str | None, str | None]:
    """The one diagnosis.

    Args:
        statements: all diagnoses that are stated.
        healthy: whether the heart is said to have nothing.
        quoted: whether the first is a data set's own code.
        notes: what was assumed is added to them.

    Returns:
        The code, and the code of what was said where that is only a description ("HFrEF").

    Raises:
        SettingsError: several that contradict each other.
    """
    codes = list(dict.fromkeys([*(str(s.value) for s in statements), *(["NOR"] if healthy else [])]))
    narrow = [c for c in codes if not any(other in w.NARROWER.get(c, ()) for other in codes)]
    if len(narrow) > 1:
        names = " and ".join(w.DIAGNOSES.get(c, c) for c in narrow)
        raise SettingsError(f"{w.FLAG}: {names} contradict each other here: a subject has one diagnosis; say one")
    if not narrow:
        return None, None
    shown = narrow[0] if quoted else w.TAKEN_AS.get(narrow[0], narrow[0])
    if shown != narrow[0]:
        notes.append(f"{narrow[0]} taken as {w.DIAGNOSES[shown]} ({shown})")
    descriptions = [c for c in codes if c in w.EF_OF]
    return shown, descriptions[0] if descriptions else None


def unhealthy(severity: list[Statement], diagnosis: str | None) -> None:
    """Refuse words for severity beside a healthy heart.

    Raises:
        SettingsError: "severe" and healthy.
    """
    words = [s for s in severity if not s.exact]
    if words and diagnosis == "NOR":
        raise SettingsError(f"{w.FLAG}: {words[0].text} and {w.DIAGNOSES['NOR']} contradict each other; say one")


def described_function(description: str | None) -> list[Statement]:
    """What a description such as "HFrEF" allows an ejection fraction to be."""
    return [] if description is None else [Statement(None, description, *w.EF_OF[description])]


def _phrases(*tables: tuple[w.Term, ...]) -> list[str]:
    return [words for terms in tables for term in terms for words in term.phrases]


_CODES = {words: str(t.value) for t in (*w.DIAGNOSIS_TERMS, *w.HEALTH_TERMS) for words in t.phrases}
_CODES |= {"cardiomyopathy": "cardiomyopathy"}
_FUNCTION = [f"{grade} {ef}" for grade in _phrases(w.EF_TERMS) for ef in w.FUNCTION]
_SEX = [words for words in _phrases(w.SEX_TERMS) if len(words) > 1]
_BODY = [*_phrases(w.BMI_TERMS, w.AGE_TERMS, w.HEART_RATE_TERMS), *_SEX]
_DENIABLE = one_of([*_CODES, *_BODY, *_FUNCTION, *w.OTHER_DISEASES, "normal", "nor", "rv"])
NOT = (
    r"(?:no|not|without|w/o|never|den(?:ies|ied|ying)|non|nor|neither|free (?:of|from)|absence of|is ?n['o’]t|has ?n['o’]t"
    r"|(?:rul(?:e|ed|es|ing)|exclud(?:e|ed|es|ing))(?: out)?|except(?: for)?|instead of|rather than|negative for"
    r"|(?:family|mother|father) history of|risk (?:factors? )?(?:of|for))"
)
NEGATED = (
    rf"(?<![\w-]){NOT}[ -]+{_FILLER}{_DENIABLE}{WORD_END}"
    rf"(?:\s*,?\s*(?:or|nor|and)\s+{_FILLER}{_DENIABLE}{WORD_END})*"
)
DENIED_AFTER = (
    rf"{WORD_START}{one_of([*_CODES, *w.OTHER_DISEASES])}{WORD_END}\s*(?:[:=(-]\s*)?(?:(?:is|was|has been|have been|are)\s+)?"
    r"(?:excluded|ruled out|not present|not found|absent|negative|unlikely|denied|no(?=\s*(?:$|[,;.)]))|none)(?!\w)"
)
NO_DISEASE = (
    r"(?<!\w)(?:no|without|free (?:of|from)|absence of)\s+(?:(?:any|known|evidence of|signs? of|history of|overt|a)\s+)*"
    r"(?:(?:cardiac|heart|cardiovascular)\s+)?(?:diseases?|disorders?|patholog(?:y|ies)|abnormalit(?:y|ies))(?!\w)"
)
_OF_OTHERS = r"(?:family|mother|father) history|risk"  # not there, but not denied either
# "no acute infarction" leaves room for an old one, "no HOCM" for another HCM
_SOME_OF_IT = (
    r"(?<!\w)(?:severe(?:ly)?|mild(?:ly)?|moderate(?:ly)?|acute|ami|chronic|old|previous|prior|recent|overt|currently|longer"
    r"|n?-?stemi|obstructive|hocm|hypertensive|pulmonary|pulmonale|pah)(?!\w)"
)
_BODY_TOO = rf"{WORD_START}{one_of(_BODY)}{WORD_END}"


@dataclass
class Denials:
    """What is said not to be there."""

    healthy: bool = False  # the heart is said to have nothing
    diagnoses: dict[str, tuple[str, ...]] = field(default_factory=dict)  # as typed -> codes

    @property
    def excluded(self) -> tuple[str, ...]:
        """The codes that no subject may have."""
        return tuple(dict.fromkeys(c for codes in self.diagnoses.values() for d in codes for c in _covered(d)))


def take_denials(rest: PromptText, notes: list[str]) -> Denials:
    """Keep what is denied from being read as present; "no heart disease" is a healthy heart."""
    nothing = rest.take(NO_DISEASE)
    notes += [f"{m.group(0).strip()} taken as {w.DIAGNOSES['NOR']} (NOR)" for m in nothing]
    denials = Denials(bool(nothing))
    for pattern in (NEGATED, DENIED_AFTER):
        for match in rest.take(pattern, where=_diagnoses):
            text = match.group(0).strip()
            denials.diagnoses[text] = _diagnoses(text)
            if re.search(_BODY_TOO, text, re.IGNORECASE):
                notes.append(f"'{text}' is followed for the diagnosis alone: say whoever is there instead")
        notes += [f"'{text}' is not followed: say what is there instead" for text in rest.set_aside(pattern)]
    return denials


def excluded_diagnoses(
    denials: Denials, diagnosis: str | None, description: str | None, notes: list[str]
) -> tuple[str, ...]:
    """Which diagnoses may not be drawn: none where one is stated that leaves nothing to be drawn.

    Raises:
        SettingsError: what is stated is denied too.
    """
    for text, codes in denials.diagnoses.items():
        same = {c for code in codes for c in (code, *w.KINDS.get(code, ()))}
        if same & {diagnosis, description} and not re.search(_SOME_OF_IT, text, re.IGNORECASE):
            _contradicts(f"'{text}'", str(diagnosis))
    excluded = denials.excluded
    if diagnosis is None or diagnosis in w.WIDER:
        if diagnosis is not None and set(w.WIDER[diagnosis]) <= set(excluded):
            _contradicts(" and ".join(f"'{text}'" for text in denials.diagnoses), diagnosis)
        for text, codes in denials.diagnoses.items():
            none_of = dict.fromkeys(c for code in codes for c in _covered(code))
            notes.append(f"'{text}': nobody is drawn with {' or '.join(none_of)}")
        return excluded
    requested = f"{w.DIAGNOSES.get(diagnosis, diagnosis)} is asked for"
    if diagnosis in excluded:
        notes += [f"'{text}' is not followed: {requested}" for text in denials.diagnoses]
    else:
        notes += [f"'{text}' changes nothing: {requested}" for text in denials.diagnoses]
    return ()


def _diagnoses(text: str) -> tuple[str, ...]:
    """The codes of all diagnoses that a denial names."""
    if re.match(_OF_OTHERS, text, re.IGNORECASE):
        return ()
    denied = re.sub(rf"^{NOT}[ -]+", "", text, flags=re.IGNORECASE)  # what follows "non-" is a word of its own
    if denied.upper() == "NOR":
        return ("NOR",)
    rest = PromptText(re.sub(r"\bnor\b", "or", denied, flags=re.IGNORECASE))
    codes = [_CODES[words] for words, _ in rest.take_phrases(_CODES)]
    rest.take_phrases(_FUNCTION)  # "no normal EF" denies no healthy heart
    codes += [code for code, pattern in w.DIAGNOSIS_PATTERNS.items() if rest.take(pattern)]
    return tuple(dict.fromkeys(codes))


def _covered(code: str) -> tuple[str, ...]:
    return (code, *w.KINDS.get(code, ()), *w.SHOWN_AS.get(code, ()))


def _contradicts(denials: str, diagnosis: str) -> None:
    name = w.DIAGNOSES.get(diagnosis, diagnosis)
    raise SettingsError(
        f"{w.FLAG}: {denials} and {name} contradict each other: expected a diagnosis that is not denied too, got both; leave one out"
    )
