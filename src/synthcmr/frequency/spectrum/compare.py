"""Comparing the spectra of synthetic sets with those of a real one: distances, with intervals over subjects and the floor of real data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from synthcmr.errors import CohortError
from synthcmr.frequency.fourier import Floats
from synthcmr.frequency.images import Images
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import SpectrumSettings
from synthcmr.frequency.spectrum.probe import both_sides, detail_scores, probe_scores
from synthcmr.frequency.spectrum.profiles import NAMES, Profiles, profiles
from synthcmr.statistics.intervals import Estimate as Interval
from synthcmr.statistics.roc import auc_of_labels as auc
from synthcmr.statistics.roc import image_auc_estimate as auc_interval

LEVEL = (2.5, 97.5)
DISTANCE, PROBE, DETAIL = "mean ring gap", "spectrum probe AUC", "detail probe AUC"
DETAIL_HALVES = 2
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Subjects:
    """Rows of a table summed by subject, so that subjects can be drawn."""

    total: Floats  # (subjects, columns)
    count: Floats  # (subjects,)

    @classmethod
    def of(cls, rows: Floats, subject: npt.NDArray[np.object_]) -> Subjects:
        """Sum rows by subject."""
        _, which = np.unique(subject.astype(str), return_inverse=True)
        total = np.zeros((which.max() + 1, rows.shape[1]))
        np.add.at(total, which, rows)
        return cls(total, np.bincount(which).astype(float))

    def __len__(self) -> int:
        """Number of subjects."""
        return len(self.count)

    def means(self, draws: Floats) -> Floats:
        """Mean row under each draw of subjects, (draws, columns)."""
        means: Floats = draws @ self.total / (draws @ self.count)[:, None]
        return means

    def drawn(self, draws: int, rng: np.random.Generator) -> Floats:
        """How often each subject is taken: once in the first row, with replacement in the others."""
        n = len(self)
        return np.vstack([np.ones(n), rng.multinomial(n, np.full(n, 1 / n), draws)])


def gap(a: Floats, b: Floats) -> Floats:
    """Mean over rings of the absolute difference in mean log power: the log-spectral distance of two sets."""
    distance: Floats = np.abs(a - b).mean(axis=-1)
    return distance


def compared(a: Subjects, b: Subjects, draws: int, rng: np.random.Generator) -> Interval:
    """The distance of two sets; absolute values are larger in resamples, so draws are moved to lie around the value."""
    gaps = gap(a.means(a.drawn(draws, rng)), b.means(b.drawn(draws, rng)))
    value, rest = gaps[0], gaps[1:]
    low, high = np.percentile(rest - rest.mean() + value, LEVEL).clip(0, None)
    return Interval(float(value), float(low), float(high))


def halves(n: int, count: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Random halves of n subjects."""
    for _ in range(count):
        yield rng.permutation(n) < n // 2


def floor_of(real: Subjects, count: int, rng: np.random.Generator) -> Interval:
    """The distance between random halves of the real subjects: mean, and the range of most."""
    gaps = []
    for half in halves(len(real), count, rng):
        both = np.vstack([half, ~half]).astype(float)
        a, b = real.means(both)
        gaps.append(float(gap(a, b)))
    return around(gaps)


def around(values: list[float]) -> Interval:
    """Mean of some values and the range of most."""
    low, high = np.percentile(values, LEVEL)
    return Interval(float(np.mean(values)), float(low), float(high))


def floor_with(
    real_subjects: list[str], count: int, rng: np.random.Generator, score: Callable[[set[str]], float]
) -> Interval:
    """A score between random halves of the real subjects, named by the first half."""
    names = np.array(real_subjects, dtype=object)
    return around([score(set(names[half])) for half in halves(len(names), count, rng)])


@dataclass(frozen=True)
class GroupComparison:
    """A group that was compared apart, or why it was not."""

    name: str
    real: int  # subjects
    made: int
    distance: Interval | None = None
    floor: Interval | None = None
    refused: str = ""


