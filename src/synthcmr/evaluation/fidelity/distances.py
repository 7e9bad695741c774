"""All distances between two sets of features: FID, FID∞, KID, MMD, precision, recall, density, coverage; overall and of groups."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from synthcmr.cohort.parallel import cores
from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.comparison import ComparedGroup, Comparison, subject_places
from synthcmr.evaluation.features.extractors import extractor
from synthcmr.evaluation.score import OVERALL, Score, absent
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.statistics.bootstrap import random_halves, seeded_counts
from synthcmr.statistics.frechet import WIDE, fid, fid_draws, fid_infinity, fid_interval, gaussian
from synthcmr.statistics.intervals import percentile, pivotal
from synthcmr.statistics.kernels import (
    MOST_CLUSTERS,
    Blocks,
    Kernel,
    cubic,
    gaussian_kernel,
    kid_of_subsets,
    median_distance,
)
from synthcmr.statistics.manifold import NAMES, manifold, mean_over, repeats
from synthcmr.statistics.sample import Sample

SCALED = ("radiomics",)  # whose columns have units: taken in the real images' spread
FARTHEST = 8.0  # standard deviations, so that no single pixel decides
ALL = ("FID", "FID∞", "relative FID", "KID", "MMD", *NAMES, "repeats")


@dataclass(frozen=True)
class Pair:
    """Features of both sides, and how to speak of them."""

    name: str
    hash: str
    real: Sample
    synthetic: Sample
    settings: EvaluateSettings

    def among(self, group: ComparedGroup) -> Pair:
        """Of a group."""
        if group.name == OVERALL:
            return self
        most, seed = self.settings.fidelity.most_of_group, self.settings.seed
        sides = self.real.among(group.real), self.synthetic.among(group.synthetic)
        real, synthetic = (side.thinned_to(most, seed) for side in sides)
        return Pair(self.name, self.hash, real, synthetic, self.settings)

    def about(self, group: str, name: str) -> dict[str, Any]:
        """What every score of this pair says of itself."""
        counts = {"n_real": len(self.real.subjects), "n_synthetic": len(self.synthetic.subjects)}
        return {"name": f"{name} ({self.name})", "group": group, "extractor": self.hash, **counts}


def distances(comparison: Comparison, name: str) -> list[Score]:
    """Every distance in one extractor's features, group by group."""
    try:
        pair = load_pair(comparison, name)
    except SynthcmrError as error:
        return [absent(f"{what} ({name})", str(error)) for what in ALL]
    results: list[Score] = []
    kernels: dict[str, Kernel] = {"KID": cubic}
    width = median_distance(pair.real, comparison.settings.seed) if len(pair.real.subjects) > 1 else 0.0
    if width > 0:
        kernels["MMD"] = gaussian_kernel(width)
    with threadpool_limits(1), ThreadPoolExecutor(cores()) as pool:  # groups side by side: their matrices are small
        each = pool.map(lambda group: _of_group(pair, group, kernels), comparison.groups)
        for k, (group, scores) in enumerate(zip(comparison.groups, each, strict=True)):
            if comparison.report is not None:
                comparison.report(k, len(comparison.groups), f"distances ({name}) {group.name}".strip())
            results += scores
    return results


def load_pair(comparison: Comparison, name: str) -> Pair:
    """Features of both sides in memory, of a limited number of images."""
    what = extractor(name, comparison.settings)
    most, seed = comparison.settings.fidelity.most_images, comparison.settings.seed
    sides = [
        Sample.thinned(values, subject_places(cohort), most, seed)
        for values, cohort in zip(comparison.features(what), (comparison.real, comparison.synthetic), strict=True)
    ]
    if name in SCALED:
        sides = _scaled(*sides)
    return Pair(name, what.hash, sides[0], sides[1], comparison.settings)


def _scaled(real: Sample, synthetic: Sample) -> list[Sample]:
    """In standard deviations of the real images; columns that are the same in all of them are left out."""
    if not len(real):
        return [real, synthetic]
    mean, sd = real.values.mean(axis=0), real.values.std(axis=0)
    moving = sd > 1e-9 * np.maximum(1.0, np.abs(mean))

    def scale(sample: Sample) -> Sample:
        z = (sample.values[:, moving] - mean[moving]) / sd[moving]
        return Sample(np.clip(z, -FARTHEST, FARTHEST), sample.subject)

    return [scale(real), scale(synthetic)]


def _of_group(pair: Pair, group: ComparedGroup, kernels: dict[str, Kernel]) -> list[Score]:
    own = pair.among(group)
    least = pair.settings.min_subjects
    refused = _refused(own, least)
    if refused:
        return [Score(**own.about(group.name, what), absent=refused) for what in ALL]
    scores = _frechet_scores(own, group.name)
    for what, kernel in kernels.items():
        scores += _kernel_scores(own, group.name, what, kernel)
    if "MMD" not in kernels:
        scores.append(Score(**own.about(group.name, "MMD"), absent="all real images are the same to the extractor"))
    return scores + _manifold_scores(own, group.name)


def _refused(pair: Pair, least: int) -> str | None:
    n, m = len(pair.real.subjects), len(pair.synthetic.subjects)
    if min(n, m) >= least:
        return None
    return f"{n} real and {m} synthetic subjects with features; at least {least} of each are needed"


