"""Quantities of subjects - tissues, texture, spectra, anatomy, slices - against their real distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import ComparedGroup, Comparison, subject_places
from synthcmr.evaluation.features.radiomics import INTENSITY, TEXTURE, RadiomicsExtractor
from synthcmr.evaluation.features.spectrum import SpectrumExtractor
from synthcmr.evaluation.features.stacks import HEART, NEXT, HeartExtractor, NextExtractor
from synthcmr.evaluation.features.stream import Extractor, Values
from synthcmr.evaluation.score import OVERALL, Distribution, Line, Plot, Score
from synthcmr.statistics.bootstrap import random_halves, seeded_counts
from synthcmr.statistics.energy import FEW, distance, distance_interval, quantiles
from synthcmr.statistics.intervals import percentile

Numbers = npt.NDArray[np.float64]
TISSUES = ("lv", "myo", "rv", "rest")
OF_STACKS = ("anatomy", "slice")  # families that a single slice says nothing of


@dataclass(frozen=True)
class Family:
    """Quantities that one distance sums up."""

    name: str  # of the score: "NAME distance"
    extractor: Extractor
    shown: Mapping[str, tuple[str, str]]  # column -> in words, unit


def families(real: Cohort, synthetic: Cohort) -> tuple[Family, ...]:
    """All of them."""
    radiomics, spectrum = RadiomicsExtractor(), SpectrumExtractor.of_both(real, synthetic)
    per = f"cycles per {spectrum.rings.unit}"
    tissue = {f"{t} {n}": (f"{_region(t)}, {n}", "") for t in TISSUES for n in INTENSITY}
    texture = {f"{t} {n}": (f"{_region(t)}, {n}", "") for t in TISSUES for n in TEXTURE}
    return (
        Family("tissue", radiomics, tissue),
        Family("texture", radiomics, texture),
        Family("spectrum", spectrum, {c: (f"log power at {c} {per}", per) for c in spectrum.columns}),
        Family("anatomy", HeartExtractor(), HEART),
        Family("slice", NextExtractor(), {k: (words, "") for k, words in NEXT.items()}),
    )


@dataclass(frozen=True)
class MeasuredFamily:
    """A family's quantities of the subjects of both sides, in the order of `cohort.subjects`."""

    family: Family
    real: Numbers
    synthetic: Numbers


@dataclass(frozen=True)
class QuantityResults:
    """Scores, distributions and plots of all families."""

    scores: list[Score] = field(default_factory=list)
    distributions: list[Distribution] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)


def quantity_scores(comparison: Comparison) -> QuantityResults:
    """Every family, overall and of groups."""
    result = QuantityResults()
    for family in families(comparison.real, comparison.synthetic):
        measured = _measured(comparison, family)
        for group in comparison.groups:
            result.scores.extend(_of_group(measured, group, comparison))
        result.distributions.extend(_distributions(measured))
        if isinstance(family.extractor, SpectrumExtractor):
            result.plots.extend(_spectra(measured, family.extractor))
    return result


def _measured(comparison: Comparison, family: Family) -> MeasuredFamily:
    columns = [family.extractor.columns.index(name) for name in family.shown]
    real, synthetic = (
        by_subject(comparison.features_of(cohort, family.extractor), columns, cohort)
        for cohort in (comparison.real, comparison.synthetic)
    )
    return MeasuredFamily(family, real, synthetic)


def by_subject(values: Values, columns: Sequence[int], cohort: Cohort) -> Numbers:
    """Mean over the images of each subject that have a number; NaN where none has."""
    place, count = subject_places(cohort), len(cohort.subjects)
    result = np.full((count, len(columns)), np.nan)
    for k, column in enumerate(columns):
        one = np.asarray(values[:, column], dtype=np.float64)
        known = np.isfinite(one)
        times = np.bincount(place[known], minlength=count)
        total = np.bincount(place[known], one[known], minlength=count)
        result[times > 0, k] = total[times > 0] / times[times > 0]
    return result


