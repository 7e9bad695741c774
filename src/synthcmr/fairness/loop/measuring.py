"""What a round's classifiers say of the validation split: the loss of each kind of patient, in every resample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.experiments.comparison import draw, estimate
from synthcmr.experiments.subjects import UNKNOWN, cells
from synthcmr.fairness.loop.gains import FLOOR, Floats, Kind, Measured

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.fairness.loop.settings import BalanceSettings


@dataclass(frozen=True)
class Look:
    """Losses on the validation split; the first of the draws is the data as they are."""

    kinds: dict[Kind, Floats]  # (draws,) each
    together: Floats  # (draws,): each kind of an attribute, then each attribute, counts the same
    subjects: dict[Kind, int]

    @property
    def measured(self) -> Measured:
        """Values and the variance of their logarithm.

        Resamples of one subject never differ; a kind is therefore taken to vary at least as kinds do on average, by its size.
        """
        loss = {kind: float(v[0]) for kind, v in self.kinds.items()}
        own = {kind: float(np.log(v[1:].clip(FLOOR)).var()) for kind, v in self.kinds.items()}
        usual = float(np.mean([own[kind] * n for kind, n in self.subjects.items()]))
        return Measured(loss, {kind: max(own[kind], usual / n) for kind, n in self.subjects.items()})


def look(tables: Sequence[pd.DataFrame], people: pd.DataFrame, settings: BalanceSettings) -> Look:
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
    return Look(kinds, np.mean(together, axis=0), subjects)


def gained(before: Look, after: Look, least: int) -> dict[Kind, tuple[float, float, float]]:
    """Per kind with enough subjects to tell, by how much the logarithm of its loss fell: value and 95 % interval."""
    return {
        kind: astuple(estimate(np.log(before.kinds[kind].clip(FLOOR)) - np.log(after.kinds[kind].clip(FLOOR))))
        for kind in before.kinds
        if kind in after.kinds and after.subjects[kind] >= least
    }
