"""After whom the subjects of a cell are drawn: its own subjects, and where they are few, those most like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthcmr.fairness.planning.attribute_pool import AttributePool, Person
from synthcmr.fairness.planning.crossing import Cell, Crossing
from synthcmr.fairness.planning.medicine import contradictions

ENOUGH = 5  # below, others lend what the crossing does not fix


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
        carried: the counted subjects.
        crossing: of their groups.
        subjects: their ids.
        masked: positions of those whose masks can be followed, where the plan needs masks; no donor is borrowed then.
        verbatim: whether attributes are copied; no donor is borrowed then either.
    """

    carried: AttributePool
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
        results = [Donor(self.subjects[i], self.carried.people[i]) for i in own if self._usable(i)]
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
        """Whether somebody is of a cell, lies where the cohort has people, and can exist."""
        groups = self.carried.groups
        placed = all(
            name in person and groups.group(name, person[name]) == group
            for name, group in zip(self.crossing.attributes, cell, strict=True)
        )
        return placed and self.carried.within(person, self.crossing.attributes) and not contradictions(person)

    def _usable(self, position: int) -> bool:
        if self.masked is not None and position not in self.masked:
            return False
        return not contradictions(self.carried.people[position])

    def _similar(self, cell: Cell, rng: np.random.Generator) -> list[int]:
        """Everyone, those of the same sex first (bodies differ by it), then by how many groups they share."""
        table = self.carried.groups.table[list(self.crossing.attributes)].to_numpy(dtype=object)
        same = table == np.array(cell, dtype=object)
        of_sex = np.zeros(len(table), dtype=bool)
        if "sex" in self.crossing.attributes:
            of_sex = same[:, self.crossing.attributes.index("sex")]
        order = np.lexsort((rng.random(len(table)), -same.sum(axis=1), ~of_sex))
        return [int(i) for i in order]

    def _imposed(self, cell: Cell, position: int, rng: np.random.Generator) -> Person | None:
        """A person with a cell's groups in place of their own; None where no such person exists."""
        groups, person = self.carried.groups, dict(self.carried.people[position])
        for name, group in zip(self.crossing.attributes, cell, strict=True):
            if name in person and groups.group(name, person[name]) == group:
                continue
            lenders = self._with(name, group, person.get("sex"))
            person[name] = self.carried.people[lenders[int(rng.integers(len(lenders)))]][name]
        whole = self.carried.with_numbers(person, self.carried.values([person])[0])
        return whole if self.fits(whole, cell) else None

    def _with(self, name: str, group: str, sex: object) -> list[int]:
        """Everyone of a group, of one sex where there is somebody."""
        members = np.flatnonzero((self.carried.groups.table[name] == group).to_numpy(dtype=bool)).tolist()
        alike = [i for i in members if self.carried.people[i].get("sex") == sex]
        return alike or members
