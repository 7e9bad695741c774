"""The grammar of prompts: patterns take statements out of a text, and the statements about one attribute are made to agree."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from synthcmr.cohort.attributes import ATTRIBUTES
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, SEVERITY, HeartNumber
from synthcmr.conditioning.prompt_words import EMPTY_WORDS, FLAG, MEASURES, Term
from synthcmr.errors import SettingsError

WORD_START = r"(?<!\w)(?<!\w['’])(?<![^\W\d]-)"  # not inside "left-handed" or "I'm"
WORD_END = r"(?!\w|-[^\W\d]|['’](?!s\b)\w)"
POSSESSIVE = r"(?:['’]s(?!\w))?"
DASHES = re.compile(r"[\u2010-\u2015\u2212]")
ZERO_WIDTH = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")  # they would split words that look whole
DIFFERENT = 0.051  # two values that print alike are one
TOLERANCE = {"bmi": 0.5, "severity": 0.25}  # beyond what a word such as "obese" allows
SAY_ONE = {
    "sex": "say one sex, or leave it out",
    "slice_level": "say one slice, or make whole stacks with --subjects",
    "vendor": "say one vendor",
    "severity": "say one, or a number such as severity 0.8",
    "lv_ef_percent": "leave one out",
}
OTHERS = {"severity": SEVERITY, "chest_fat_mm": HeartNumber("chest fat", "mm", 1, 150)}
LABELS = {"bmi": "BMI", "age": "age", "heart_rate": "heart rate"}


@dataclass(frozen=True)
class Statement:
    """One thing that a prompt says of an attribute."""

    value: str | float | None  # None: only the limits are stated
    text: str  # as typed
    low: float = -math.inf
    high: float = math.inf
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether it is a number, rather than a word that allows a range."""
        return self.value is not None and self.low == self.high


class PromptText:
    """What is left to be understood, and what was set aside on the way."""

    def __init__(self, text: str) -> None:
        """Begin with the whole text."""
        self.left = plain(text)
        self.taken: list[str] = []
        self._aside: list[tuple[int, str]] = []  # where, and what as typed

    def take(
        self, pattern: str, where: Callable[[str], object] = str.strip, part: str | int = 0
    ) -> list[re.Match[str]]:
        """Find all places, whatever their case, and take those out of which `where` holds; of each the whole, or one group."""
        matches = [m for m in _compiled(pattern).finditer(self.left) if where(m.group(0).strip())]
        for match in matches:
            self._blank(*match.span(part))
        self.taken += [m.group(part).strip().lower() for m in matches]
        return matches

    def take_phrases(self, phrases: Iterable[str]) -> list[tuple[str, str]]:
        """Which of these phrases are there, each with how it is typed, in their order in the text; the longest phrase wins."""
        places: list[tuple[int, str, str]] = []
        for words in sorted(phrases, key=len, reverse=True):
            matches = self.take(f"{WORD_START}(?P<typed>{phrase(words)}){WORD_END}{POSSESSIVE}")
            places += [(m.start(), words, m["typed"]) for m in matches]
        return list({words: (words, typed) for _, words, typed in sorted(places)}.values())

    def take_terms(self, terms: Sequence[Term]) -> list[Statement]:
        """What the terms of one attribute state, in the order of the text."""
        by_phrase = {words: term for term in terms for words in term.phrases}
        return [stated(by_phrase[words], typed) for words, typed in self.take_phrases(by_phrase)]

    def set_aside(self, pattern: str) -> list[str]:
        """Take places out that are seen, but must not be read as what they name."""
        matches = [m for m in _compiled(pattern).finditer(self.left) if m.group(0).strip()]
        for match in matches:
            self._blank(*match.span())
            self._aside.append((match.start(), match.group(0).strip()))
        return [m.group(0).strip() for m in matches]

    def unknown(self) -> tuple[str, ...]:
        """What nothing is known of, as typed."""
        return tuple(text for _, text in _pieces(self.left))

    def ignored(self) -> tuple[str, ...]:
        """What was not understood or set aside, as typed, in the order of the text."""
        return tuple(text for _, text in sorted(self._aside + _pieces(self.left)))

    def _blank(self, start: int, end: int) -> None:
        self.left = self.left[:start] + " " * (end - start) + self.left[end:]


@lru_cache(maxsize=8192)  # the grammar has some thousand patterns, four times what re keeps by itself
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def stated(term: Term, typed: str) -> Statement:
    """A term as a statement."""
    return Statement(term.value, typed, term.low, term.high, term.note.format(typed))


def number(value: float, text: str) -> Statement:
    """A number as a statement."""
    return Statement(value, text, value, value)


