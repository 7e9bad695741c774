"""Attributes read back: does an image look like the patient that was asked for?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.conditioning.vocabulary import NumberWord
from synthcmr.evaluation.comparison import ComparedGroup, Comparison
from synthcmr.evaluation.features.stream import FrameBatch, Values
from synthcmr.evaluation.fidelity.subject_quantities import by_subject
from synthcmr.evaluation.score import Score
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_auc
from synthcmr.statistics.intervals import percentile
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file

Numbers = npt.NDArray[np.float64]


class ReadingExtractor:
    """What a reader sees: a number, or a probability for each value."""

    name = "readings"

    def __init__(self, run: Path | None) -> None:
        """Load a reader of `synthcmr judge fit reader`, or the one that ships."""
        self._reader = AttributeReader.load(weights_file(run) if run else shipped("reader"))
        self.hash, self.words = self._reader.hash, self._reader.vocabulary.words
        self.columns = tuple(
            name
            for word in self.words
            for name in ([word.name] if isinstance(word, NumberWord) else [f"{word.name} {v}" for v in word.values])
        )

    def of(self, batch: FrameBatch) -> Values:
        """Numbers of a batch."""
        frames = np.linspace(0, batch.image.shape[1] - 1, self._reader.frames).round().astype(int)
        seen = self._reader.read(batch.image[:, frames])
        parts = [
            seen.numbers[w.name][:, None] if isinstance(w, NumberWord) else seen.categories[w.name] for w in self.words
        ]
        return np.concatenate(parts, axis=1).astype(np.float32)


@dataclass(frozen=True)
class AttributeValues:
    """One attribute of the subjects of one cohort: what the cohort states, and what is read."""

    truth: npt.NDArray[np.object_]  # None where unknown
    read: Numbers  # (subjects, 1) or (subjects, values)
    values: tuple[str, ...]  # of a category; empty for numbers

    def among(self, rows: npt.NDArray[np.intp]) -> AttributeValues:
        """Some subjects, of which the attribute is known and was read."""
        known = [i for i in rows if self.truth[i] is not None and np.isfinite(self.read[i]).all()]
        return AttributeValues(self.truth[known], self.read[known], self.values)

    def score(self, rows: npt.NDArray[np.intp] | slice = slice(None)) -> float:
        """AUC; for numbers the share of pairs that are read in the right order, which is the same idea. NaN: cannot be had."""
        truth, read = self.truth[rows], self.read[rows]
        if self.values:
            result = mean_auc(read, [str(t) for t in truth], self.values)
            return float("nan") if result is None else result
        return concordance(read[:, 0], truth.astype(float))


def concordance(read: Numbers, truth: Numbers) -> float:
    """Share of pairs of subjects that are in the right order, ties counting half: Kendall's tau, from 0 to 1."""
    from scipy.stats import somersd

    return float((somersd(truth, read).statistic + 1) / 2) if np.ptp(truth) > 0 else float("nan")


def attribute_scores(comparison: Comparison) -> list[Score]:
    """Every attribute that the reader knows, overall and of groups, and their mean."""
    what = ReadingExtractor(comparison.settings.reader)
    sides = [
        _values_by_attribute(cohort, comparison.features_of(cohort, what), what)
        for cohort in (comparison.real, comparison.synthetic)
    ]
    scores: list[Score] = []
    for group in comparison.groups:
        scores += _of_group(comparison, group, sides[0], sides[1], what.hash)
    return scores


def _values_by_attribute(cohort: Cohort, values: Values, what: ReadingExtractor) -> dict[str, AttributeValues]:
    read = by_subject(values, range(len(what.columns)), cohort)
    result, start = {}, 0
    for word in what.words:
        options = () if isinstance(word, NumberWord) else word.values
        width = max(len(options), 1)
        if word.name in cohort.subjects:
            truth = [None if v is None or v != v else v for v in cohort.subjects[word.name]]
            result[word.name] = AttributeValues(np.array(truth, dtype=object), read[:, start : start + width], options)
        start += width
    return result