@dataclass(frozen=True)
class SetComparison:
    """One synthetic set against the real one."""

    name: str
    family: str
    subjects: int
    frames: int
    scores: dict[str, Interval]
    absent: dict[str, str]  # score -> why it could not be computed
    mean: Floats  # log power by ring
    low: Floats  # 5 % of frames lie below
    high: Floats
    phase: dict[str, Interval]  # band -> mean excess kurtosis
    groups: tuple[GroupComparison, ...]
    pictures: list[npt.NDArray[np.floating]]
    refused: dict[str, str]


@dataclass(frozen=True)
class ComparedSpectra:
    """Everything that the page shows."""

    rings: Rings
    real: SetComparison  # with no scores
    floors: dict[str, Interval]
    sets: tuple[SetComparison, ...]
    absent: dict[str, str] = field(default_factory=dict)  # floors that could not be computed


def compare(
    real: Images,
    sets: Mapping[str, Images],
    families: Mapping[str, str],
    settings: SpectrumSettings,
    tell: Tell = lambda _: None,
) -> ComparedSpectra:
    """Compare synthetic sets with a real one.

    Args:
        real: real images.
        sets: synthetic images by name.
        families: what made each, where that is known.
        settings: of the comparison.
        tell: called with each step.

    Raises:
        CohortError: the real set has no image.
    """
    tell("real images")
    ground = profiles(real, settings)
    floors, absent = _floors(ground, settings, tell)
    comparisons = []
    for name, images in sets.items():
        tell(name)
        try:
            synthetic = profiles(images, settings, ground.rings)
        except CohortError as error:
            raise CohortError(f"{name}: {error}") from error
        comparisons.append(_against(name, families.get(name, ""), ground, synthetic, settings))
    return ComparedSpectra(ground.rings, _alone("real", "", ground, settings), floors, tuple(comparisons), absent)


def _floors(ground: Profiles, settings: SpectrumSettings, tell: Tell) -> tuple[dict[str, Interval], dict[str, str]]:
    """What the scores are between random halves of the real subjects."""
    count = len(ground.subjects)
    if count < 2 * settings.min_subjects:
        why = f"{count} real subjects, at least {2 * settings.min_subjects} are needed to compare halves"
        return {}, dict.fromkeys((DISTANCE, PROBE, *((DETAIL,) if settings.detail else ())), why)
    tell("real against real")

    def probed(half: set[str]) -> float:
        label = np.array([s in half for s in ground.subject], dtype=np.int64)
        return auc(probe_scores(ground.log_power, label, ground.subject, settings.seed), label)

    def looked(half: set[str]) -> float:
        label = np.array([s in half for s in ground.detail_subject], dtype=np.int64)
        return auc(_detail(ground.detail, label, ground.detail_subject, settings), label)

    rng = np.random.default_rng(settings.seed)
    people = Subjects.of(ground.log_power, ground.subject)
    floors = {
        DISTANCE: floor_of(people, 10 * settings.halves, rng),
        PROBE: floor_with(ground.subjects, settings.halves, rng, probed),
    }
    if len(ground.detail):
        floors[DETAIL] = floor_with(list(dict.fromkeys(ground.detail_subject)), DETAIL_HALVES, rng, looked)
    return floors, {}


def _against(
    name: str, family: str, ground: Profiles, synthetic: Profiles, settings: SpectrumSettings
) -> SetComparison:
    """All scores of one set."""
    alone = _alone(name, family, synthetic, settings)
    scores, absent = dict(alone.scores), dict(alone.absent)
    counts = len(ground.subjects), len(synthetic.subjects)
    rng = np.random.default_rng(settings.seed)
    if min(counts) < settings.min_subjects:
        why = (
            f"{counts[0]} real and {counts[1]} synthetic subjects, at least {settings.min_subjects} of each are needed"
        )
        absent |= dict.fromkeys((DISTANCE, PROBE, DETAIL), why)
    else:
        people = [Subjects.of(p.log_power, p.subject) for p in (ground, synthetic)]
        scores[DISTANCE] = compared(people[0], people[1], settings.draws, rng)
        rows, label, subject = both_sides(ground.log_power, synthetic.log_power, ground.subject, synthetic.subject)
        scores[PROBE] = auc_interval(
            probe_scores(rows, label, subject, settings.seed), label, subject, settings.draws, rng
        )
        _add_detail(scores, absent, ground, synthetic, settings, rng)
    groups = _groups(ground, synthetic, settings)
    return SetComparison(**{**alone.__dict__, "scores": scores, "absent": absent, "groups": groups})