def plain(text: str) -> str:
    """One kind of digits, letters, spaces and dashes, so that what reads the same is parsed the same."""
    normal = ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text))
    return re.sub(r"\s+", " ", DASHES.sub("-", normal)).strip()


@lru_cache(maxsize=4096)  # the same words of the grammar are asked for with every prompt
def phrase(words: str) -> str:
    """The pattern of a phrase: its words may be joined by a space, a hyphen or nothing."""
    return "[ -]?".join(re.escape(word) for word in re.split(r"[ -]", words))


def one_of(phrases: Iterable[str]) -> str:
    """The pattern of any of these phrases, longest first."""
    return "(?:" + "|".join(phrase(p) for p in sorted(phrases, key=len, reverse=True)) + ")"


def agreed_number(name: str, statements: Sequence[Statement], notes: list[str], hint: str = "") -> float | None:
    """The one value that all statements about a number allow: the number itself, or else what the narrowest word is taken as.

    Args:
        name: of the measure.
        statements: all that is said of it.
        notes: what was assumed is added to them.
        hint: what to do where it is given twice.

    Raises:
        SettingsError: they contradict each other.
    """
    numbers = [s for s in statements if s.exact]
    values = [float(str(s.value)) for s in numbers]
    other = next((v for v in values[1:] if abs(v - values[0]) > DIFFERENT), None)
    if other is not None:
        raise SettingsError(
            f"{FLAG}: {measure(name).label} is given twice, as {values[0]:g} and {other:g}; {hint or 'say one'}"
        )
    words = [s for s in statements if not s.exact]
    for word in words:
        clash = next((w for w in words if w.low >= word.high), None)
        if clash is not None:
            raise SettingsError(
                f"{FLAG}: {clash.text} and {word.text} contradict each other; {SAY_ONE.get(name, 'say one')}"
            )
        _within(name, word, values)
    if values:
        return values[0]
    valued = [s for s in words if s.value is not None]
    if not valued:
        return None
    narrowest = min(valued, key=lambda s: s.high - s.low)
    value = float(str(narrowest.value))
    notes.append(f"{narrowest.text} taken as {written(name, value)}")
    return value


def _within(name: str, word: Statement, values: Sequence[float]) -> None:
    tolerance = TOLERANCE.get(name, 0.0)
    if values and not word.low - tolerance <= values[0] <= word.high + tolerance:
        raise SettingsError(
            f"{FLAG}: {word.text} and {written(name, values[0])} contradict each other: expected {word.low:g} to {word.high:g} "
            f"{measure(name).unit}".rstrip()
            + f"; {SAY_ONE.get(name, 'say one')}"
        )


def agreed_category(name: str, statements: Sequence[Statement], notes: list[str]) -> str | None:
    """The one value of a category.

    Raises:
        SettingsError: several are stated.
    """
    by_value = {str(s.value): s for s in reversed(statements)}
    if len(by_value) > 1:
        texts = " and ".join(dict.fromkeys(s.text for s in statements if s is by_value[str(s.value)]))
        raise SettingsError(f"{FLAG}: {texts} contradict each other; {SAY_ONE.get(name, 'say one')}")
    notes += [s.note for s in statements if s.note]
    return next(iter(by_value), None)


def measure(name: str) -> HeartNumber:
    """Label, unit and range of anything that a prompt can put in numbers."""
    if name in HEART_NUMBERS:
        return HEART_NUMBERS[name]
    if name in OTHERS:
        return OTHERS[name]
    spec = ATTRIBUTES[name]
    return HeartNumber(LABELS.get(name, name.rsplit("_", 1)[0].replace("_", " ")), spec.unit, spec.low, spec.high)


def written(name: str, value: float) -> str:
    """A measure as a prompt states it."""
    how = MEASURES[name]
    return how.written.format(f"{round(value, how.decimals):g}")


def _pieces(text: str) -> list[tuple[int, str]]:
    """Where unknown words stand, and the words from the first to the last of them in each clause."""
    pieces = []
    for clause in re.finditer(r"(?:[^,.;:/()+&|\s]|[.,'](?=\S)| (?! ))+", text):
        words = [m for m in re.finditer(r"\S+", clause.group(0)) if _means_something(m.group(0))]
        if words:
            start, end = words[0].start(), words[-1].end()
            pieces.append((clause.start() + start, clause.group(0)[start:end].strip(".,;'")))
    return pieces


def _means_something(word: str) -> bool:
    bare = re.sub(r"^[\W_]+|[\W_]+$", "", word).lower()
    return bare not in EMPTY_WORDS if bare else not word.isascii()
