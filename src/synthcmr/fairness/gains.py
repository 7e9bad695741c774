r"""Where the next images help most: by what images have gained so far, not by counts.

Each kind of patient $k$ (a value of the label with a value of one sensitive attribute) has a loss $l_k$ on the validation split.
An image is taken to lower it by a share: $l_k(m) = l_k \exp(-r_k m)$. The rates $r_k$ are learned from the rounds: what the images
of a round did to $l_k$,
weighed by how certain that is, on top of a rate that all kinds share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from synthcmr.experiments.comparison import draw, estimate
from synthcmr.experiments.subjects import UNKNOWN, cells

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.experiments.settings import BalanceSettings

Floats = npt.NDArray[np.float64]
Kind = tuple[str, str, int]  # sensitive attribute, its value, label
PRIOR_RATE, PRIOR_SPREAD = 0.01, 0.01  # an image lowers a loss by one percent, more or less, until rounds tell
FLOOR = 1e-4  # of a loss


@dataclass(frozen=True)
class KindLosses:
    """The loss of each kind on the validation split, with the variance of its logarithm over resamples."""

    loss: Mapping[Kind, float]
    variance: Mapping[Kind, float]


@dataclass(frozen=True)
class Rate:
    """By which share an image lowers a loss: mean and standard deviation."""

    mean: float
    spread: float


def rates(history: Sequence[tuple[KindLosses, Mapping[Kind, float], KindLosses]]) -> dict[Kind, Rate]:
    """What an image of each kind gains, from what rounds did.

    Args:
        history: per round, what was measured before, how many images of each kind were added, what was measured afterwards.
    """
    kinds = {kind for before, _, _ in history for kind in before.loss}
    shared = _posterior([one for kind in sorted(kinds) for one in _seen(history, kind)], Rate(PRIOR_RATE, PRIOR_SPREAD))
    prior = Rate(max(shared.mean, 0.0), PRIOR_SPREAD)
    return {kind: _posterior(_seen(history, kind), prior) for kind in kinds}


def _seen(
    history: Sequence[tuple[KindLosses, Mapping[Kind, float], KindLosses]], kind: Kind
) -> list[tuple[float, float]]:
    """(rate, its variance) of each round that added images of this kind."""
    results = []
    for before, added, after in history:
        m = added.get(kind, 0.0)
        if m <= 0 or kind not in before.loss or kind not in after.loss:
            continue
        fell = np.log(max(before.loss[kind], FLOOR) / max(after.loss[kind], FLOOR))
        results.append((float(fell) / m, (before.variance[kind] + after.variance[kind]) / m**2 + 1e-12))
    return results


def _posterior(seen: Sequence[tuple[float, float]], prior: Rate) -> Rate:
    """A Gaussian rate after Gaussian measurements."""
    precision = 1 / prior.spread**2 + sum(1 / v for _, v in seen)
    mean = (prior.mean / prior.spread**2 + sum(r / v for r, v in seen)) / precision
    return Rate(float(mean), float(precision**-0.5))


def allocate(
    cells: Sequence[tuple[int, Mapping[str, str]]], loss: Mapping[Kind, float], rate: Mapping[Kind, Rate], images: int
) -> list[int]:
    """How many images each cell gets: one after another, each to where it is expected to gain most.

    Args:
        cells: label and group of every sensitive attribute.
        loss: of each kind now.
        rate: of each kind; those of which nothing is known take the prior.
        images: to give away.
    """
    now = dict(loss)
    counts = [0] * len(cells)
    for _ in range(images):
        gains = [sum(_gain(kind, now, rate) for kind in kinds_of(*cell)) for cell in cells]
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        counts[best] += 1
        for kind in kinds_of(*cells[best]):
            if kind in now:
                now[kind] *= np.exp(-_rate(kind, rate))
    return counts


def kinds_of(label: int, groups: Mapping[str, str]) -> list[Kind]:
    """The kinds that a cell's patients are of."""
    return [(name, group, label) for name, group in groups.items()]


def _gain(kind: Kind, loss: Mapping[Kind, float], rate: Mapping[Kind, Rate]) -> float:
    return loss.get(kind, 0.0) * (1 - float(np.exp(-_rate(kind, rate))))


def _rate(kind: Kind, rate: Mapping[Kind, Rate]) -> float:
    return max(rate[kind].mean, 0.0) if kind in rate else PRIOR_RATE


@dataclass(frozen=True)
class ValidationLosses:
    """Losses on the validation split; the first of the draws is the data as they are."""

    kinds: dict[Kind, Floats]  # (draws,) each
    together: Floats  # (draws,): each kind of an attribute, then each attribute, counts the same
    subjects: dict[Kind, int]

    @property
    def measured(self) -> KindLosses:
        """Values and the variance of their logarithm.

        Resamples of one subject never differ; a kind is therefore taken to vary at least as kinds do on average, by its size.
        """
        loss = {kind: float(v[0]) for kind, v in self.kinds.items()}
        own = {kind: float(np.log(v[1:].clip(FLOOR)).var()) for kind, v in self.kinds.items()}
        usual = float(np.mean([own[kind] * n for kind, n in self.subjects.items()]))
        return KindLosses(loss, {kind: max(own[kind], usual / n) for kind, n in self.subjects.items()})


def validation_losses(
    tables: Sequence[pd.DataFrame], people: pd.DataFrame, settings: BalanceSettings
) -> ValidationLosses:
    """Look at the validation rows of a round's answers, one table per seed.

    Args:
        tables: as jobs write them.
        people: validation subjects with label and groups.
        settings: of the loop.
    """
    label = people["label"].to_numpy()
    rows = [t[t["split"] == "validation"].set_index("subject_id").loc[people["subject_id"]] for t in tables]
    sick = np.stack([t["probability"].to_numpy(dtype=float) for t in rows])
    each = -np.log(np.where(label == 1, sick, 1 - sick).clip(1e-6, 1))  # (seeds, subjects)
    _, cell = np.unique(cells(people, settings.sensitive), return_inverse=True)
    draws = draw(cell, len(tables), settings.draws, settings.seed)  # the same in every round: differences are paired
    drawn = np.einsum("bs,sn->bn", draws.seed, each) * draws.subject
    kinds: dict[Kind, Floats] = {}
    subjects: dict[Kind, int] = {}
    together = []
    for name in settings.sensitive:
        mine = []
        for group in sorted(set(people[name]) - {UNKNOWN}):
            for value in (0, 1):
                rows_of = ((people[name] == group) & (people["label"] == value)).to_numpy()
                if not rows_of.any():
                    continue
                loss = drawn[:, rows_of].sum(axis=1) / draws.subject[:, rows_of].sum(axis=1).clip(1e-9)
                kinds[name, group, value] = loss
                subjects[name, group, value] = int(rows_of.sum())
                mine.append(loss)
        together.append(np.mean(mine, axis=0))
    return ValidationLosses(kinds, np.mean(together, axis=0), subjects)


def log_loss_gains(
    before: ValidationLosses, after: ValidationLosses, least: int
) -> dict[Kind, tuple[float, float, float]]:
    """Per kind with enough subjects to tell, by how much the logarithm of its loss fell: value and 95 % interval."""
    return {
        kind: astuple(estimate(np.log(before.kinds[kind].clip(FLOOR)) - np.log(after.kinds[kind].clip(FLOOR))))
        for kind in before.kinds
        if kind in after.kinds and after.subjects[kind] >= least
    }