def _of_group(measured: MeasuredFamily, group: ComparedGroup, comparison: Comparison) -> list[Score]:
    settings, family = comparison.settings, measured.family
    real, synthetic = measured.real[group.real], measured.synthetic[group.synthetic]
    real, synthetic = (side[np.isfinite(side).any(axis=1)] for side in (real, synthetic))
    about: dict[str, Any] = {
        "name": f"{family.name} distance",
        "group": group.name,
        "n_real": len(real),
        "n_synthetic": len(synthetic),
        "extractor": family.extractor.hash,
        "unit": "real standard deviations",
    }
    if min(len(real), len(synthetic)) < settings.min_subjects:
        why = f"{len(real)} real and {len(synthetic)} synthetic subjects show them; at least {settings.min_subjects} of each are needed"
        if family.name in OF_STACKS and not len(synthetic):
            why += "; single slices have none, whole stacks do (--level whole)"
        return [Score(**about, absent=why)]
    value = distance(real, synthetic)
    if not np.isfinite(value):
        return [Score(**about, absent="no quantity is known of both sides, or none varies among the real subjects")]
    low, high = distance_interval(real, synthetic, settings.draws, settings.level, settings.seed)
    everyone = np.arange(len(real))
    floors = random_halves(
        everyone,
        settings.fidelity.floor_splits,
        settings.seed,
        lambda first: distance(real[first], real[np.setdiff1d(everyone, first)]),
    )
    floor = float(np.mean(floors)) if np.isfinite(floors).all() else None
    scores = [Score(**about, value=value, low=low, high=high, floor=floor)]
    return scores + (_each(measured, real, synthetic, comparison) if group.name == OVERALL else [])


def _each(measured: MeasuredFamily, real: Numbers, synthetic: Numbers, comparison: Comparison) -> list[Score]:
    """Difference of means of every quantity, in real standard deviations, with its interval."""
    settings = comparison.settings
    scores = []
    for k, (words, _) in enumerate(measured.family.shown.values()):
        a, b = (side[:, k][np.isfinite(side[:, k])] for side in (real, synthetic))
        name = f"{words}, difference of means"
        if min(len(a), len(b)) < FEW or not a.std() > 0:
            scores.append(Score(name=name, absent="too few subjects show it, or it does not vary among the real ones"))
            continue
        drawn = _means(b, settings.draws, settings.seed + 1) - _means(a, settings.draws, settings.seed)
        sd = a.std(ddof=1)
        low, high = percentile(drawn / sd, settings.level)
        scores.append(
            Score(
                name=name,
                value=float((b.mean() - a.mean()) / sd),
                low=low,
                high=high,
                n_real=len(a),
                n_synthetic=len(b),
                extractor=measured.family.extractor.hash,
                unit="real standard deviations",
            )
        )
    return scores


def _means(values: Numbers, draws: int, seed: int) -> Numbers:
    means: Numbers = seeded_counts(len(values), draws, seed) @ values / len(values)
    return means


def _distributions(measured: MeasuredFamily) -> list[Distribution]:
    """Of the quantities that people know by name."""
    if measured.family.name not in OF_STACKS:
        return []
    results = []
    for k, (words, unit) in enumerate(measured.family.shown.values()):
        real, synthetic = quantiles(measured.real[:, k]), quantiles(measured.synthetic[:, k])
        if real and synthetic:
            results.append(Distribution(name=words, unit=unit, real=real, synthetic=synthetic))
    return results


def _spectra(measured: MeasuredFamily, extractor: SpectrumExtractor) -> list[Plot]:
    """Log power by frequency: means, and where 90 % of real subjects lie."""
    real, generated = (side[np.isfinite(side).all(axis=1)] for side in (measured.real, measured.synthetic))
    if not min(len(real), len(generated)):
        return []
    x = tuple(extractor.rings.centres.tolist())
    low, high = (tuple(edge.tolist()) for edge in np.percentile(real, (5, 95), axis=0))
    lines = (
        Line(name="real", x=x, y=tuple(real.mean(axis=0).tolist()), low=low, high=high),
        Line(name="synthetic", x=x, y=tuple(generated.mean(axis=0).tolist())),
    )
    note = "Mean log power of the first frame in rings of equal width, without what borders leak. Band: 90 % of real subjects."
    return [Plot(title="Spectra", x=f"cycles per {extractor.rings.unit}", y="log power", lines=lines, note=note)]


def _region(name: str) -> str:
    return {"lv": "LV blood", "myo": "myocardium", "rv": "RV blood", "rest": "around the heart"}[name]
