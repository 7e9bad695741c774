"""What every part is given: two cohorts with the same groups in both, settings, and a folder for what takes long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.grouping import bins, group_name, in_order
from synthcmr.evaluation.features.stream import Extractor, Values, features_of, features_together
from synthcmr.evaluation.score import OVERALL
from synthcmr.evaluation.settings import EvaluateSettings

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.evaluation.privacy.attack_target import AttackTarget

UNITS = ("t", "cm", "kg", "mm", "ml", "percent")
Places = npt.NDArray[np.intp]
Report = Callable[[int, int, str], None]


@dataclass(frozen=True)
class ComparedGroup:
    """Who belongs to a group, as rows of `cohort.subjects`."""

    name: str
    real: Places
    synthetic: Places

    def refused(self, least: int) -> str | None:
        """Why it is not scored, if it is not."""
        if min(len(self.real), len(self.synthetic)) >= least:
            return None
        return (
            f"{len(self.real)} real and {len(self.synthetic)} synthetic subjects; at least {least} of each are needed"
        )


def groups_of(real: Cohort, synthetic: Cohort, settings: EvaluateSettings) -> tuple[ComparedGroup, ...]:
    """Everybody, the groups of each attribute that both cohorts tell, and one crossing."""
    overall = ComparedGroup(OVERALL, np.arange(len(real.subjects)), np.arange(len(synthetic.subjects)))
    described = {
        name: labels
        for name in dict.fromkeys((*settings.by, *settings.crossing))
        if (labels := _labels(real.subjects, synthetic.subjects, name)) is not None
    }
    results = [g for name in settings.by if name in described for g in _groups(name, *described[name])]
    if len(settings.crossing) > 1 and all(name in described for name in settings.crossing):
        results += _crossed(settings.crossing, described)
    return (overall, *results)


def _labels(real: pd.DataFrame, synthetic: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series] | None:
    """The group of each subject of both sides; None where one side does not tell."""
    if any(name not in side or side[name].isna().all() for side in (real, synthetic)):
        return None
    cut = bins(real[name], name)

    def label(value: object) -> str:
        if cut is None:
            return group_name(value)
        return next((n for n, one in cut.items() if one.holds(float(str(value)))), "outside")

    a, b = (side[name].map(label, na_action="ignore") for side in (real, synthetic))
    return a, b


def in_words(name: str) -> str:
    """An attribute as people say it: 'field strength' for field_strength_t."""
    words = name.split("_")
    return " ".join(words[:-1] if len(words) > 1 and words[-1] in UNITS else words)


def _groups(name: str, real: pd.Series, synthetic: pd.Series) -> list[ComparedGroup]:
    both = set(real.dropna()) & set(synthetic.dropna())
    title = in_words(name)
    return [
        ComparedGroup(
            f"{title}: {g}",
            np.flatnonzero((real == g).fillna(False).to_numpy(dtype=bool)),
            np.flatnonzero((synthetic == g).fillna(False).to_numpy(dtype=bool)),
        )
        for g in in_order(both)
    ]


def _crossed(names: tuple[str, ...], described: dict[str, tuple[pd.Series, pd.Series]]) -> list[ComparedGroup]:
    sides = []
    for k in (0, 1):
        columns = [described[name][k] for name in names]
        known = np.all([c.notna().to_numpy() for c in columns], axis=0)
        text = columns[0].astype(str).str.cat([c.astype(str) for c in columns[1:]], sep=", ")
        sides.append(text.where(known))
    return _groups(" x ".join(names), sides[0], sides[1])


@dataclass(frozen=True)
class Comparison:
    """A real and a synthetic cohort."""

    real: Cohort
    synthetic: Cohort
    out: Path
    settings: EvaluateSettings
    report: Report | None = None
    everyone: Cohort | None = None  # the real cohort with all its splits, where `real` is one of them
    attack_target: AttackTarget | None = None  # what generated the synthetic images, as far as it is at hand
    workers: int = 1  # processes, for what is trained

    @property
    def whole(self) -> Cohort:
        """The real cohort with all its splits."""
        return self.everyone or self.real

    @cached_property
    def frames(self) -> int:
        """Frames shown of an image: ED and ES where every image of both cohorts has them, else one."""
        least = min(int(c.images["n_frames"].min()) for c in (self.real, self.synthetic))
        return min(least, 2)

    def features(self, extractor: Extractor) -> tuple[Values, Values]:
        """The numbers of all real and all synthetic images."""
        return self.features_of(self.real, extractor), self.features_of(self.synthetic, extractor)

    def features_of(self, cohort: Cohort, extractor: Extractor) -> Values:
        """The numbers of all images of a cohort, computed once."""
        return features_of(cohort, extractor, self.frames, self.out, self.report)

    def prepare(self, extractors: Sequence[Extractor]) -> None:
        """Have the numbers of several extractors computed while images are read once."""
        for cohort in (self.real, self.synthetic):
            features_together(cohort, extractors, self.frames, self.out, self.report)

    @cached_property
    def groups(self) -> tuple[ComparedGroup, ...]:
        """Everybody, then the groups of each attribute, then a crossing."""
        return groups_of(self.real, self.synthetic, self.settings)


def subject_places(cohort: Cohort) -> npt.NDArray[np.intp]:
    """For each image, the row of its subject in `cohort.subjects`."""
    order = {name: k for k, name in enumerate(cohort.subjects["subject_id"])}
    return np.array([order[name] for name in cohort.images["subject_id"]], dtype=np.intp)
