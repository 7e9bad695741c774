"""What a prompt denies: never read as present, and never drawn where it is a diagnosis."""

import re
from dataclasses import dataclass, field

from synthcmr.conditioning import prompt_words as w
from synthcmr.conditioning.prompt_grammar import WORD_END, WORD_START, PromptText, one_of
from synthcmr.errors import SettingsError

_FILLER = (
    r"(?:(?:known|any|an?|the|history|previous|prior|evidence|signs?|of|had|have|has|been|from|suffer(?:s|ing)?|diagnosed|with"
    r"|diagnosis|suspected|overt|severe(?:ly)?|mild(?:ly)?|moderate(?:ly)?|acute|chronic|currently|longer|very|be|is)[ -]+){0,5}"
)


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
