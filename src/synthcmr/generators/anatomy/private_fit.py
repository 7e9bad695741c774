"""Anatomies of patients with differential privacy: the public generator, moved to where the patients' hearts lie.

The generator that ships, which learned from phantoms, says what the heart of each patient was to be expected to measure, and how it was to
be shaped. What the heart differs by, in standard deviations of that generator, is a short vector with mean 0 and covariance 1 where
patients are as phantoms are. Of these vectors the mean and the second moments are released, with one clip per subject and Gaussian
noise. All else is computed of what was released: both lean on the public generator the more, the larger the noise is, and the
covariance is made positive definite. Who the people are, slice steps and all finer shape stay those of the public generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.conditioning.vocabulary import is_present
from synthcmr.errors import CohortError
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.anatomy.hearts import MEASURES, Floats, Hearts, to_free
from synthcmr.generators.anatomy.measured_hearts import MeasuredHearts
from synthcmr.generators.anatomy.shape_space import Described
from synthcmr.privacy.ledger import LEDGER, learned_privately, new_token
from synthcmr.privacy.mechanisms import RELATION, UNIT
from synthcmr.training.private_sums import NoisyMean, SumPromise, noisy_mean
from synthcmr.training.secret_noise import Secret
from synthcmr.training.shipped_weights import shipped

SHAPES = 6  # coordinates of the shape that are measured: those in which hearts differ most
NUMBERS = len(MEASURES) + SHAPES
FARTHEST = 3.0  # standard deviations at which each of them is cut
CLIP = 5.0  # norm that all of them together are scaled down to
SENSITIVITY = float(
    np.sqrt(2)
)  # mean and second moments are divided by CLIP and its square: each has a norm of at most 1
SPREADS = (0.1, 9.0)  # variances between which an anatomy is drawn, relative to the public generator
BLOCKS = (slice(0, len(MEASURES)), slice(len(MEASURES), NUMBERS))  # what hearts measure, and how they are shaped
ARTEFACT, COUNTED = "anatomies", "number of subjects with masks"
ILL = 6  # where the diagnoses begin in a row of the design


def fit_privately(
    cohort: Cohort,
    promise: SumPromise,
    secret: Secret | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> AnatomyGenerator:
    """Learn from the training split of a cohort whose masks hold LV, myocardium and RV at ED and ES.

    Args:
        cohort: of patients.
        promise: what it may cost.
        secret: of the noise; None for a new one.
        progress: told of every subject.

    Raises:
        CohortError: no subject has such masks.
    """
    public = AnatomyGenerator.load(shipped("anatomy"))
    released = noisy_statistics(cohort, promise, secret or Secret(), progress)
    entries = promise.entries(ARTEFACT, COUNTED, new_token())
    facts: dict[str, Any] = {
        **public.facts,
        "cohort_hash": "",  # a hash of patients' images would tell whoever has them that they took part
        "subjects": released.people,
        "privacy": _statement(promise, released),
        LEDGER: learned_privately(cohort_ledger(cohort), entries).to_json(),
    }
    return replace(public, hearts=moved(public.hearts, Moments.of(released)), facts=facts)


def noisy_statistics(
    cohort: Cohort,
    promise: SumPromise,
    secret: Secret,
    progress: Callable[[int, int, str], None] | None = None,
) -> NoisyMean:
    """All that is taken from patients: the noisy mean of their `statistics`.

    Raises:
        CohortError: no subject has masks of all structures.
    """
    public = AnatomyGenerator.load(shipped("anatomy"))
    measured = MeasuredHearts.of(cohort, public.space.settings, progress)
    if not measured.hearts:
        raise CohortError(
            f"{cohort.path}: expected training subjects with LV, myocardium and RV masks at ED and ES, found none; label them first"
        )
    each = zip(measured.hearts, measured.numbers, measured.rows, strict=True)
    rows = np.stack([statistics(offsets(public, heart, numbers, row)) for heart, numbers, row in each])
    return noisy_mean(rows, SENSITIVITY, promise, secret)


def offsets(public: AnatomyGenerator, heart: Described, numbers: dict[str, float], row: dict[str, Any]) -> Floats:
    """What one heart differs by from what the public generator expects of such a person, in its standard deviations."""
    hearts, space = public.hearts, public.space
    known = {k: v for k, v in row.items() if is_present(v) and (k != "diagnosis" or v in public.people.diagnoses)}
    person = public.people.draw(known, np.random.default_rng(0))  # a stream for each: nobody depends on another
    x, y = hearts.design(person), to_free(numbers)
    coordinates = (space.features(heart) - space.mean) @ space.axes.T
    off = (coordinates - hearts.shape(y, x))[:SHAPES]
    measures = np.linalg.solve(hearts.root(str(person.get("diagnosis", ""))), y - x @ hearts.measure_weights)
    return np.concatenate([measures, np.linalg.solve(hearts.shape_root[:SHAPES, :SHAPES], off)])


def statistics(differs: Floats) -> Floats:
    """Of one subject: its offsets and their products, in a norm of at most `SENSITIVITY`."""
    cut = np.nan_to_num(differs, nan=0.0).clip(-FARTHEST, FARTHEST)
    unit = cut / max(CLIP, float(np.linalg.norm(cut)))
    return np.concatenate([unit, *(_packed(np.outer(unit[block], unit[block])) for block in BLOCKS)])


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of the offsets, as far as the noise lets them be believed."""

    mean: Floats  # (numbers,)
    covariances: tuple[Floats, Floats]  # of measures, and of shapes

    @classmethod
    def of(cls, released: NoisyMean) -> Moments:
        """From what was released alone.

        Without patients the mean is expected within one standard deviation of 0, and covariances within one of that of the public
        generator; noise of a spread s then leaves 1 / (1 + s^2) of what differs.
        """
        mean = released.values[:NUMBERS] * CLIP
        noise, noise_of_products = released.noise * CLIP, released.noise * CLIP**2
        covariances, begins = [], NUMBERS
        for block in BLOCKS:
            size = block.stop - block.start
            ends = begins + size * (size + 1) // 2
            products = _unpacked(released.values[begins:ends] * CLIP**2, size)
            spread = products - np.outer(mean[block], mean[block]) + noise**2 * np.eye(size)
            covariances.append(_positive(np.eye(size) + (spread - np.eye(size)) / (1 + noise_of_products**2)))
            begins = ends
        return cls(mean / (1 + noise**2), (covariances[0], covariances[1]))


