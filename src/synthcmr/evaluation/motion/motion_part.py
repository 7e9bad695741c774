"""Every score of motion: cines of both sides, compared by subject."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import ComparedGroup, Comparison
from synthcmr.evaluation.motion.cine_measures import CineJudge, CineMeasures, common_phases, phase_counts
from synthcmr.evaluation.motion.flicker import FLICKERS, LEAST_PHASES
from synthcmr.evaluation.motion.settings import BRIGHTNESS, CLOSURE, FLICKER, PLAUSIBLE, ROUGHNESS
from synthcmr.evaluation.motion.volume_curve import from_end_diastole, plausible, roughness, systole
from synthcmr.evaluation.score import OVERALL, Line, PartResult, Plot, Score, ShownImage, absent
from synthcmr.statistics.bootstrap import random_halves, seeded_counts
from synthcmr.statistics.intervals import exact_share, percentile

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
OF_BRIGHTNESS = [k for k, name in enumerate(FLICKERS) if "brightness" in name]
OF_PIXELS = [k for k in range(len(FLICKERS)) if k not in OF_BRIGHTNESS]
SHOWN_PAIRS = 4
HEADLINES = (PLAUSIBLE, ROUGHNESS, FLICKER, BRIGHTNESS, CLOSURE)
NOTE = (
    "Flicker is what changes from phase to phase that steady motion does not explain; closure is the step from the last phase to the "
    "first over the mean step. Both are shares of what real cines show: 1 is as real ones, 2 twice as much. The same segmenter finds the "
    "ventricle in every phase of both sides."
)


@dataclass(frozen=True)
class MeasuredCines:
    """Both sides, of one number of phases."""

    comparison: Comparison
    extractor: str
    real: list[CineMeasures]
    synthetic: list[CineMeasures]

    def of_group(self, group: ComparedGroup) -> tuple[list[CineMeasures], list[CineMeasures]]:
        """Those of a group."""
        real, synthetic = set(group.real.tolist()), set(group.synthetic.tolist())
        return [m for m in self.real if m.place in real], [m for m in self.synthetic if m.place in synthetic]


def has_cines(comparison: Comparison) -> bool:
    """Whether either side has any: of stills nobody asks how they move."""
    return any(phase_counts(cohort) for cohort in (comparison.real, comparison.synthetic))


def motion(comparison: Comparison) -> PartResult:
    """Every score of motion."""
    phases = common_phases(comparison.real, comparison.synthetic)
    if phases is None:
        why = _why_none(comparison.real, comparison.synthetic)
        return PartResult(scores=tuple(absent(name, why) for name in HEADLINES))
    judge = CineJudge(comparison.settings.segmenter, comparison.settings.motion.min_pixels)
    measured = MeasuredCines(
        comparison,
        judge.hash,
        judge.of(comparison.real, phases, _report(comparison, "real cines")),
        judge.of(comparison.synthetic, phases, _report(comparison, "synthetic cines")),
    )
    scores = [score for group in comparison.groups for score in _of_group(measured, group)]
    notes = (NOTE, f"Cines of {phases} phases are compared.")
    return PartResult(scores=tuple(scores), notes=notes, plots=_curves(measured), pictures=_playing(measured, phases))


def _report(comparison: Comparison, what: str) -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        if comparison.report is not None:
            comparison.report(done, total, what)

    return told


def _why_none(real: Cohort, synthetic: Cohort) -> str:
    counts = {"real": phase_counts(real), "synthetic": phase_counts(synthetic)}
    missing = [side for side, found in counts.items() if not found]
    if missing:
        how = "ingest --frames cine, generate --frames 20"
        return f"no cines of {LEAST_PHASES} phases or more among the {' and '.join(missing)} images ({how})"
    told = "; ".join(f"{side} {', '.join(map(str, sorted(found)))}" for side, found in counts.items())
    return f"cines of both sides must have as many phases, got {told}; generate with --frames {max(counts['real'])}"


def _of_group(measured: MeasuredCines, group: ComparedGroup) -> list[Score]:
    settings, (real, synthetic) = measured.comparison.settings, measured.of_group(group)
    about: dict[str, Any] = {
        "group": group.name,
        "n_real": len(real),
        "n_synthetic": len(synthetic),
        "extractor": measured.extractor,
    }
    if min(len(real), len(synthetic)) < settings.min_subjects:
        why = (
            f"{len(real)} real and {len(synthetic)} synthetic subjects have cines that show the ventricle; "
            f"at least {settings.min_subjects} of each are needed"
        )
        return [Score(name=name, **about, absent=why) for name in HEADLINES]
    sides = tuple(_numbers(side) for side in (real, synthetic))
    flickers, rough, closing = list(range(len(FLICKERS))), len(FLICKERS), len(FLICKERS) + 1
    scores = [
        _plausible(measured, real, synthetic, about),
        _share(ROUGHNESS, measured, sides, [rough], about),
        _share(FLICKER, measured, sides, OF_PIXELS, about),
        _share(BRIGHTNESS, measured, sides, OF_BRIGHTNESS, about),
        _share(CLOSURE, measured, sides, [closing], about),
    ]
    if group.name == OVERALL:
        scores += [_share(f"flicker, {FLICKERS[k]}, share of real", measured, sides, [k], about) for k in flickers]
        scores.append(_systole(measured, real, synthetic, about))
    return scores


def _numbers(side: Sequence[CineMeasures]) -> Numbers:
    """(subjects, measures): flickers, roughness, closure."""
    return np.array([[*m.flicker, roughness(m.volume), m.closure] for m in side])


def _largest_share(made: Numbers, real: Numbers, times_made: Numbers, times_real: Numbers) -> Numbers:
    """Largest ratio of means over the columns, of subjects that count several times: (draws,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = _means(made, times_made) / _means(real, times_real)
    largest: Numbers = np.where(np.isfinite(ratios), ratios, -np.inf).max(axis=1)
    return np.where(np.isfinite(largest), largest, np.nan)


def _means(values: Numbers, times: Numbers) -> Numbers:
    """(draws, columns) of subjects that have a number."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: Numbers = (times @ np.where(known, values, 0)) / (times @ known)
    return means


def _share(
    name: str, measured: MeasuredCines, sides: tuple[Numbers, ...], columns: list[int], about: dict[str, Any]
) -> Score:
    """Largest of some measures as a share of the real ones'."""
    real, made = (side[:, columns] for side in sides)
    usable = np.isfinite(real).any(axis=0) & np.isfinite(made).any(axis=0)
    if not usable.any():
        return Score(name=name, **about, absent="nothing moves on one of the sides")
    real, made = real[:, usable], made[:, usable]
    settings = measured.comparison.settings
    value = float(_largest_share(made, real, np.ones((1, len(made))), np.ones((1, len(real))))[0])
    drawn = _largest_share(
        made,
        real,
        seeded_counts(len(made), settings.draws, settings.seed + 1).astype(float),
        seeded_counts(len(real), settings.draws, settings.seed).astype(float),
    )
    interval = percentile(drawn, settings.level).including(value)
    return Score(
        name=name, **about, value=value, low=interval.low, high=interval.high, floor=_floor(real, measured.comparison)
    )


def _floor(real: Numbers, comparison: Comparison) -> float | None:
    """The same of one half of the real subjects against the other."""
    settings, everyone = comparison.settings, np.arange(len(real))

    def halves(first: Rows) -> float:
        a, b = real[first], real[np.setdiff1d(everyone, first)]
        return float(_largest_share(a, b, np.ones((1, len(a))), np.ones((1, len(b))))[0])

    floors = random_halves(everyone, settings.motion.floor_splits, settings.seed, halves)
    return float(floors.mean()) if np.isfinite(floors).all() else None


def _plausible(
    measured: MeasuredCines, real: list[CineMeasures], synthetic: list[CineMeasures], about: dict[str, Any]
) -> Score:
    level = measured.comparison.settings.level
    share = exact_share(sum(plausible(m.volume) for m in synthetic), len(synthetic), level)
    ceiling = float(np.mean([plausible(m.volume) for m in real]))
    ends = {"value": share.value, "low": share.low, "high": share.high}
    return Score(name=PLAUSIBLE, **about, **ends, ceiling=ceiling, better="high")


def _systole(
    measured: MeasuredCines, real: list[CineMeasures], synthetic: list[CineMeasures], about: dict[str, Any]
) -> Score:
    """When the ventricle is smallest, less the same of real cines."""
    settings = measured.comparison.settings
    a, b = (np.array([systole(m.volume) for m in side]) for side in (real, synthetic))
    drawn = seeded_counts(len(b), settings.draws, settings.seed + 1) @ b / len(b)
    drawn = drawn - seeded_counts(len(a), settings.draws, settings.seed) @ a / len(a)
    low, high = percentile(drawn, settings.level)
    return Score(
        name="end-systole, difference of means",
        **about,
        value=float(b.mean() - a.mean()),
        low=low,
        high=high,
        unit="of the cycle",
    )


def _curves(measured: MeasuredCines) -> tuple[Plot, ...]:
    """Mean volume-time curves, and where 90 % of the real ones lie."""
    if not (measured.real and measured.synthetic):
        return ()
    real, made = (np.array([from_end_diastole(m.volume) for m in side]) for side in (measured.real, measured.synthetic))
    x = tuple((np.arange(real.shape[1]) / real.shape[1]).tolist())
    low, high = (tuple(edge.tolist()) for edge in np.percentile(real, (5, 95), axis=0))
    lines = (
        Line(name="real", x=x, y=tuple(real.mean(axis=0).tolist()), low=low, high=high),
        Line(name="synthetic", x=x, y=tuple(made.mean(axis=0).tolist())),
    )
    note = "Mean volume of the LV cavity from its largest on, as a share of that. Band: 90 % of real subjects."
    return (Plot(title="Volume-time curves", x="share of the cycle", y="share of EDV", lines=lines, note=note),)


def _playing(measured: MeasuredCines, phases: int) -> dict[str, tuple[ShownImage, ...]]:
    """Middle slices of a few synthetic subjects, each beside a real one."""
    comparison = measured.comparison
    pairs = tuple(
        _middle(comparison.synthetic, "synthetic", made, phases).model_copy(
            update={"beside": _middle(comparison.real, "real", one, phases)}
        )
        for made, one in list(zip(measured.synthetic, measured.real, strict=False))[:SHOWN_PAIRS]
    )
    return {"Cines, synthetic beside real": pairs} if pairs else {}


def _middle(cohort: Cohort, side: Literal["real", "synthetic"], one: CineMeasures, phases: int) -> ShownImage:
    subject = str(cohort.subjects["subject_id"].iloc[one.place])
    images = cohort.images[(cohort.images["subject_id"] == subject) & (cohort.images["n_frames"] == phases)]
    middle = str(images["image_id"].iloc[len(images) // 2])
    return ShownImage(image_id=middle, cohort=side, caption=f"{side}, {subject}", playing=True)
