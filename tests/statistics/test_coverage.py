"""Intervals of worst groups, gaps and their changes cover the truth about as often as they say, in simulated experiments.

Measured with 300 experiments a case (four groups of 10, 25 or 75 subjects; no, a small and a large difference; nominal 95 %). Where seeds
are drawn again with subjects, as experiments do: 91 to 99 % for the worst group, 90 to 97 % for gaps, 96 to 100 % for their changes. Where
there is no seed to draw again: 89 to 97 % for the worst group, 80 to 91 % for gaps. The intervals that were given before (draws moved
once, `centred`) covered a gap of zero in 37 to 58 % of experiments.
"""

import numpy as np
import pytest
from scipy.stats import norm

from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.intervals import Interval, centred, extreme

SEEDS, DRAWS, TRIALS = 3, 200, 100
Rates = tuple[float, ...]


def experiment(sizes: tuple[int, ...], arms: tuple[Rates, ...], trial: int) -> list[np.ndarray]:
    """Share of right decisions of each group, (draws, groups), for each arm; some subjects are hard whatever the seed and arm."""
    rng = np.random.default_rng([trial, 1])
    group = np.repeat(np.arange(len(sizes)), sizes)
    difficulty = rng.normal(size=len(group))
    counts = subject_counts(group, DRAWS, trial, observed_first=True)
    seeds = subject_counts(SEEDS, DRAWS, [trial, 2], observed_first=True) / SEEDS
    means = []
    for rates in arms:
        noise = rng.normal(size=(SEEDS, len(group)))
        right = (norm.cdf(np.sqrt(0.6) * difficulty + np.sqrt(0.4) * noise) < np.array(rates)[group]).astype(float)
        member = np.eye(len(sizes))[:, group]
        means.append((counts * (seeds @ right)) @ member.T / np.array(sizes))
    return means


def worst(rates: np.ndarray) -> np.ndarray:
    return rates.min(axis=-1)


def gap(rates: np.ndarray) -> np.ndarray:
    return rates.max(axis=-1) - rates.min(axis=-1)


def interval_of(draws: np.ndarray) -> Interval:
    return extreme(draws[0], draws[1:]).clipped(0, 1)


@pytest.mark.parametrize("least", [0.8, 0.7, 0.5])
def test_of_worst_group_and_gap(least: float) -> None:
    sizes, rates = (25, 25, 25, 25), (least, 0.8, 0.8, 0.8)
    arms = [experiment(sizes, (rates,), trial)[0] for trial in range(TRIALS)]
    for measure in (worst, gap):
        truth = float(measure(np.array(rates)))
        intervals = [interval_of(measure(arm)) for arm in arms]
        covered = np.mean([low - 1e-9 <= truth <= high + 1e-9 for low, high in intervals])
        assert covered >= 0.87


def test_moving_draws_once_is_not_enough_for_a_gap_that_is_none() -> None:
    """What intervals of gaps were made by before: kept here to show that the test can tell."""
    arms = [experiment((25, 25, 25, 25), ((0.8,) * 4,), trial)[0] for trial in range(TRIALS)]
    covered = np.mean([0.0 in centred(gap(arm)[0], gap(arm)[1:]).clipped(0, 1) for arm in arms])
    assert covered < 0.75


@pytest.mark.parametrize("later", [0.6, 0.75])
def test_of_their_changes_between_two_arms(later: float) -> None:
    sizes, arms = (25, 25, 25, 25), ((0.6, 0.8, 0.8, 0.8), (later, 0.8, 0.8, 0.8))
    pairs = [experiment(sizes, arms, trial) for trial in range(TRIALS)]
    for measure in (worst, gap):
        truth = float(measure(np.array(arms[1])) - measure(np.array(arms[0])))
        changes = [measure(after) - measure(before) for before, after in pairs]
        assert np.mean([truth in centred(change[0], change[1:]) for change in changes]) >= 0.9