def _add_detail(
    scores: dict[str, Interval],
    absent: dict[str, str],
    ground: Profiles,
    synthetic: Profiles,
    settings: SpectrumSettings,
    rng: np.random.Generator,
) -> None:
    if not settings.detail:
        absent[DETAIL] = "it was not requested"
        return
    if not len(ground.detail) or ground.detail.shape[1:] != synthetic.detail.shape[1:]:
        absent[DETAIL] = "the network needs images of one size on both sides"
        return
    rows, label, subject = both_sides(ground.detail, synthetic.detail, ground.detail_subject, synthetic.detail_subject)  # type: ignore[arg-type]
    fakeness = _detail(rows, label, subject, settings)
    scores[DETAIL] = auc_interval(fakeness, label, subject, settings.draws, rng)


def _detail(
    image: npt.NDArray[np.floating],
    label: npt.NDArray[np.int64],
    subject: npt.NDArray[np.object_],
    settings: SpectrumSettings,
) -> Floats:
    return detail_scores(image.astype(np.float16), label, subject, settings.detail_steps, settings.seed)


def _alone(name: str, family: str, synthetic: Profiles, settings: SpectrumSettings) -> SetComparison:
    """What a set is like by itself."""
    people = Subjects.of(synthetic.phase, synthetic.subject)
    drawn = people.means(people.drawn(settings.draws, np.random.default_rng(settings.seed)))
    low, high = np.percentile(drawn[1:], (2.5, 97.5), axis=0)
    phase = {n: Interval(float(drawn[0, k]), float(low[k]), float(high[k])) for k, n in enumerate(NAMES)}
    least, most = np.percentile(synthetic.log_power, (5, 95), axis=0)
    return SetComparison(
        name=name,
        family=family,
        subjects=len(synthetic.subjects),
        frames=len(synthetic.log_power),
        scores={},
        absent={},
        mean=synthetic.log_power.mean(axis=0),
        low=least,
        high=most,
        phase=phase,
        groups=(),
        pictures=synthetic.pictures,
        refused=synthetic.refused,
    )


def _groups(ground: Profiles, synthetic: Profiles, settings: SpectrumSettings) -> tuple[GroupComparison, ...]:
    """Every group of every attribute that both sides know."""
    groups = []
    for name in settings.by:
        of_real, of_synthetic = ([a.get(name) for a in p.attributes] for p in (ground, synthetic))
        for value in sorted({*of_real} & {*of_synthetic} - {None}, key=str):
            sides = [
                p.rows(np.array([v == value for v in values]))
                for p, values in ((ground, of_real), (synthetic, of_synthetic))
            ]
            groups.append(_group(f"{name} {value}", sides[0], sides[1], settings))
    return tuple(groups)


def _group(name: str, real: Profiles, synthetic: Profiles, settings: SpectrumSettings) -> GroupComparison:
    counts = len(real.subjects), len(synthetic.subjects)
    if min(counts) < settings.min_subjects:
        why = (
            f"{counts[0]} real and {counts[1]} synthetic subjects, at least {settings.min_subjects} of each are needed"
        )
        return GroupComparison(name, *counts, refused=why)
    rng = np.random.default_rng(settings.seed)
    people = [Subjects.of(p.log_power, p.subject) for p in (real, synthetic)]
    floor = floor_of(people[0], 10 * settings.halves, rng) if counts[0] >= 2 * settings.min_subjects else None
    return GroupComparison(name, *counts, compared(people[0], people[1], settings.draws, rng), floor)
