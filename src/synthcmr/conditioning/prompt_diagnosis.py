"""Diagnosis and severity in a prompt."""

from collections.abc import Mapping

from synthcmr.conditioning import wordings as w
from synthcmr.conditioning.prompt_numbers import FLAG
from synthcmr.conditioning.prompt_text import WORD_END, WORD_START, PromptText, one_of
from synthcmr.errors import SettingsError

# "severe mitral regurgitation": unknown words to the end of the clause; what was understood left wider gaps
SEVERE_OTHER = (
    rf"{WORD_START}{one_of(w.SEVERITY_WORDS)} (?=\w)(?!{one_of(w.EMPTY_WORDS)}{WORD_END})(?:(?!\s\s)[^,;.])+(?=[,;.]|$)"
)


def take_diagnosis(
    rest: PromptText, quoted: list[str], healthy: str | None, notes: list[str]
) -> tuple[str | None, str | None]:
    """The one diagnosis.

    Args:
        rest: of the prompt.
        quoted: codes given in quotes.
        healthy: NOR where the heart is said to have nothing.
        notes: what was assumed is added to them.

    Returns:
        The code, and the code of what was said where that is only a description ("HFrEF").

    Raises:
        SettingsError: several that contradict each other.
    """
    said = {p: code for code, phrases in w.DIAGNOSIS_WORDS.items() for p in phrases}
    # diseases before health, so that "healthy heart failure" is seen to contradict itself
    ill = [said[p] for p in rest.take_words(p for p in said if said[p] != "NOR")]
    found = quoted + ill + [said[p] for p in rest.take_words(p for p in said if said[p] == "NOR")]
    found += [code for code, pattern in w.DIAGNOSIS_PATTERNS.items() if rest.take(pattern)]
    found = list(dict.fromkeys([*found, healthy] if healthy else found))
    narrow = [c for c in found if not _wider(c, found)]
    if len(narrow) > 1:
        told = " and ".join(w.DIAGNOSES.get(c, c) for c in narrow)
        raise SettingsError(f"{FLAG}: {told} contradict each other here: a subject has one diagnosis; say one")
    if not narrow:
        return None, None
    taken = narrow[0] if quoted else w.TAKEN_AS.get(narrow[0], narrow[0])
    if taken != narrow[0]:
        notes.append(f"{narrow[0]} taken as {w.DIAGNOSES[taken]} ({taken})")
    descriptions = [c for c in found if c in w.EF_OF]
    return taken, descriptions[0] if descriptions else None


def _wider(code: str, found: list[str]) -> bool:
    """Whether something that was said says more precisely what this code says."""
    return any(other in w.NARROWER.get(code, ()) for other in found)


def take_severity(rest: PromptText, numbers: Mapping[str, float], diagnosis: str | None) -> dict[str, float]:
    """Severity from words, unless a number gives it.

    Raises:
        SettingsError: words that contradict each other, the number, or health.
    """
    rest.set_aside(SEVERE_OTHER)
    words = rest.take_words(w.SEVERITY_WORDS)
    values = sorted({w.SEVERITY_WORDS[word] for word in words})
    given = numbers.get("severity")
    if len(values) > 1:
        raise SettingsError(
            f"{FLAG}: {' and '.join(words)} contradict each other; say one, or a number such as severity 0.8"
        )
    if not values:
        return {}
    if given is not None and abs(given - values[0]) > 0.5:
        raise SettingsError(
            f"{FLAG}: {words[0]} (taken as {values[0]:g}) and severity {given:g} contradict each other; say one"
        )
    if diagnosis == "NOR":
        raise SettingsError(f"{FLAG}: {words[0]} and {w.DIAGNOSES['NOR']} contradict each other; say one")
    return {} if given is not None else {"severity": values[0]}


def agree_on_ef(description: str | None, numbers: Mapping[str, float]) -> None:
    """Refuse an ejection fraction that the words for it exclude.

    Raises:
        SettingsError: "HFrEF" with an EF of 60 %.
    """
    ef = numbers.get("lv_ef_percent")
    if description is None or ef is None:
        return
    low, high = w.EF_OF[description]
    if not low <= ef <= high:
        raise SettingsError(
            f"{FLAG}: {description} and an EF of {ef:g} % contradict each other: expected {low:g} to {high:g} %; leave one out"
        )
