"""Which attributes a generator knows, and how their values become numbers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.attributes import VENDOR_HINTS, Value
from synthcmr.errors import SettingsError

# Of the columns of a cohort, those that say something an image can show. Further ones are added by name in the settings.
DEFAULT_ATTRIBUTES = (
    "sex",
    "age",
    "bmi",
    "height_cm",
    "weight_kg",
    "diagnosis",
    "chest_fat_mm",
    "heart_rate",
    "systolic_bp",
    "vendor",
    "field_strength_t",
    "slice_level",
    "slice_fraction",
)
# Of these, what a planned subject takes from a real one.
FOLLOWED = ("sex", "age", "bmi", "height_cm", "weight_kg", "diagnosis", "vendor", "field_strength_t", "chest_fat_mm")
MIN_SPREAD = 1e-3
FAR = 3.0  # standard deviations


@dataclass(frozen=True)
class NumberWord:
    """An attribute that enters as a value."""

    name: str
    mean: float
    sd: float


# Round figures of adult populations (of slices, for the last), which say nothing about any cohort.
PUBLIC = {
    name: NumberWord(name, mean, sd)
    for name, mean, sd in (
        ("age", 55.0, 15.0),
        ("bmi", 26.0, 5.0),
        ("height_cm", 170.0, 10.0),
        ("weight_kg", 75.0, 16.0),
        ("heart_rate", 70.0, 12.0),
        ("systolic_bp", 130.0, 18.0),
        ("field_strength_t", 2.0, 0.7),
        ("slice_fraction", 0.5, 0.3),
    )
}


@dataclass(frozen=True)
class CategoryWord:
    """An attribute that is one of a few words."""

    name: str
    values: tuple[str, ...]


# Values of categories that are public, whoever is in a cohort; diagnoses as phantoms have them, which are those of ACDC and two more.
PUBLIC_VALUES = {
    "sex": ("female", "male"),
    "diagnosis": ("DCM", "HCM", "HFpEF", "HTN", "MINF", "NOR", "RV"),
    "vendor": tuple(sorted(set(VENDOR_HINTS.values()))),
    "slice_level": ("apical", "basal", "mid"),
    "look": ("phantom", "real"),
}


Word = NumberWord | CategoryWord


@dataclass(frozen=True)
class Vocabulary:
    """The attributes that a generator was trained with, in a fixed order."""

    words: tuple[Word, ...]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, object]], names: Iterable[str]) -> "Vocabulary":
        """Learn means, spreads and values from the attributes of training images; what is always missing is left out."""
        words: list[Word] = []
        for name in names:
            present = [row[name] for row in rows if is_present(row.get(name))]
            if not present:
                continue
            words.append(_category(name, present) if isinstance(present[0], str) else _number(name, present))
        return cls(tuple(words))

    @classmethod
    def public(cls, names: Iterable[str]) -> "Vocabulary":
        """Published means and spreads of numbers, and values of categories that are public; what has neither is left out."""
        known: dict[str, Word] = {
            **PUBLIC,
            **{name: CategoryWord(name, values) for name, values in PUBLIC_VALUES.items()},
        }
        return cls(tuple(known[name] for name in names if name in known))

    def extended(self, rows: Sequence[Mapping[str, object]], names: Iterable[str]) -> "Vocabulary":
        """With the further words of other training images behind: what numbers and words meant, they go on meaning."""
        other = {word.name: word for word in Vocabulary.of(rows, names).words}
        grown = tuple(_grown(word, other.pop(word.name, None)) for word in self.words)
        return Vocabulary((*grown, *other.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Attribute names in order."""
        return tuple(word.name for word in self.words)

    def encode(self, attributes: Mapping[str, object]) -> npt.NDArray[np.float32]:
        """One row: the standardised value of a number, the index of a category; NaN where nothing is said.

        Raises:
            SettingsError: a category has a value that was not in the training data.
        """
        return np.array([_encoded(word, attributes.get(word.name)) for word in self.words], dtype=np.float32)

    def far(self, attributes: Mapping[str, object]) -> list[str]:
        """Which numbers lie far outside of what was seen, in words: there a generator extrapolates."""
        cautions = []
        for word in self.words:
            value = attributes.get(word.name)
            if isinstance(word, NumberWord) and is_present(value) and abs(_encoded(word, value)) > FAR:
                cautions.append(
                    f"{word.name} {float(str(value)):g} lies far outside of what the generator has seen "
                    f"({word.mean:.4g} +- {word.sd:.2g}); do not trust what it shows there"
                )
        return cautions

    def knows(self, name: str, value: object) -> bool:
        """Whether an attribute with this value can be a condition."""
        word = next((w for w in self.words if w.name == name), None)
        return isinstance(word, NumberWord) or (word is not None and str(value) in word.values)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain lists and dicts, for checkpoints."""
        return [asdict(word) for word in self.words]

    @classmethod
    def from_json(cls, words: Sequence[Mapping[str, Any]]) -> "Vocabulary":
        """The inverse of `to_json`."""
        return cls(tuple(_word(dict(word)) for word in words))


def is_present(value: object) -> bool:
    """Whether an attribute says something: neither None nor NaN."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _word(entry: dict[str, Any]) -> Word:
    if "values" in entry:
        return CategoryWord(entry["name"], tuple(entry["values"]))
    return NumberWord(entry["name"], entry["mean"], entry["sd"])


def _grown(word: Word, other: Word | None) -> Word:
    if not (isinstance(word, CategoryWord) and isinstance(other, CategoryWord)):
        return word
    return CategoryWord(word.name, (*word.values, *(v for v in other.values if v not in word.values)))


def _category(name: str, present: Sequence[Any]) -> CategoryWord:
    return CategoryWord(name, tuple(sorted({str(v) for v in present})))


def _number(name: str, present: Sequence[Any]) -> NumberWord:
    values = np.asarray(present, dtype=np.float64)
    return NumberWord(name, float(values.mean()), max(float(values.std()), MIN_SPREAD))


def _encoded(word: Word, value: object) -> float:
    if not is_present(value):
        return math.nan
    if isinstance(word, NumberWord):
        return (float(str(value)) - word.mean) / word.sd
    if str(value) not in word.values:
        raise SettingsError(
            f"{word.name} '{value}': the generator has not seen it; it knows {', '.join(word.values)}. "
            "Leave it out, or train on a cohort that has it"
        )
    return float(word.values.index(str(value)))


def typed(attributes: Mapping[str, object]) -> dict[str, Value]:
    """Attributes that are present, as plain Python values."""
    return {k: _plain(v) for k, v in attributes.items() if is_present(v)}


def _plain(value: Any) -> Value:
    return value if isinstance(value, (str, bool, int, float)) else value.item()
