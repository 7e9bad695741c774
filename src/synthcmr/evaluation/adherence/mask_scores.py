"""Scores of re-segmentation: Dice, HD95 and missed structures; volumes asked and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.evaluation.adherence.outlines import OutlineExtractor, Outlines, by_structure
from synthcmr.evaluation.comparison import ComparedGroup, Comparison, subject_places
from synthcmr.evaluation.features.stacks import HEART
from synthcmr.evaluation.fidelity.subject_quantities import by_subject
from synthcmr.evaluation.score import Score, ShownImage, extremes
from synthcmr.statistics.bootstrap import mean_estimate, seeded_counts
from synthcmr.statistics.intervals import percentile

Numbers = npt.NDArray[np.float64]
WORDS = {"lv": "LV", "myo": "myocardium", "rv": "RV"}


@dataclass(frozen=True)
class SegmentedCohort:
    """One cohort outlined again."""

    outlines: Outlines
    measured: Numbers  # (subjects, HEART) on what was found
    requested: Numbers  # on what was asked


@dataclass(frozen=True)
class MaskScores:
    """Both cohorts outlined again."""

    comparison: Comparison
    hash: str
    real: SegmentedCohort
    synthetic: SegmentedCohort

    @classmethod
    def of(cls, comparison: Comparison) -> MaskScores:
        """Outline everything."""
        what = OutlineExtractor(comparison.settings.segmenter, comparison.settings.adherence.min_pixels)
        return cls(
            comparison,
            what.hash,
            _side(comparison, comparison.real, what),
            _side(comparison, comparison.synthetic, what),
        )

    def scores(self) -> list[Score]:
        """Overall and of groups."""
        return [
            score for group in self.comparison.groups for score in (*self._of_outlines(group), *self._of_volumes(group))
        ]

    def _of_outlines(self, group: ComparedGroup) -> list[Score]:
        scores = []
        a, b = self.synthetic.outlines, self.real.outlines
        mean_a, mean_b = (np.nanmean(np.stack(list(_filled(o.dice))), axis=0) for o in (a, b))
        scores.append(self._mean("Dice, mean", group, mean_a, mean_b, better="high"))
        for s, words in WORDS.items():
            scores.append(self._mean(f"Dice, {words}", group, a.dice[s], b.dice[s], better="high"))
            scores.append(self._mean(f"HD95, {words}", group, a.hd95_mm[s], b.hd95_mm[s], unit="mm"))
            scores.append(self._mean(f"missed, {words}", group, a.missed[s], b.missed[s], unit="share of frames"))
        return scores

    def _mean(self, name: str, group: ComparedGroup, synthetic: Numbers, real: Numbers, **more: Any) -> Score:
        """Mean over the subjects of a group; what real images reach beside it."""
        settings = self.comparison.settings
        a, b = (v[np.isfinite(v)] for v in (synthetic[group.synthetic], real[group.real]))
        about = {"name": name, "group": group.name, "n_real": len(b), "n_synthetic": len(a), "extractor": self.hash}
        if len(a) < settings.min_subjects:
            why = f"{len(a)} synthetic subjects; at least {settings.min_subjects} are needed"
            return Score(**about, **more, absent=why)
        value, (low, high) = mean_estimate(a, settings.level, settings.draws, settings.seed)
        beside = float(b.mean()) if len(b) >= settings.min_subjects else None
        limit = "ceiling" if more.get("better") == "high" else "floor"
        return Score(**about, **more, value=value, low=low, high=high, **{limit: beside})

    def _of_volumes(self, group: ComparedGroup) -> list[Score]:
        """Correlation and difference of what is measured and what was asked."""
        settings, scores = self.comparison.settings, []
        each: list[tuple[Numbers, float | None]] = []
        least = settings.min_subjects
        for k, (words, unit) in enumerate(HEART.values()):
            pairs = _known(self.synthetic, k, group.synthetic)
            best = _known(self.real, k, group.real)
            about = {"group": group.name, "n_real": len(best), "n_synthetic": len(pairs), "extractor": self.hash}
            names = f"{words}, correlation of asked and measured", f"{words}, measured less asked"
            if len(pairs) < least or not pairs.std(axis=0).all():
                why = f"{len(pairs)} synthetic subjects with whole stacks and different values; at least {least} are needed"
                scores += [Score(name=name, **about, absent=why) for name in names]
                continue
            ceiling = _correlation(best) if len(best) >= least and best.std(axis=0).all() else None
            drawn = correlations(pairs, settings.draws, settings.seed)
            each.append((np.append(drawn, _correlation(pairs)), ceiling))
            low, high = percentile(drawn, settings.level)
            scores.append(
                Score(
                    name=names[0],
                    **about,
                    value=_correlation(pairs),
                    low=low,
                    high=high,
                    ceiling=ceiling,
                    better="high",
                )
            )
            off, (low, high) = mean_estimate(pairs[:, 0] - pairs[:, 1], settings.level, settings.draws, settings.seed)
            floor = float((best[:, 0] - best[:, 1]).mean()) if len(best) >= least else None
            scores.append(Score(name=names[1], **about, value=off, low=low, high=high, floor=floor, unit=unit))
        return [*scores, self._mean_correlation(group, each)]

    def _mean_correlation(self, group: ComparedGroup, each: list[tuple[Numbers, float | None]]) -> Score:
        name = "volumes, mean correlation"
        if not each:
            return Score(
                name=name,
                group=group.name,
                absent="no volume is known of enough synthetic subjects; single slices have none, whole stacks do (--level whole)",
            )
        mean = np.atleast_1d(np.nanmean(np.stack([drawn for drawn, _ in each]), axis=0))
        known = [c for _, c in each if c is not None]
        low, high = percentile(mean[:-1], self.comparison.settings.level)
        ceiling = float(np.mean(known)) if len(known) == len(each) else None
        about = {"n_real": len(group.real), "n_synthetic": len(group.synthetic), "extractor": self.hash}
        value = float(mean[-1])
        return Score(
            name=name, group=group.name, **about, value=value, low=low, high=high, ceiling=ceiling, better="high"
        )

    def pictures(self) -> dict[str, tuple[ShownImage, ...]]:
        """Subjects whose images follow their masks best, typically and worst."""
        dice = np.nanmean(np.stack(list(_filled(self.synthetic.outlines.dice))), axis=0)
        order = np.flatnonzero(np.isfinite(dice))[np.argsort(-dice[np.isfinite(dice)], kind="stable")]
        titles = ("Masks followed best", "Masks followed typically", "Masks followed worst")
        chosen = extremes(order, titles, "How masks were followed, best first")
        cohort = self.comparison.synthetic
        return {
            title: tuple(
                ShownImage(image_id=_middle(cohort, int(k)), cohort="synthetic", caption=f"Dice {dice[k]:.2f}")
                for k in rows
            )
            for title, rows in chosen.items()
        }


def _filled(dice: Mapping[str, Numbers]) -> list[Numbers]:
    """Structures that any subject has."""
    return [v for v in dice.values() if np.isfinite(v).any()] or list(dice.values())


def _side(comparison: Comparison, cohort: Cohort, what: OutlineExtractor) -> SegmentedCohort:
    values = comparison.features_of(cohort, what)
    places = [[what.columns.index(f"{kind} {name}") for name in HEART] for kind in ("found", "asked")]
    result, requested = (by_subject(values, columns, cohort) for columns in places)
    # a structure that was asked for and is found nowhere measures nothing, rather than being unknown
    volumes = np.array([name.endswith(("_ml", "_g")) for name in HEART])
    result = np.where(np.isnan(result) & np.isfinite(requested) & volumes, 0.0, result)
    return SegmentedCohort(by_structure(values, subject_places(cohort), len(cohort.subjects)), result, requested)


def _known(side: SegmentedCohort, k: int, among: npt.NDArray[np.intp]) -> Numbers:
    """(subjects, measured and asked) of one measure, of those that have both."""
    pairs: Numbers = np.stack([side.measured[among, k], side.requested[among, k]], axis=1)
    return pairs[np.isfinite(pairs).all(axis=1)]


def _correlation(pairs: Numbers) -> float:
    return float(np.asarray(np.corrcoef(pairs.T))[0, 1])


def correlations(pairs: Numbers, draws: int, seed: int) -> Numbers:
    """Of subjects drawn again."""
    w = seeded_counts(len(pairs), draws, seed) / len(pairs)
    x, y = pairs.T
    mx, my = w @ x, w @ y
    cov = w @ (x * y) - mx * my
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Numbers = cov / np.sqrt((w @ x**2 - mx**2) * (w @ y**2 - my**2))
    return result


def _middle(cohort: Cohort, subject: int) -> str:
    """The middle slice of a subject."""
    rows = cohort.images[cohort.images["subject_id"] == cohort.subjects["subject_id"].iloc[subject]]
    return str(rows.sort_values("slice_index")["image_id"].iloc[len(rows) // 2])
