"""How often the intervals of worst groups, gaps and their changes hold the truth, in simulated experiments.

    python -m benchmarks.interval_coverage               # 300 experiments a case, one minute or two on a core
    python -m benchmarks.interval_coverage --trials 1000

An experiment trains networks from one or several seeds and lets them decide about subjects of four groups; some subjects are hard
whatever the seed and the arm. Subjects are drawn again within groups, seeds too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from synthcmr.statistics.bootstrap import subject_counts
from synthcmr.statistics.group_extremes import change_of_extreme, largest_gap, lowest_group
from synthcmr.statistics.intervals import Estimate

Numbers = npt.NDArray[np.float64]
Sizes, Rates = tuple[int, ...], tuple[float, ...]
DRAWS = 200
SIZES: tuple[Sizes, ...] = ((10, 10, 10, 10), (25, 25, 25, 25), (75, 75, 75, 75), (12, 30, 60, 100))
RATES: tuple[Rates, ...] = ((0.8, 0.8, 0.8, 0.8), (0.7, 0.8, 0.8, 0.8), (0.5, 0.8, 0.8, 0.8), (0.5, 0.6, 0.8, 0.9))
BEFORE: Rates = (0.6, 0.8, 0.8, 0.8)  # rates of the arm that a change is measured against
HARD = 0.6  # share of the variance that belongs to the subject, not to seed or arm


def experiment(sizes: Sizes, arms: tuple[Rates, ...], trial: int, seeds: int) -> list[Numbers]:
    """Share of right decisions of each group, (draws, groups), for each arm.

    Args:
        sizes: subjects of each group.
        arms: true share of each group, for each arm.
        trial: number of the experiment.
        seeds: networks of each arm.
    """
    rng = np.random.default_rng([trial, 1])
    group = np.repeat(np.arange(len(sizes)), sizes)
    difficulty = rng.normal(size=len(group))
    counts = subject_counts(group, DRAWS, trial, observed_first=True)
    weights = subject_counts(seeds, DRAWS, [trial, 2], observed_first=True) / seeds
    member = np.eye(len(sizes))[:, group]
    shares = []
    for rates in arms:
        noise = rng.normal(size=(seeds, len(group)))
        ease = norm.cdf(np.sqrt(HARD) * difficulty + np.sqrt(1 - HARD) * noise)
        right = (ease < np.array(rates)[group]).astype(float)
        shares.append((counts * (weights @ right)) @ member.T / np.array(sizes))
    return shares


def worst(rates: Numbers) -> Numbers:
    """Of the groups' shares."""
    lowest: Numbers = rates.min(axis=-1)
    return lowest


def gap(rates: Numbers) -> Numbers:
    """Between the best and the worst of the groups' shares."""
    difference: Numbers = rates.max(axis=-1) - rates.min(axis=-1)
    return difference


Measure = Callable[[Numbers], Numbers]
ESTIMATES: dict[Measure, Callable[[Numbers], Estimate]] = {worst: lowest_group, gap: largest_gap}


def holds(interval: Estimate, truth: float) -> bool:
    """Whether the truth lies inside, ends included."""
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def coverage(measure: Measure, sizes: Sizes, rates: Rates, seeds: int, trials: int) -> tuple[float, float]:
    """Share of experiments whose interval holds the truth, and how wide it is."""
    truth = float(measure(np.array(rates)))
    made = [ESTIMATES[measure](experiment(sizes, (rates,), k, seeds)[0]) for k in range(trials)]
    return float(np.mean([holds(one, truth) for one in made])), float(np.mean([one.high - one.low for one in made]))


def coverage_of_change(measure: Measure, sizes: Sizes, after: Rates, seeds: int, trials: int) -> float:
    """Share of experiments with two arms whose interval of the change holds the true one."""
    truth = float(measure(np.array(after)) - measure(np.array(BEFORE)))
    inside = []
    for k in range(trials):
        first, second = (measure(arm) for arm in experiment(sizes, (BEFORE, after), k, seeds))
        change = second - first
        inside.append(holds(change_of_extreme(change), truth))
    return float(np.mean(inside))


def main() -> None:
    """Print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300, help="experiments a case")
    trials = parser.parse_args().trials
    print("nominal 95 %; share of intervals that hold the truth (mean width)")
    print(
        f"{'seeds':>5}  {'groups':>16}  {'true shares':>18}  {'worst group':>13}  {'gap':>13}  change of worst, of gap"
    )
    for seeds in (1, 3):
        for sizes in SIZES:
            for rates in RATES:
                parts = ["{:.3f} ({:.2f})".format(*coverage(m, sizes, rates, seeds, trials)) for m in (worst, gap)]
                parts += [f"{coverage_of_change(m, sizes, rates, seeds, trials):.3f}" for m in (worst, gap)]
                print(
                    f"{seeds:>5}  {'/'.join(map(str, sizes)):>16}  {'/'.join(map(str, rates)):>18}  {'  '.join(parts)}"
                )


if __name__ == "__main__":
    main()
