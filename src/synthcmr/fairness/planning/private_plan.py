"""Plans that count patients with noise: the groups of a target, over values that are public, and nobody's attributes.

Every subject is in one cell of the crossing at most, so one noise of Laplace's covers all counts together. A population without patients
then takes the place of the cohort: in every cell as many people of the phantoms' population as were counted with noise. The plan is made
for them, so its rows are drawn after them, and nothing else of it comes from patients: neither names nor seeds of its rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from synthcmr.cohort.attributes import ATTRIBUTES
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.provenance import combined_hash
from synthcmr.conditioning.vocabulary import PUBLIC_VALUES, is_present
from synthcmr.errors import SettingsError
from synthcmr.fairness.planning.crossing import MAX_CELLS, Cell, training_subjects
from synthcmr.fairness.planning.impossible_combinations import cell_contradicts
from synthcmr.fairness.planning.plan import plan_subjects
from synthcmr.fairness.planning.plan_folder import Plan, PlannedCohort
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.fairness.planning.target import Target, parse_target
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.privacy.ledger import LedgerEntry, learned_privately, new_token
from synthcmr.privacy.mechanisms import LaplaceMechanism
from synthcmr.training.secret_noise import Secret
from synthcmr.training.shipped_weights import shipped

if TYPE_CHECKING:
    import pandas as pd

    from synthcmr.cohort import Cohort

COUNTABLE = ("sex", "diagnosis", "vendor")  # whose values are public, and which are of subjects
NUMBERS = frozenset(name for name, attribute in ATTRIBUTES.items() if attribute.kind == "number")
ARTEFACT = "counts of a plan"
POPULATION = 0x90B  # random numbers of the people who stand in


@dataclass(frozen=True)
class CountPromise:
    """What noisy counts may cost, and which values are counted where the user states them."""

    epsilon: float
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """Of the noise: one subject more or less changes one count by one."""
        return 1 / self.epsilon

    def entry(self, token: str) -> LedgerEntry:
        """As a ledger has it."""
        return LedgerEntry(ARTEFACT, LaplaceMechanism(self.scale), token)

    @property
    def sentence(self) -> str:
        """What a plan says of whom it counts."""
        stated = "; ".join(f"{name}: {', '.join(values)}" for name, values in self.categories.items())
        return (
            f"Counted with noise (Laplace, scale {self.scale:.3g}, epsilon {self.epsilon:g}), at least one in every cell"
            f"{f' (of {stated})' if stated else ''}; rows are drawn after phantoms' people."
        )

    def values(self, name: str) -> tuple[str, ...]:
        """The values of an attribute that are counted; others are treated as missing."""
        return self.categories.get(name) or PUBLIC_VALUES[name]


def plan_privately(
    cohort: Cohort, target: str | Target, settings: PlanSettings, promise: CountPromise, secret: Secret | None = None
) -> Plan:
    """Plan the subjects that bring a cohort's training split to a target, as far as noisy counts tell.

    Args:
        cohort: whose training subjects are counted.
        target: over attributes whose values are public.
        settings: limits; masks must be generated.
        promise: what the counts may cost.
        secret: of the noise; None for a new one.

    Raises:
        SettingsError: the target needs more of patients than counts of public groups.
    """
    parsed = parse_target(target) if isinstance(target, str) else target
    _check(parsed, settings, promise)
    counts = noisy_counts(cohort, parsed.attributes, promise, secret or Secret())
    stands_in = PlannedCohort(cohort.path.name, hash=combined_hash([json.dumps(list(counts.values()))]))
    plan = plan_subjects(population(parsed.attributes, counts), parsed, settings, stands_in)
    real = PlannedCohort(cohort.path.name, str(cohort.path.resolve()), cohort.hash, tuple(cohort.info["origin"]))
    return replace(
        plan,
        cohort=real,
        counted_who=promise.sentence,
        rows=tuple(replace(row, donor=None) for row in plan.rows),
        residual_associations=tuple(  # the others are those of phantoms' people
            one for one in plan.residual_associations if {one.a, one.b} <= set(parsed.attributes)
        ),
        ledger=learned_privately(cohort_ledger(cohort), (promise.entry(new_token()),)),
    )


def noisy_counts(cohort: Cohort, attributes: tuple[str, ...], promise: CountPromise, secret: Secret) -> dict[Cell, int]:
    """Training subjects in every cell that can exist, with noise."""
    subjects, _ = training_subjects(cohort.subjects, str(cohort.path))
    there = Counter(
        tuple(str(row[name]) for name in attributes)
        for row in subjects.to_dict("records")
        if all(is_present(row.get(name)) for name in attributes)
    )
    cells = [cell for cell in product(*(promise.values(name) for name in attributes)) if _possible(attributes, cell)]
    if len(cells) > MAX_CELLS:
        raise SettingsError(
            f"--target: expected attributes that form groups, got {len(cells)} cells; at most {MAX_CELLS} can be"
        )
    return dict(zip(cells, secret.noisy_counts([there[cell] for cell in cells], promise.scale), strict=True))


def population(attributes: tuple[str, ...], counts: Mapping[Cell, int]) -> pd.DataFrame:
    """People of the phantoms' population, as many in every cell as were counted."""
    import pandas as pd

    public = AnatomyGenerator.load(shipped("anatomy")).people
    rows = []
    for k, (cell, count) in enumerate(counts.items()):
        rng = np.random.default_rng([POPULATION, k])
        own = dict(zip(attributes, cell, strict=True))
        known = {name: v for name, v in own.items() if name != "diagnosis" or v in public.diagnoses}
        rows += [{**public.draw(known, rng), **own} for _ in range(count)]
    return pd.DataFrame({"subject_id": [f"public-{k:05d}" for k in range(len(rows))]}).join(pd.DataFrame(rows))


def _possible(attributes: tuple[str, ...], cell: Cell) -> bool:
    return not cell_contradicts(dict(zip(attributes, cell, strict=True)), None)


def _check(target: Target, settings: PlanSettings, promise: CountPromise) -> None:
    """Refuse what noisy counts cannot give.

    Raises:
        SettingsError: it needs patients' own attributes or masks, or groups that are not public.
    """
    if target.kind == "copy":
        raise SettingsError(
            "--dp with --target copy: expected a target of counts; copies have the attributes of patients"
        )
    if settings.masks != "generated":
        raise SettingsError(
            f"--dp with --masks {settings.masks}: expected generated ones; the others are those of patients"
        )
    known = {*COUNTABLE, *(name for name in promise.categories if name not in NUMBERS)}
    strange = [name for name in target.attributes if name not in known]
    if strange:
        raise SettingsError(
            f"--dp: expected attributes whose values are public ({', '.join(COUNTABLE)}), got '{strange[0]}'; of another category state "
            "the values that were known before anybody looked, such as --dp 'epsilon=1,categories=centre:A|B'; numbers are not counted"
        )
    unused = [name for name in promise.categories if name not in target.attributes]
    if unused:
        raise SettingsError(f"--dp categories: expected attributes of --target {target.text}, got '{unused[0]}'")
