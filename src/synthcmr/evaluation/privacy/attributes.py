"""Attribute inference: does the synthetic set tell a patient's secret to someone who knows the rest, or the image, of that patient?

What it tells of patients whom the generator never saw is medicine, and no leak; so the same attack on held-out subjects is the measure
(Giomi et al. 2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.config import Settings
from synthcmr.evaluation.privacy.distances import scaling_of, to_subjects
from synthcmr.evaluation.privacy.figures import Absent, Figure, Floats, Measured, interval_of
from synthcmr.evaluation.privacy.people import Piles
from synthcmr.evaluation.privacy.pile import Pile
from synthcmr.evaluation.privacy.settings import PrivacySettings

if TYPE_CHECKING:
    import pandas as pd

CLOSE = 0.05  # of the range of a number: a guess that is nearer is right
FAR = 1.0  # distance of a value that one of two does not tell


class Inference(Settings):
    """How often one secret is guessed right."""

    secret: str
    knows: str  # what the attacker knows of the patient: attributes, or image
    members: float  # share guessed right of those learned from
    others: float  # of held-out subjects
    risk: Measured  # (members - others) / (1 - others): what is guessed beyond what medicine tells


def inferences(
    real: pd.DataFrame, synthetic: pd.DataFrame, piles: Piles, attacked: tuple[Pile, Pile], settings: PrivacySettings
) -> tuple[Inference, ...]:
    """Guess every secret of members and of held-out subjects, from the attributes and from the images.

    Args:
        real: table of real subjects.
        synthetic: table of synthetic subjects.
        piles: images of the synthetic subjects, and of all members, by whom distances are scaled.
        attacked: images of members, and of the held-out subjects who are the measure.
        settings: secrets, and what is known.
    """
    members, others = (real.set_index("subject_id").loc[list(p.people)] for p in attacked)
    made = synthetic.set_index("subject_id").loc[list(piles.synthetic.people)]
    own = settings.attributes
    told = [c for c in own.known if _told(c, real, synthetic)]
    secrets = [c for c in (own.secrets or told) if _told(c, real, synthetic)]
    images = [_image_distances(p, piles) for p in attacked]
    found = []
    for secret in secrets:
        known = [c for c in told if c != secret and not _same_thing(c, secret)]
        rows = [_gower(table, made, known, real) for table in (members, others)] if known else []
        for knows, pair in ((", ".join(known), rows), ("the image", images)):
            if pair:
                found.append(_inferred(secret, knows, pair, (members, others), made, settings))
    return tuple(found)


def _told(column: str, real: pd.DataFrame, synthetic: pd.DataFrame) -> bool:
    """Whether both tables tell an attribute, and not the same of everybody."""
    both = all(column in table.columns and table[column].notna().any() for table in (real, synthetic))
    return both and real[column].nunique() > 1


def _same_thing(a: str, b: str) -> bool:
    """Whether one follows from the other by arithmetic."""
    body = {"bmi", "height_cm", "weight_kg"}
    return a in body and b in body


def _inferred(
    secret: str,
    knows: str,
    distances: list[Floats],
    people: tuple[pd.DataFrame, pd.DataFrame],
    made: pd.DataFrame,
    settings: PrivacySettings,
) -> Inference:
    values = made[secret]
    usable = values.notna().to_numpy()
    answers = values[usable].to_numpy()
    span = _span(values)
    right = []
    for distance, table in zip(distances, people, strict=True):
        guess = answers[distance[:, usable].argmin(axis=1)]
        asked = table[secret].notna().to_numpy()
        right.append(_right(guess[asked], table[secret].to_numpy()[asked], span))
    ours, theirs = right
    if min(len(ours), len(theirs)) < settings.min_subjects // 2:
        few: Measured = Absent(reason=f"{len(ours)} members and {len(theirs)} held-out subjects tell their {secret}")
        return Inference(secret=secret, knows=knows, members=_mean(ours), others=_mean(theirs), risk=few)
    risk = _risk(ours, theirs, settings.draws, settings.seed)
    return Inference(secret=secret, knows=knows, members=_mean(ours), others=_mean(theirs), risk=risk)


def _risk(ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_], draws: int, seed: int) -> Figure:
    rng = np.random.default_rng([seed, 11])
    a, b = (rng.binomial(len(x), _mean(x), size=draws) / len(x) for x in (ours, theirs))
    beyond = (a - b) / np.maximum(1 - b, 1 / len(theirs))
    value = (_mean(ours) - _mean(theirs)) / max(1 - _mean(theirs), 1 / len(theirs))
    return interval_of(value, beyond, len(ours) + len(theirs))


def _mean(right: npt.NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else float("nan")


def _span(values: pd.Series) -> float | None:
    """Range of a number; None of a category."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if not is_numeric_dtype(values) or is_bool_dtype(values):
        return None
    return float(values.max() - values.min())


def _right(guess: npt.NDArray[np.object_], truth: npt.NDArray[np.object_], span: float | None) -> npt.NDArray[np.bool_]:
    if span is None:
        return np.asarray([str(g) == str(t) for g, t in zip(guess, truth, strict=True)], dtype=bool)
    return np.abs(guess.astype(float) - truth.astype(float)) <= CLOSE * span


def _gower(table: pd.DataFrame, made: pd.DataFrame, known: list[str], real: pd.DataFrame) -> Floats:
    """Mean over attributes of how far apart two subjects are, 0 to 1 each, (real subjects, synthetic subjects)."""
    total = np.zeros((len(table), len(made)))
    for name in known:
        a, b, span = table[name], made[name], _span(real[name])
        if span is None:
            apart = a.astype(str).to_numpy()[:, None] != b.astype(str).to_numpy()
        else:
            apart = np.abs(a.to_numpy(float)[:, None] - b.to_numpy(float)) / max(span, 1e-9)
        missing = a.isna().to_numpy()[:, None] | b.isna().to_numpy()
        total += np.where(missing, FAR, np.minimum(apart, 1))
    return total / len(known)


def _image_distances(pile: Pile, piles: Piles) -> Floats:
    """From each real subject to each synthetic one: of their nearest images, (real subjects, synthetic subjects)."""
    space = "features" if "features" in pile.spaces else "pixels"
    place = {name: k for k, name in enumerate(pile.people)}
    found = np.full((len(place), len(piles.synthetic.people)), np.inf)
    for where, distances in _distances(pile, piles, space):
        for name, row in zip(pile.subject[where], distances, strict=True):
            found[place[name]] = np.minimum(found[place[name]], row)
    return found


def _distances(pile: Pile, piles: Piles, space: str) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
    return to_subjects(pile, piles.synthetic, space, scaling_of(piles.members, space))
