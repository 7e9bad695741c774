"""What a private run may know of its patients beside noisy gradients: nothing.

Values of categories, means of numbers and scanners come from the weights that are begun from, from public lists and from the user, never
from the table of the patients: one patient on a scanner that no other patient has would be disclosed with certainty. And it begins from
weights that are private themselves, or that have seen no patient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.places import without_places
from synthcmr.conditioning.condition import LOOK
from synthcmr.conditioning.vocabulary import CategoryWord, Vocabulary, is_present
from synthcmr.errors import PrivacyError, SettingsError
from synthcmr.generators.conditional.settings import ConditionalSettings
from synthcmr.generators.conditional.warm_start import start_file, start_vocabulary
from synthcmr.privacy.ledger import EMPTY, Ledger, LedgerEntry, learned_openly, learned_privately, union
from synthcmr.privacy.refusal_reasons import BORROWED, PATIENTS
from synthcmr.training.images import TrainingImages
from synthcmr.training.settings import LoopSettings, PrivacySettings
from synthcmr.training.weights import read_header
from synthcmr.training.weights_ledger import weights_ledger

REAL = "real"  # the look of images that are no phantoms, where no data set is named


def run_ledger(
    cohort: Cohort, start: Path | None, settings: ConditionalSettings, mechanisms: Sequence[LedgerEntry] = ()
) -> Ledger:
    """The ledger of the weights that come out of a run.

    Args:
        cohort: that is learned from.
        start: weights that are begun from.
        settings: of the network, which may stand on weights of others.
        mechanisms: of a private run; empty: it is none.
    """
    begun = union((EMPTY if start is None else weights_ledger(start), *map(_borrowed, settings.borrowed)))
    own = cohort_ledger(cohort)
    if mechanisms:
        return begun | learned_privately(own, mechanisms)
    return learned_openly(begun | own, "weights", "weights")


def _borrowed(weights: str) -> Ledger:
    """Of a folder nobody knows whom its weights learned from; models of the hub are published, with what they learned from."""
    if not Path(weights).exists():
        return EMPTY
    return Ledger((LedgerEntry("weights", reason=BORROWED, name=without_places(weights)),))


def check_start(settings: ConditionalSettings, families: Sequence[str], loop: LoopSettings) -> None:
    """Refuse to begin a private run from weights whose patients nothing protects, or of a family that cannot be private.

    Raises:
        PrivacyError: the weights, or the family, are of that kind.
    """
    if loop.dp is None:
        return
    if settings.never_private:
        raise PrivacyError(f"--dp: expected a family whose runs can be private; this one {settings.never_private}")
    if settings.start is None:
        return
    file = start_file(settings.start, families)
    broken = () if file is None else weights_ledger(file).broken
    if broken:
        raise PrivacyError(
            f"--dp with --init-from {settings.start}: expected weights that have seen no patient, or that are private themselves, but "
            f"{broken[0].why.sentence}; noise on what comes after would protect nobody. Begin with --init-from phantom, or from a run "
            "that was trained with --dp: both are then counted together"
        )


def check_cohort(cohort: Cohort, loop: LoopSettings) -> None:
    """Refuse a private run on images whose subjects are no patients but were made from some.

    Raises:
        PrivacyError: the images are of that kind.
    """
    broken = [entry for entry in cohort_ledger(cohort).broken if entry.reason != PATIENTS]
    if loop.dp is not None and broken:
        raise PrivacyError(
            f"--dp on {cohort.path}: expected patients or phantoms, each a subject of its own, but {broken[0].name or 'of the cohort'}: "
            f"{broken[0].why.sentence}; noise that hides one of its subjects would hide no patient. Instead: {broken[0].why.mend}"
        )


@dataclass(frozen=True)
class PublicWords:
    """The words of a private run, and what it says of scanners and looks."""

    vocabulary: Vocabulary
    stated: Mapping[str, tuple[str, ...]]  # values that the user states; of looks there is a public one

    @classmethod
    def of(cls, settings: ConditionalSettings, dp: PrivacySettings, start: Path | None, taught: bool) -> PublicWords:
        """From public lists, the user, and the weights that are begun from, whose words stay as they are.

        Args:
            settings: with the attributes that condition the network.
            dp: with the values that the user states.
            start: weights that are begun from.
            taught: whether the run can say no more than what it begins from.

        Raises:
            SettingsError: the user states values of something that is no condition, or that is a number.
        """
        stated = {**({LOOK: (REAL,)} if LOOK in settings.attributes else {}), **dp.categories}
        known = Vocabulary.public(settings.attributes) if start is None else start_vocabulary(start)
        if start is not None and taught:
            return cls(known, stated)
        words = {word.name: word for word in known.words}
        for name, values in stated.items():
            word = words.get(name, CategoryWord(name, ()))
            if name not in settings.attributes or not isinstance(word, CategoryWord):
                raise SettingsError(
                    f"--dp categories: expected values of a category among the attributes that are told "
                    f"({', '.join(settings.attributes)}), got '{name}'"
                )
            words[name] = CategoryWord(name, tuple(dict.fromkeys((*word.values, *values))))
        return cls(Vocabulary(tuple(words.values())), stated)

    def known_in(self, images: TrainingImages) -> TrainingImages:
        """Images whose attributes hold no value that is not among the words; every image keeps a look."""
        look = {LOOK: self.stated[LOOK][0]} if LOOK in self.stated else {}
        return replace(images, attributes=[{**look, **self._known(row)} for row in images.attributes])

    def unknown_in(self, images: TrainingImages) -> dict[str, int]:
        """Of how many images a value is treated as missing, by attribute; for those alone who hold the images."""
        counts: Counter[str] = Counter()
        for row in images.attributes:
            counts.update(name for name in row.keys() - self._known(row).keys() if is_present(row[name]))
        return dict(sorted(counts.items()))

    def header(self, start: Path | None) -> dict[str, Any]:
        """Scanners that one is drawn from where none is requested, and the looks of a refining run. Their numbers count nothing."""
        begun = [] if start is None else (read_header(start).get("scanners") or [])
        known = [one["attributes"] for one in begun]
        known += [{"vendor": v} for v in self.stated.get("vendor", ()) if all(one.get("vendor") != v for one in known)]
        scanners = {"scanners": [{"count": 1, "attributes": attributes} for attributes in known]}
        return {**scanners, "looks": self._look_counts()} if LOOK in self.vocabulary.names else scanners

    def _known(self, row: Mapping[str, Value]) -> dict[str, Value]:
        return {k: v for k, v in row.items() if k not in self.vocabulary.names or self.vocabulary.knows(k, v)}

    def _look_counts(self) -> dict[str, int]:
        """Those that the user states before others, as the usual look is the one with the largest number."""
        values = next(
            word.values for word in self.vocabulary.words if isinstance(word, CategoryWord) and word.name == LOOK
        )
        mine = self.stated[LOOK]
        return {**{v: 2 for v in values if v in mine}, **{v: 1 for v in values if v not in mine}}