def moved(hearts: Hearts, moments: Moments) -> Hearts:
    """The public hearts with these moments in place of mean 0 and covariance 1."""
    measures, shapes = (np.linalg.cholesky(covariance) for covariance in moments.covariances)
    roots = [hearts.root(name) for name in hearts.diagnoses]
    weights, form = hearts.measure_weights.copy(), hearts.shape_weights.copy()
    for k, root in enumerate(roots):
        weights[ILL + k] += root @ moments.mean[BLOCKS[0]]
    form[len(MEASURES)] += hearts.shape_root[:, :SHAPES] @ moments.mean[BLOCKS[1]]
    root_of_shapes = hearts.shape_root.copy()
    root_of_shapes[:, :SHAPES] = root_of_shapes[:, :SHAPES] @ shapes
    return replace(
        hearts,
        measure_weights=weights,
        measure_covariances=np.stack([root @ measures @ measures.T @ root.T for root in roots]),
        shape_weights=form,
        shape_root=root_of_shapes,
    )


def _packed(products: Floats) -> Floats:
    """The upper triangle of a symmetric matrix, with the norm of the whole matrix."""
    rows, columns = np.triu_indices(len(products))
    packed: Floats = products[rows, columns] * np.where(rows == columns, 1.0, np.sqrt(2))
    return packed


def _unpacked(values: Floats, size: int) -> Floats:
    rows, columns = np.triu_indices(size)
    products = np.zeros((size, size))
    products[rows, columns] = products[columns, rows] = values / np.where(rows == columns, 1.0, np.sqrt(2))
    return products


def _positive(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    positive: Floats = (vectors * values.clip(*SPREADS)) @ vectors.T
    return positive


def _statement(promise: SumPromise, released: NoisyMean) -> dict[str, Any]:
    """What the file says of its privacy."""
    return {
        "epsilon": promise.epsilon,
        "delta": promise.delta,
        "unit": UNIT,
        "neighbouring_relation": RELATION,
        "noise": released.noise * CLIP,  # on each mean, in standard deviations of the public generator
        "subjects": released.people,
        "subjects_are": "counted with noise" if promise.count_epsilon else "stated",
    }
