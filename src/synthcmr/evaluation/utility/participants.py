"""Who is learned from and who is tested on: subjects of real splits, synthetic ones, and those of a second real cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.evaluation.comparison import Comparison, groups_of
from synthcmr.experiments.split_leaks import check_synthetic

REAL, SYNTHETIC, OTHER = "real", "synthetic", "other"
Names = tuple[str, ...]


@dataclass(frozen=True)
class Participants:
    """Subjects by what they are for."""

    cohorts: Mapping[str, Cohort]  # by source
    train: Names  # real
    test: Names  # real
    synthetic: Names
    other: Names  # of the second real cohort
    groups: Mapping[str, Mapping[str, frozenset[str]]]  # of real and synthetic: 'vendor: Siemens' -> subjects

    @property
    def paths(self) -> dict[str, Path]:
        """Folder of each cohort."""
        return {source: cohort.path for source, cohort in self.cohorts.items()}

    def in_group(self, name: str) -> Names:
        """Real test subjects of a group."""
        return tuple(s for s in self.test if s in self.groups[REAL][name])


def participants(comparison: Comparison) -> Participants:
    """Who takes part in an evaluation's experiments.

    Raises:
        CohortError: too few subjects, no splits, or test subjects reached the synthetic images.
    """
    settings, own = comparison.settings, comparison.settings.utility
    real = comparison.whole
    check_synthetic(real, comparison.synthetic, comparison.synthetic.path.name)
    cohorts = {REAL: real, SYNTHETIC: comparison.synthetic}
    if own.also_test is not None:
        cohorts[OTHER] = Cohort.open(own.also_test)
    result = Participants(
        cohorts,
        train=_some(_of_splits(real, own.train), own.most_subjects, settings.seed),
        test=_some(_of_splits(real, own.test), own.most_tested, settings.seed),
        synthetic=_some(_names(comparison.synthetic), own.most_subjects, settings.seed),
        other=_some(_names(cohorts[OTHER]), own.most_tested, settings.seed) if OTHER in cohorts else (),
        groups={REAL: _groups(real, real, comparison), SYNTHETIC: _groups(real, comparison.synthetic, comparison)},
    )
    least = settings.min_subjects
    for what, who in (("real training", result.train), ("real test", result.test), ("synthetic", result.synthetic)):
        if len(who) < least:
            raise CohortError(
                f"{len(who)} {what} subjects; at least {least} are needed (splits learned from: {', '.join(own.train)}, tested "
                f"on: {', '.join(own.test)}; --set utility.test=[...], min_subjects)"
            )
    return result


def fewer(names: Sequence[str], share: float, seed: Sequence[int]) -> Names:
    """A share of some subjects; a larger share holds the smaller ones."""
    order = np.random.default_rng(list(seed)).permutation(len(names))
    return tuple(sorted(names[int(k)] for k in order[: max(1, round(share * len(names)))]))


def _some(names: Names, most: int, seed: int) -> Names:
    return names if len(names) <= most else fewer(names, most / len(names), (seed, 17))


def _names(cohort: Cohort) -> Names:
    return tuple(cohort.subjects["subject_id"].astype(str))


def _of_splits(cohort: Cohort, splits: Names) -> Names:
    subjects = cohort.subjects
    if "split" not in subjects or not subjects["split"].isin(splits).any():
        there = ", ".join(sorted(subjects["split"].dropna().unique())) if "split" in subjects else ""
        raise CohortError(
            f"{cohort.path}: expected subjects of split {' or '.join(splits)}, got splits: {there or 'none'}; ingest with splits"
        )
    return tuple(subjects["subject_id"][subjects["split"].isin(splits)].astype(str))


def _groups(real: Cohort, cohort: Cohort, comparison: Comparison) -> dict[str, frozenset[str]]:
    """Of a cohort, cut where the real one's are."""
    names = cohort.subjects["subject_id"].astype(str).to_numpy()
    return {g.name: frozenset(names[g.synthetic]) for g in groups_of(real, cohort, comparison.settings)}