def _of_group(
    comparison: Comparison,
    group: ComparedGroup,
    real: dict[str, AttributeValues],
    synthetic: dict[str, AttributeValues],
    extractor: str,
) -> list[Score]:
    settings = comparison.settings
    scores: list[Score] = []
    drawn: list[Numbers] = []
    ceilings: list[float] = []
    for name, one in synthetic.items():
        mine = one.among(group.synthetic)
        best = real[name].among(group.real) if name in real else None
        about = _about(name, bool(one.values), group.name, extractor)
        about |= {"n_synthetic": len(mine.truth), "n_real": len(best.truth) if best else 0}
        value = mine.score() if len(mine.truth) >= settings.min_subjects else float("nan")
        if value != value:
            least = f"at least {settings.min_subjects} are needed, of two values"
            why = f"{len(mine.truth)} synthetic subjects tell it; {least}"
            scores.append(Score(**about, absent=why))
            continue
        ceiling = best.score() if best and len(best.truth) >= settings.min_subjects else float("nan")
        each = _drawn(mine, settings.draws, settings.seed)
        low, high = percentile(each, settings.level)
        known = None if ceiling != ceiling else ceiling
        scores.append(Score(**about, value=value, low=low, high=high, ceiling=known))
        if known is not None:
            drawn.append(np.append(each, value))
            ceilings.append(known)
        if not one.values:
            scores.append(_error(mine, best, group.name, name, comparison, extractor))
    return [*scores, _mean(group, drawn, ceilings, settings.level, extractor)]


def _about(name: str, category: bool, group: str, extractor: str) -> dict[str, Any]:
    what = "AUC" if category else "pairs read in the right order"
    return {"name": f"{name.replace('_', ' ')}, {what}", "group": group, "extractor": extractor, "better": "high"}


def _drawn(mine: AttributeValues, draws: int, seed: int) -> Numbers:
    rng = np.random.default_rng([seed, 17])
    n = len(mine.truth)
    return np.array([mine.score(rng.integers(n, size=n)) for _ in range(draws)])


def _error(
    mine: AttributeValues, best: AttributeValues | None, group: str, name: str, comparison: Comparison, extractor: str
) -> Score:
    """Mean absolute error of a number."""
    from synthcmr.statistics.bootstrap import mean_estimate

    settings = comparison.settings
    off = np.abs(mine.read[:, 0] - mine.truth.astype(float))
    value, (low, high) = mean_estimate(off, settings.level, settings.draws, settings.seed)
    enough = best is not None and len(best.truth) >= settings.min_subjects
    floor = float(np.abs(best.read[:, 0] - best.truth.astype(float)).mean()) if enough and best else None
    return Score(
        name=f"{name.replace('_', ' ')}, mean error",
        group=group,
        value=value,
        low=low,
        high=high,
        floor=floor,
        n_synthetic=len(off),
        n_real=len(best.truth) if best else 0,
        extractor=extractor,
    )


def _mean(
    group: ComparedGroup, drawn: Sequence[Numbers], ceilings: Sequence[float], level: float, extractor: str
) -> Score:
    """Mean over attributes of how far reading is above chance: 2 AUC - 1."""
    name = "attributes, mean above chance"
    if not drawn:
        why = "no attribute that the reader knows is stated for enough subjects of both cohorts"
        return Score(name=name, group=group.name, absent=why)
    above = 2 * _mean_known(np.stack(drawn)) - 1
    low, high = percentile(above[:-1], level)
    ceiling = 2 * float(np.mean(ceilings)) - 1
    about = {"n_real": len(group.real), "n_synthetic": len(group.synthetic), "extractor": extractor}
    return Score(
        name=name, group=group.name, **about, value=float(above[-1]), low=low, high=high, ceiling=ceiling, better="high"
    )


def _mean_known(table: Numbers) -> Numbers:
    """Mean of each column over what is known in it; NaN where nothing is, as in a draw without a single woman."""
    known = np.isfinite(table)
    count = known.sum(axis=0)
    mean: Numbers = np.where(count > 0, np.where(known, table, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return mean
