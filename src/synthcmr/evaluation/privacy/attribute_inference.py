"""Attribute inference: does the synthetic set tell a patient's secret to someone who knows the rest, or the image, of that patient?

What it tells of patients whom the generator never saw is medicine, and no leak; so the same attack on held-out subjects is the measure
(Giomi et al. 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.distances import VectorScaling, to_subjects
from synthcmr.evaluation.privacy.image_index import ImageIndex, SplitIndexes
from synthcmr.evaluation.privacy.interval_estimates import (
    Absent,
    EstimateOrReason,
    Floats,
    IntervalEstimate,
)
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings
from synthcmr.statistics.intervals import Estimate, percentile

if TYPE_CHECKING:
    import pandas as pd

CLOSE = 0.05  # of the range of a number: a guess that is nearer is right
FAR = 1.0  # distance of a value that one of two does not tell
IMAGE = "the image"
BODY = {"bmi", "height_cm", "weight_kg"}  # two of them give the third
Hits = npt.NDArray[np.bool_]


class AttributeInference(Settings):
    """How often one secret is guessed right."""

    secret: str
    knows: str  # what the attacker knows of the patient: attributes, or image
    members: float  # share guessed right of those learned from
    others: float  # of held-out subjects
    risk: EstimateOrReason  # (members - others) / (1 - others): what is guessed beyond what medicine tells


class Inferences(Settings):
    """All secrets that were guessed."""

    secrets: tuple[AttributeInference, ...]


def infer_attributes(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    indexes: SplitIndexes,
    attacked: tuple[ImageIndex, ImageIndex],
    settings: PrivacyPartSettings,
) -> tuple[AttributeInference, ...]:
    """Guess every secret of members and of held-out subjects, from the attributes and from the images.

    Args:
        real: table of real subjects.
        synthetic: table of synthetic subjects.
        indexes: of images of the synthetic subjects, and of all members, by whom distances are scaled.
        attacked: images of members, and of the held-out subjects who are the measure.
        settings: secrets, and what is known.
    """
    tables = tuple(real.set_index("subject_id").loc[list(index.subjects)] for index in attacked)
    donors = synthetic.set_index("subject_id").loc[list(indexes.synthetic.subjects)]
    own = settings.attributes
    known = [column for column in own.known if _varies(column, real, synthetic)]
    secrets = [column for column in (own.secrets or known) if _varies(column, real, synthetic)]
    by_image = [_image_distances(index, indexes) for index in attacked]
    inferences = []
    for secret in secrets:
        rest = [column for column in known if column != secret and not {column, secret} <= BODY]
        if rest:
            by_rest = [_gower(table, donors, rest, real) for table in tables]
            inferences.append(_infer(secret, ", ".join(rest), by_rest, tables, donors, settings))
        inferences.append(_infer(secret, IMAGE, by_image, tables, donors, settings))
    return tuple(inferences)


def _varies(column: str, real: pd.DataFrame, synthetic: pd.DataFrame) -> bool:
    """Whether both tables tell an attribute, and not the same of everybody."""
    both = all(column in table.columns and table[column].notna().any() for table in (real, synthetic))
    return both and real[column].nunique() > 1


def _infer(
    secret: str,
    knows: str,
    distances: list[Floats],
    tables: tuple[pd.DataFrame, ...],
    donors: pd.DataFrame,
    settings: PrivacyPartSettings,
) -> AttributeInference:
    """Guess that a subject has the secret of the nearest synthetic one that tells it."""
    values = donors[secret]
    usable = values.notna().to_numpy()
    answers, span = values[usable].to_numpy(), _span(values)
    hits = []
    for distance, table in zip(distances, tables, strict=True):
        guess = answers[distance[:, usable].argmin(axis=1)]
        has = table[secret].notna().to_numpy()
        hits.append(_right(guess[has], table[secret].to_numpy()[has], span))
    members, others = hits
    risk: EstimateOrReason
    if min(len(members), len(others)) < settings.min_subjects // 2:
        risk = Absent(reason=f"{len(members)} members and {len(others)} held-out subjects tell their {secret}")
    else:
        risk = _advantage(members, others, settings.draws, settings.seed)
    return AttributeInference(secret=secret, knows=knows, members=_mean(members), others=_mean(others), risk=risk)


def _advantage(members: Hits, others: Hits, draws: int, seed: int) -> IntervalEstimate:
    """What is guessed of members beyond what is guessed of others, as a share of what is left to guess."""
    rng = np.random.default_rng([seed, 11])
    a, b = (rng.binomial(len(x), _mean(x), size=draws) / len(x) for x in (members, others))
    resamples = (a - b) / np.maximum(1 - b, 1 / len(others))
    value = (_mean(members) - _mean(others)) / max(1 - _mean(others), 1 / len(others))
    estimate = Estimate.of(value, percentile(resamples).including(value))
    return IntervalEstimate.of(estimate, len(members) + len(others))


def _mean(hits: Hits) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


def _span(values: pd.Series) -> float | None:
    """Range of a number; None of a category."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if not is_numeric_dtype(values) or is_bool_dtype(values):
        return None
    return float(values.max() - values.min())


def _right(guess: npt.NDArray[np.object_], truth: npt.NDArray[np.object_], span: float | None) -> Hits:
    if span is None:
        return np.asarray([str(g) == str(t) for g, t in zip(guess, truth, strict=True)], dtype=bool)
    return np.abs(guess.astype(float) - truth.astype(float)) <= CLOSE * span


def _gower(table: pd.DataFrame, donors: pd.DataFrame, known: list[str], real: pd.DataFrame) -> Floats:
    """Mean over attributes of how far apart two subjects are, 0 to 1 each, (real subjects, synthetic subjects)."""
    total = np.zeros((len(table), len(donors)))
    for name in known:
        a, b, span = table[name], donors[name], _span(real[name])
        if span is None:
            apart = a.astype(str).to_numpy()[:, None] != b.astype(str).to_numpy()
        else:
            apart = np.abs(a.to_numpy(float)[:, None] - b.to_numpy(float)) / max(span, 1e-9)
        missing = a.isna().to_numpy()[:, None] | b.isna().to_numpy()
        total += np.where(missing, FAR, np.minimum(apart, 1))
    return total / len(known)


def _image_distances(index: ImageIndex, indexes: SplitIndexes) -> Floats:
    """From each real subject to each synthetic one: of their nearest images, (real subjects, synthetic subjects)."""
    space = "features" if "features" in index.spaces else "pixels"
    number = index.subject_number
    nearest = np.full((len(index.subjects), len(indexes.synthetic.subjects)), np.inf)
    for rows, distances in to_subjects(index, indexes.synthetic, space, VectorScaling.of(indexes.members, space)):
        for subject, row in zip(number[rows], distances, strict=True):
            nearest[subject] = np.minimum(nearest[subject], row)
    return nearest
