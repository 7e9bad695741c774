"""The rows of a cell, each with a seed of its own, and after whom they are drawn.

They are drawn after the cell's own subjects and, where these are few, after those most like them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.prompt import write_prompt
from synthcmr.fairness.planning.crossing import AttributePool, Cell, Crossing, Person
from synthcmr.fairness.planning.impossible_combinations import contradictions
from synthcmr.fairness.planning.plan_table import PlannedCell, PlanRow
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.sampling.requests import WHOLE, seed_of

ENOUGH = 5  # below, others lend what the crossing does not fix
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Donor:
    """A real subject, or one with a cell's groups imposed."""

    subject: str
    person: Person
    borrowed: bool = False


@dataclass(frozen=True)
class Donors:
    """Who may be drawn after.

    Args:
        attribute_pool: the counted subjects.
        crossing: of their groups.
        subjects: their ids.
        masked: positions of those whose masks can be followed, where the plan needs masks; no donor is borrowed then.
        verbatim: whether attributes are copied; no donor is borrowed then either.
    """

    attribute_pool: AttributePool
    crossing: Crossing
    subjects: Sequence[str]
    masked: frozenset[int] | None = None
    verbatim: bool = False

    def of(self, cell: Cell, own: Sequence[int], rng: np.random.Generator) -> list[Donor]:
        """Donors of a cell; empty where there is none.

        Args:
            cell: groups.
            own: positions of its subjects.
            rng: decides who of equally similar subjects lends.
        """
        results = [Donor(self.subjects[i], self.attribute_pool.people[i]) for i in own if self._usable(i)]
        if self.verbatim or self.masked is not None or len(results) >= ENOUGH:
            return results
        taken = set(own)
        for i in self._similar(cell, rng):
            if len(results) >= ENOUGH:
                break
            person = None if i in taken else self._imposed(cell, i, rng)
            if person is not None:
                results.append(Donor(self.subjects[i], person, borrowed=True))
        return results

    def fits(self, person: Person, cell: Cell) -> bool:
        """Whether a person is of a cell, lies where the cohort has people, and can exist."""
        groups = self.attribute_pool.groups
        placed = all(
            name in person and groups.group(name, person[name]) == group
            for name, group in zip(self.crossing.attributes, cell, strict=True)
        )
        return placed and self.attribute_pool.within(person, self.crossing.attributes) and not contradictions(person)

    def _usable(self, position: int) -> bool:
        if self.masked is not None and position not in self.masked:
            return False
        return not contradictions(self.attribute_pool.people[position])

    def _similar(self, cell: Cell, rng: np.random.Generator) -> list[int]:
        """Everyone, those of the same sex first (bodies differ by it), then by how many groups they share."""
        table = self.attribute_pool.groups.table[list(self.crossing.attributes)].to_numpy(dtype=object)
        same = table == np.array(cell, dtype=object)
        of_sex = np.zeros(len(table), dtype=bool)
        if "sex" in self.crossing.attributes:
            of_sex = same[:, self.crossing.attributes.index("sex")]
        order = np.lexsort((rng.random(len(table)), -same.sum(axis=1), ~of_sex))
        return [int(i) for i in order]

    def _imposed(self, cell: Cell, position: int, rng: np.random.Generator) -> Person | None:
        """A person with a cell's groups in place of their own; None where no such person exists."""
        groups, person = self.attribute_pool.groups, dict(self.attribute_pool.people[position])
        for name, group in zip(self.crossing.attributes, cell, strict=True):
            if name in person and groups.group(name, person[name]) == group:
                continue
            lenders = self._with(name, group, person.get("sex"))
            person[name] = self.attribute_pool.people[lenders[int(rng.integers(len(lenders)))]][name]
        whole = self.attribute_pool.with_numbers(person, self.attribute_pool.values([person])[0])
        return whole if self.fits(whole, cell) else None

    def _with(self, name: str, group: str, sex: object) -> list[int]:
        """Everyone of a group, of one sex where there are any."""
        members = np.flatnonzero((self.attribute_pool.groups.table[name] == group).to_numpy(dtype=bool)).tolist()
        alike = [i for i in members if self.attribute_pool.people[i].get("sex") == sex]
        return alike or members


