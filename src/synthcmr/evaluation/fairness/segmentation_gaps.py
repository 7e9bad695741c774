"""How differently groups are outlined by networks that learned with and without the synthetic images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import OVERALL, Score, absent
from synthcmr.evaluation.utility.people import REAL, Names, People
from synthcmr.evaluation.utility.segmentation.arms import BOTH, REAL_ONLY
from synthcmr.evaluation.utility.segmentation.outcomes import Outcomes
from synthcmr.experiments.comparison import estimate, group_mean_draws
from synthcmr.statistics.permutation import shuffled_group_means

Numbers = npt.NDArray[np.float64]
CHANGE = "Dice gap, change"
Members = dict[str, dict[str, npt.NDArray[np.bool_]]]  # attribute -> group -> who


def outlined_scores(told: Comparison, people: People, outcomes: Outcomes) -> list[Score]:
    """Dice of each group, the gap between the best and the worst of an attribute, and what synthetic images change."""
    values = {arm: outcomes.of("dice", arm, 1.0, people.test) for arm in (REAL_ONLY, BOTH)}
    known = np.flatnonzero(np.isfinite(np.stack(list(values.values()))).all(axis=(0, 1)))
    names = tuple(people.test[int(k)] for k in known)
    members = _members(told, people, names)
    if not members:
        why = f"no attribute of {', '.join(told.settings.fairness.sensitive)} has two groups of {told.settings.min_subjects} test subjects"
        return [absent(CHANGE, why)]
    inside = {arm: v[:, known] for arm, v in values.items()}
    gaps = {arm: {name: _gaps(v, groups, told) for name, groups in members.items()} for arm, v in inside.items()}
    alone = {arm: {n: _chance(v, groups, told) for n, groups in members.items()} for arm, v in inside.items()}
    found = []
    for name in members:
        for arm in gaps:
            found.append(_score(told, people, f"Dice gap, {name}, {arm}", gaps[arm][name], arm, alone[arm][name]))
        change = gaps[BOTH][name] - gaps[REAL_ONLY][name]
        found.append(_score(told, people, f"Dice gap, {name}, change", change, BOTH, None))
    largest = [np.max(list(gaps[arm].values()), axis=0) for arm in (BOTH, REAL_ONLY)]
    return [*found, _score(told, people, CHANGE, largest[0] - largest[1], BOTH, None)]


def _members(told: Comparison, people: People, names: Names) -> Members:
    """Groups that have enough subjects, of attributes that have two such groups."""
    found: Members = {}
    for name, who in people.groups[REAL].items():
        attribute = name.split(": ")[0]
        member = np.array([n in who for n in names])
        if name != OVERALL and attribute in _titles(told) and member.sum() >= told.settings.min_subjects:
            found.setdefault(attribute, {})[name] = member
    return {attribute: groups for attribute, groups in found.items() if len(groups) > 1}


def _titles(told: Comparison) -> tuple[str, ...]:
    return tuple(name.replace("_", " ") for name in told.settings.fairness.sensitive)


def _gaps(values: Numbers, groups: Mapping[str, npt.NDArray[np.bool_]], told: Comparison) -> Numbers:
    each = group_mean_draws(values, list(groups.values()), told.settings.draws, told.settings.seed)
    gap: Numbers = each.max(axis=1) - each.min(axis=1)
    return gap


def _chance(values: Numbers, groups: Mapping[str, npt.NDArray[np.bool_]], told: Comparison) -> float:
    """The gap between groups of these sizes, filled at random."""
    rng = np.random.default_rng([told.settings.seed, 5])
    means = shuffled_group_means(values.mean(axis=0), np.stack(list(groups.values())), told.settings.draws, rng)
    return float((means.max(axis=1) - means.min(axis=1)).mean())


def _score(told: Comparison, people: People, name: str, drawn: Numbers, arm: str, floor: float | None) -> Score:
    is_gap = floor is not None
    gap = estimate(drawn, 0.0 if is_gap else -1.0, 1.0, told.settings.level, of_extremes=is_gap)
    made = len(people.synthetic) if arm == BOTH else 0
    counts = {"n_real": len(people.test), "n_synthetic": made}
    return Score(name=name, value=gap.value, low=gap.low, high=gap.high, floor=floor, **counts)
