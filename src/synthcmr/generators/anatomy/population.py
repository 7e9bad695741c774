"""Who the people of a cohort are, in a few numbers per group: what is needed to draw what a prompt leaves out.

Groups are kept as counts, means and one pooled covariance, never as people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.prompt_words import WIDER
from synthcmr.conditioning.vocabulary import is_present
from synthcmr.errors import SettingsError

NUMBERS = ("age", "bmi", "height_cm")  # of a person; weight follows from height and BMI
Floats = npt.NDArray[np.float64]
UNKNOWN = ""  # the group of those whose sex or diagnosis is missing


@dataclass(frozen=True)
class People:
    """Counts, means and spread of a cohort's people."""

    cells: tuple[tuple[str, str], ...]  # (sex, diagnosis)
    counts: Floats
    means: Floats  # (cells, numbers) of the logarithms
    covariance: Floats  # pooled, within cells
    limits: Floats  # (2, numbers): no number is drawn beyond these; the second and 98th percentile of the cohort, a little widened

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, object]]) -> People:
        """Learn from the attributes of subjects."""
        values = np.array([[_log(row.get(name)) for name in NUMBERS] for row in rows])
        centre = np.where(np.isnan(values).all(axis=0), np.log(_TYPICAL), _nanmean(values))
        filled = np.where(np.isnan(values), centre, values)
        keys = [(str(row.get("sex") or UNKNOWN), str(row.get("diagnosis") or UNKNOWN)) for row in rows]
        cells = tuple(sorted(set(keys)))
        which = np.array([cells.index(k) for k in keys])
        counts = np.bincount(which).astype(float)
        # a cell of few people leans on the whole cohort by two people's worth
        means = np.stack([(filled[which == i].sum(axis=0) + 2 * centre) / (counts[i] + 2) for i in range(len(cells))])
        spread = np.cov((filled - means[which]).T) if len(rows) > len(NUMBERS) + 1 else np.diag(_SPREAD**2)
        limits = np.percentile(filled, [2, 98], axis=0) + np.array([[-0.03], [0.03]])
        return cls(cells, counts, means, np.atleast_2d(spread) + 1e-5 * np.eye(len(NUMBERS)), limits)

    @property
    def diagnoses(self) -> tuple[str, ...]:
        """Known diagnoses."""
        return tuple(sorted({d for _, d in self.cells if d}))

    def only(self, diagnoses: Sequence[str]) -> People:
        """Those of some diagnoses; everyone, where there are none of these."""
        kept = [i for i, (_, d) in enumerate(self.cells) if d in (*diagnoses, UNKNOWN)]
        return self._of(kept) if diagnoses and kept else self

    def without(self, denied: Sequence[str]) -> People:
        """Those who are known to have none of some diagnoses.

        Raises:
            SettingsError: there is no subject left.
        """
        if not denied:
            return self
        kept = [i for i, (_, d) in enumerate(self.cells) if d not in (*denied, UNKNOWN)]
        if not kept:
            raise SettingsError(
                f"diagnosis: expected one beside what is denied ({', '.join(denied)}), but the generator knows "
                f"{', '.join(self.diagnoses) or 'none'}; deny less, or train one on a cohort that has others"
            )
        return self._of(kept)

    def _of(self, kept: Sequence[int]) -> People:
        """Those of some cells."""
        cells = tuple(self.cells[i] for i in kept)
        return replace(self, cells=cells, counts=self.counts[list(kept)], means=self.means[list(kept)])

    def draw(self, requested: Mapping[str, object], rng: np.random.Generator) -> dict[str, str | float]:
        """Complete a request: sex, diagnosis, age, BMI, height and weight of one person.

        Raises:
            SettingsError: the diagnosis is not known.
        """
        wanted = {name: requested[name] for name in NUMBERS if is_present(requested.get(name))}
        if "bmi" not in wanted and is_present(requested.get("weight_kg")) and "height_cm" in wanted:
            wanted["bmi"] = float(str(requested["weight_kg"])) / (float(str(wanted["height_cm"])) / 100.0) ** 2
        fixed = np.array([_log(wanted.get(name)) for name in NUMBERS])
        sex, diagnosis = self.cells[self._cell(requested, fixed, rng)]
        z = rng.standard_normal(len(NUMBERS))
        numbers = np.exp(self._conditional(self.cells.index((sex, diagnosis)), fixed, z).clip(*self.limits))
        person: dict[str, str | float] = {n: round(float(v), 1) for n, v in zip(NUMBERS, numbers, strict=True)}
        person |= {n: float(str(v)) for n, v in wanted.items()}
        person["sex"], person["diagnosis"] = str(requested.get("sex") or sex), diagnosis
        person["weight_kg"] = round(float(person["bmi"]) * (float(person["height_cm"]) / 100.0) ** 2, 1)
        return {k: v for k, v in person.items() if v != UNKNOWN}

    def _cell(self, requested: Mapping[str, object], fixed: Floats, rng: np.random.Generator) -> int:
        allowed = self._allowed(requested.get("diagnosis"))
        known = ~np.isnan(fixed)
        weight = np.log(self.counts)
        for i, (sex, diagnosis) in enumerate(self.cells):
            if allowed is not None and diagnosis not in allowed:
                weight[i] = -np.inf
            if is_present(requested.get("sex")) and sex != requested["sex"]:
                weight[i] -= 20.0  # only where the cohort has no subject of that sex with the diagnosis
            if known.any():
                off = (fixed - self.means[i])[known]
                weight[i] -= 0.5 * off @ np.linalg.solve(self.covariance[np.ix_(known, known)], off)
        share = np.exp(weight - weight.max())
        return int(rng.choice(len(self.cells), p=share / share.sum()))

    def _allowed(self, diagnosis: object) -> tuple[str, ...] | None:
        if not is_present(diagnosis):
            return None
        name = str(diagnosis)
        if name in self.diagnoses:
            return (name,)
        covered = tuple(d for d in WIDER.get(name, ()) if d in self.diagnoses)
        if covered:
            return covered
        raise SettingsError(
            f"diagnosis '{name}': the anatomy generator has not seen it; it knows {', '.join(self.diagnoses) or 'none'}. "
            "Leave it out, or train one on a cohort that has it: synthcmr train anatomy COHORT RUN"
        )

    def _conditional(self, cell: int, fixed: Floats, z: Floats) -> Floats:
        """Gaussian numbers of a cell, given some of them."""
        known = ~np.isnan(fixed)
        mean, cov = self.means[cell], self.covariance
        out = np.where(known, fixed, mean)
        free = ~known
        if not free.any():
            return out
        gain = (
            cov[np.ix_(free, known)] @ np.linalg.pinv(cov[np.ix_(known, known)])
            if known.any()
            else np.zeros((free.sum(), 0))
        )
        centre = mean[free] + gain @ (fixed - mean)[known]
        left = cov[np.ix_(free, free)] - gain @ cov[np.ix_(known, free)]
        out[free] = centre + np.linalg.cholesky(left + 1e-9 * np.eye(free.sum())) @ z[free]
        return out


_TYPICAL = np.array([60.0, 26.5, 170.0])
_SPREAD = np.array([0.2, 0.16, 0.04])


def _log(value: object) -> float:
    return float(np.log(float(str(value)))) if is_present(value) and float(str(value)) > 0 else float("nan")


def _nanmean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    mean: Floats = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return mean