def _frechet_scores(pair: Pair, group: str) -> list[Score]:
    names, settings = ("FID", "FID∞", "relative FID"), pair.settings
    width, images = pair.real.values.shape[1], min(len(pair.real), len(pair.synthetic))
    if images < 2 * width:
        why = f"{images} images; a covariance of {width} features needs at least {2 * width} on each side"
        return [Score(**pair.about(group, name), absent=why) for name in names]
    value = fid(pair.real, pair.synthetic)
    limit = fid_infinity(pair.real, pair.synthetic, settings.seed)
    drawn = fid_draws(pair.real, pair.synthetic, settings.draws, settings.seed)
    low, high = fid_interval(limit, drawn, settings.level)
    own_low, own_high = fid_interval(value, drawn, settings.level)
    floor, floor_limit = _frechet_floor(pair)
    total = float(np.trace(gaussian(pair.real.values).covariance))
    return [
        Score(**pair.about(group, "FID"), value=value, low=own_low, high=own_high, floor=floor),
        Score(**pair.about(group, "FID∞"), value=limit, low=low, high=high, floor=floor_limit),
        Score(
            **pair.about(group, "relative FID"),
            value=limit / total,
            low=low / total,
            high=high / total,
            floor=None if floor_limit is None else floor_limit / total,
            unit="of the real images' variance",
        ),
    ]


def _frechet_floor(pair: Pair) -> tuple[float | None, float | None]:
    """FID and FID∞ of halves of the real subjects; None where halves are too small."""
    if len(pair.real) < 4.5 * pair.real.values.shape[1]:
        return None, None

    def measure(first: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        a, b = _split(pair.real, first)
        return np.array([fid(a, b), fid_infinity(a, b, pair.settings.seed)])

    splits = 1 if pair.real.values.shape[1] > WIDE else pair.settings.fidelity.floor_splits
    result = np.mean(random_halves(pair.real.subjects, splits, pair.settings.seed, measure), axis=0)
    return float(result[0]), max(float(result[1]), 0.0)


def _split(sample: Sample, first: npt.NDArray[np.intp]) -> tuple[Sample, Sample]:
    return sample.among(first), sample.among(np.setdiff1d(sample.subjects, first))


def _kernel_scores(pair: Pair, group: str, name: str, kernel: Kernel) -> list[Score]:
    """KID as torch-fidelity's, of all images; MMD without pairs of one subject."""
    settings, between = pair.settings, name == "MMD"
    real, synthetic = (side.clustered(MOST_CLUSTERS) for side in (pair.real, pair.synthetic))
    blocks = Blocks.of(real, synthetic, kernel)
    measure: Callable[..., float] = blocks.by_subjects if between else blocks.by_images
    ones = np.ones(len(real.subjects)), np.ones(len(synthetic.subjects))
    value = measure(*ones)
    times = [seeded_counts(len(one), settings.draws, settings.seed + k).astype(float) for k, one in enumerate(ones)]
    drawn = [measure(v, w) for v, w in zip(*times, strict=True)]
    # pairs within a subject are left out of MMD, so that drawing again does not inflate it
    low, high = percentile(drawn, settings.level) if between else pivotal(value, drawn, settings.level)

    def of_halves(first: npt.NDArray[np.intp]) -> float:
        return blocks.real_halves(np.isin(real.subjects, first), between)

    floor = float(np.mean(random_halves(real.subjects, settings.fidelity.floor_splits, settings.seed, of_halves)))
    scores = [Score(**pair.about(group, name), value=value, low=low, high=high, floor=floor)]
    if name == "KID" and group == OVERALL:
        many, size = settings.fidelity.kid_subsets, settings.fidelity.kid_subset_size
        subsets = kid_of_subsets(pair.real.values, pair.synthetic.values, many, size)
        scores.append(
            Score(
                **pair.about(group, f"KID, {many} subsets of {min(size, len(pair.real), len(pair.synthetic))}"),
                value=subsets,
                low=low + subsets - value,
                high=high + subsets - value,
            )
        )
    return scores


def _manifold_scores(pair: Pair, group: str) -> list[Score]:
    """Of as many images on both sides: coverage means little where one side has more."""
    settings = pair.settings
    most = min(len(pair.real), len(pair.synthetic))
    real, synthetic = (s.thinned_to(most, settings.seed) for s in (pair.real, pair.synthetic))
    if min(len(real.subjects), len(synthetic.subjects)) < max(2, settings.min_subjects // 2):
        why = "too few subjects remain where both sides have as many images"
        return [Score(**pair.about(group, name), absent=why) for name in (*NAMES, "repeats")]
    whole, again = manifold(real, synthetic, settings.fidelity.neighbours), repeats(real, synthetic)
    limits = random_halves(
        real.subjects, settings.fidelity.floor_splits, settings.seed, lambda first: _of_real(pair, real, first)
    )
    best = limits.mean(axis=0)
    scores = []
    for name, ceiling in zip(NAMES, best[:-1], strict=True):
        values, of_real = whole.of(name)
        value, low, high = _mean(values, real if of_real else synthetic, settings)
        about = pair.about(group, name)
        scores.append(Score(**about, value=value, low=low, high=high, ceiling=float(ceiling), better="high"))
    value, low, high = _mean(again, synthetic, settings)
    unit = "of images"
    return [
        *scores,
        Score(**pair.about(group, "repeats"), value=value, low=low, high=high, floor=float(best[-1]), unit=unit),
    ]


def _of_real(pair: Pair, real: Sample, first: npt.NDArray[np.intp]) -> list[float]:
    """The same of two halves of the real subjects."""
    a, b = _split(real, first)
    result = manifold(a, b, pair.settings.fidelity.neighbours)
    return [*(float(result.of(name)[0].mean()) for name in NAMES), float(repeats(a, b).mean())]


def _mean(values: npt.NDArray[np.float64], side: Sample, settings: EvaluateSettings) -> tuple[float, float, float]:
    """Mean over images with its interval over subjects, balls held."""
    times = seeded_counts(len(side.subjects), settings.draws, settings.seed).astype(float)
    low, high = percentile([mean_over(values, side, w) for w in times], settings.level)
    return float(values.mean()), low, high
