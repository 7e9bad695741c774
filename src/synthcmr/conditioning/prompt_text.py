"""The text of a prompt, from which what is understood is taken piece by piece; what is left at the end was not understood."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from synthcmr.conditioning.wordings import EMPTY_WORDS

WORD_START = r"(?<!\w)(?<!\w['’])(?<![^\W\d]-)"  # not inside "left-handed" or "I'm"
WORD_END = r"(?!\w|-[^\W\d]|['’](?!s\b)\w)"
DASHES = re.compile(r"[\u2010-\u2015\u2212]")
UNSEEN = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")  # zero-width: they would split words that look whole

POSSESSIVE = r"(?:['’]s(?!\w))?"


class PromptText:
    """What is left to be understood, and what was set aside on the way."""

    def __init__(self, text: str) -> None:
        self.left = plain(text)
        self.taken: list[str] = []
        self._aside: list[tuple[int, str]] = []  # where, and what as typed

    def take(self, pattern: str, where: Callable[[str], object] = str.strip) -> list[re.Match[str]]:
        """Find all places, whatever their case, and take those out of which `where` holds."""
        found = [m for m in re.finditer(pattern, self.left, re.IGNORECASE) if where(m.group(0).strip())]
        for match in found:
            self._blank(match)
        self.taken += [m.group(0).strip().lower() for m in found]
        return found

    def take_words(self, words: Iterable[str]) -> list[str]:
        """Which of these words or phrases are there, in their order in the text; the longest phrase wins."""
        found: list[tuple[int, str]] = []
        for word in sorted(words, key=len, reverse=True):
            found += [(m.start(), word) for m in self.take(WORD_START + phrase(word) + WORD_END + POSSESSIVE)]
        return list(dict.fromkeys(word for _, word in sorted(found)))

    def set_aside(self, pattern: str) -> list[str]:
        """Take places out that are seen, but must not be read as what they name."""
        found = [m for m in re.finditer(pattern, self.left, re.IGNORECASE) if m.group(0).strip()]
        for match in found:
            self._blank(match)
            self._aside.append((match.start(), match.group(0).strip()))
        return [m.group(0).strip() for m in found]

    def unknown(self) -> tuple[str, ...]:
        """What nothing is known of, as typed."""
        return tuple(text for _, text in _pieces(self.left))

    def ignored(self) -> tuple[str, ...]:
        """What was not understood or set aside, as typed, in the order of the text."""
        return tuple(text for _, text in sorted(self._aside + _pieces(self.left)))

    def _blank(self, match: re.Match[str]) -> None:
        start, end = match.span()
        self.left = self.left[:start] + " " * (end - start) + self.left[end:]


def plain(text: str) -> str:
    """One kind of digits, letters, spaces and dashes, so that what looks the same is read the same."""
    normal = UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return re.sub(r"\s+", " ", DASHES.sub("-", normal)).strip()


def phrase(words: str) -> str:
    """The pattern of a phrase: its words may be joined by a space, a hyphen or nothing."""
    return "[ -]?".join(re.escape(word) for word in re.split(r"[ -]", words))


def one_of(phrases: Iterable[str]) -> str:
    """The pattern of any of these phrases, longest first."""
    return "(?:" + "|".join(phrase(p) for p in sorted(phrases, key=len, reverse=True)) + ")"


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