@dataclass(frozen=True)
class Kernel:
    """Noise that is added to a donor's numbers, correlated as they are."""

    mean: Floats
    root: Floats  # of the covariance, times the bandwidth
    shrink: float  # towards the mean, so that the noise does not widen the spread

    @classmethod
    def of(cls, values: Floats) -> Kernel:
        """Fit to some people's numbers.

        With bandwidth h (Silverman's rule of thumb) the covariance of donors plus noise is (1 + h²) times theirs; drawn
        towards the mean by the root of that, it is theirs again.

        Args:
            values: (people, numbers); NaN where one is not known.
        """
        people, numbers = values.shape
        known = ~np.isnan(values)
        mean = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, values - mean, 0.0)
        covariance = filled.T @ filled / np.maximum(np.maximum.outer(known.sum(axis=0), known.sum(axis=0)), 1)
        h = (4 / (numbers + 2)) ** (1 / (numbers + 4)) * people ** (-1 / (numbers + 4))
        spread, directions = np.linalg.eigh(covariance)
        root = directions * np.sqrt(np.maximum(spread, 0)) * h
        return cls(mean, root, float(1 / np.sqrt(1 + h**2)))

    def draw(self, donor: Floats, rng: np.random.Generator) -> Floats:
        """One draw near a donor; NaN where the donor's number is not known."""
        noise = self.root @ rng.standard_normal(len(donor))
        drawn: Floats = self.mean + self.shrink * (donor - self.mean + noise)
        return drawn


TRIES = 100  # draws of numbers, until they lie in the cell


@dataclass(frozen=True)
class RowWriter:
    """Draws rows; the same key, cell and donors give the same ones."""

    key: str  # of cohort, target and settings
    kind: str  # of the target
    donors: Donors
    settings: PlanSettings

    def rows(self, cell: PlannedCell, pool: Sequence[Donor], first: int) -> Iterator[PlanRow]:
        """The rows of one cell.

        Args:
            cell: with the number of its rows.
            pool: after whom they are drawn, each equally often, to one.
            first: number of the first row.
        """
        rng = np.random.default_rng([seed_of(self.settings.seed, self.key, cell.words)])
        kernel = Kernel.of(self.donors.attribute_pool.values([d.person for d in pool]))
        rounds = [rng.permutation(len(pool)) for _ in range(-(-cell.planned // len(pool)))]
        for k, which in enumerate(np.concatenate(rounds)[: cell.planned]):
            donor = pool[int(which)]
            person = donor.person if self.donors.verbatim else self._near(donor, kernel, cell, rng)
            yield self._row(first + k, person, donor, cell)

    def _near(self, donor: Donor, kernel: Kernel, cell: PlannedCell, rng: np.random.Generator) -> Person:
        """The donor with other numbers, within the cell; the donor's own where none lie in the cell."""
        attribute_pool = self.donors.attribute_pool
        values = attribute_pool.values([donor.person])[0]
        groups = tuple(cell.groups.values())
        for _ in range(TRIES):
            person = attribute_pool.with_numbers(donor.person, attribute_pool.rounded(kernel.draw(values, rng)))
            if self.donors.fits(person, groups):
                return person
        return donor.person

    def _row(self, number: int, person: Person, donor: Donor, cell: PlannedCell) -> PlanRow:
        level = self.settings.level
        return PlanRow(
            row=number,
            name=f"plan-{self.key[:8]}-{number:05d}",
            seed=seed_of(self.settings.seed, self.key, number),
            prompt=write_prompt(person, slice_level=None if level == WHOLE else level),
            attributes=person,
            anatomy=self.settings.masks,
            like=None if self.settings.masks == "generated" else donor.subject,
            donor=donor.subject,
            level=level,
            cell=cell.words,
            reason=self._reason(donor, cell),
        )

    def _reason(self, donor: Donor, cell: PlannedCell) -> str:
        if self.donors.verbatim:
            return f"copy of {donor.subject}"
        lent = "; attributes lent by a subject of another cell" if donor.borrowed else ""
        return f"{self.kind}: {cell.real} real, {cell.target} wanted{lent}"
