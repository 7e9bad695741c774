"""Which images to show: best, typical, worst, and those that come nearest to a real person's, each with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import Comparison, subject_places
from synthcmr.evaluation.features.extractors import extractor
from synthcmr.evaluation.score import ShownImage, extremes
from synthcmr.statistics.kernels import ROWS, squared_distances
from synthcmr.statistics.manifold import radii
from synthcmr.statistics.sample import Sample

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
PAIRS = 6
LOOKED_AT = 4000  # images of a side that pictures are chosen from
NEIGHBOURS = 5
SPACE = "cmr"  # features in which images are near


@dataclass(frozen=True)
class _Side:
    """Some images of a cohort, subject by subject."""

    cohort: Cohort
    rows: Rows
    sample: Sample

    def id(self, k: int) -> str:
        """Of an image by its place."""
        return str(self.cohort.images["image_id"].iloc[int(self.rows[k])])


def shown(comparison: Comparison) -> dict[str, tuple[ShownImage, ...]]:
    """Rows of pictures by title; none where there are no features to choose by."""
    if SPACE not in comparison.settings.fidelity.extractors:
        return {}
    both = zip(
        comparison.features(extractor(SPACE, comparison.settings)), (comparison.real, comparison.synthetic), strict=True
    )
    real, synthetic = (_side(values, cohort, comparison.settings.seed) for values, cohort in both)
    if min(len(real.rows), len(synthetic.rows)) <= NEIGHBOURS:
        return {}
    near, nearest = _neighbours(synthetic.sample.values, real.sample.values)
    return {
        **_by_likeness(synthetic, near[:, -1], real),
        **_nearest(synthetic, real, near[:, 0], nearest),
    }


def _side(values: npt.NDArray[np.floating], cohort: Cohort, seed: int) -> _Side:
    rng = np.random.default_rng([seed, 13])
    rows = np.sort(rng.permutation(len(values))[:LOOKED_AT])
    place = subject_places(cohort)[rows]
    rows = rows[np.argsort(place, kind="stable")]
    rows = rows[np.isfinite(values[rows]).all(axis=1)]
    return _Side(cohort, rows, Sample.of(np.asarray(values[rows]), subject_places(cohort)[rows]))


def _neighbours(values: Numbers, among: Numbers) -> tuple[Numbers, Rows]:
    """Distances of each row to its nearest others, ascending, and which is the nearest."""
    near, nearest = [], []
    for k in range(0, len(values), ROWS):
        d = squared_distances(values[k : k + ROWS], among)
        near.append(np.sqrt(np.sort(np.partition(d, NEIGHBOURS - 1, axis=1)[:, :NEIGHBOURS], axis=1)))
        nearest.append(d.argmin(axis=1))
    return np.concatenate(near), np.concatenate(nearest)


def _by_likeness(synthetic: _Side, far: Numbers, real: _Side) -> dict[str, tuple[ShownImage, ...]]:
    """By the distance to the fifth nearest real image, so that a copy of one does not count as good."""
    usual = np.sqrt(radii(real.sample, NEIGHBOURS))
    order = np.argsort(far, kind="stable")
    titles = ("Best: most like real images", "Typical", "Worst: least like any real image")
    chosen = extremes(order, titles, "All of them, the most like real images first")

    def reason(k: int) -> str:
        farther = float(np.mean(usual > far[k]))
        how = f"{100 * farther:.0f} % of real images are farther from their neighbours than this"
        return f"distance to its fifth nearest real image {far[k]:.2f}; {how}"

    return {
        title: tuple(ShownImage(image_id=synthetic.id(k), cohort="synthetic", caption=reason(k)) for k in rows)
        for title, rows in chosen.items()
    }


def _nearest(synthetic: _Side, real: _Side, near: Numbers, nearest: Rows) -> dict[str, tuple[ShownImage, ...]]:
    """Beside the real image that each comes nearest to, measured by how near another person's comes to that one."""
    other = np.sqrt(radii(real.sample, 1))[nearest]
    share = near / np.maximum(other, 1e-9)
    rows = _one_per_real(np.argsort(share, kind="stable"), nearest)

    def pair(k: int) -> ShownImage:
        side = _called(real, int(nearest[k]))
        predicted = f"distance {near[k]:.2f}, {share[k]:.0%} of what the nearest image of another person has"
        beside = ShownImage(image_id=real.id(int(nearest[k])), cohort="real", caption=side)
        return ShownImage(image_id=synthetic.id(k), cohort="synthetic", caption=predicted, beside=beside)

    return {"Nearest to a real person's image": tuple(pair(k) for k in rows)}


def _one_per_real(order: Rows, nearest: Rows) -> list[int]:
    """The first few, each of another real image."""
    results: dict[int, int] = {}
    for k in order:
        results.setdefault(int(nearest[k]), int(k))
        if len(results) == PAIRS:
            break
    return list(results.values())


def _called(real: _Side, k: int) -> str:
    """What a real image is to the generator, as far as splits tell."""
    row = real.cohort.table.iloc[int(real.rows[k])]
    split = row.get("split")
    what = {"train": "training image", "validation": "validation image", "test": "test image"}.get(str(split))
    return f"the {what or 'real image'} of {row['subject_id']}"
