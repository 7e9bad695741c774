"""The results of an experiment, in sentences."""

from __future__ import annotations

from synthcmr.experiments.classifier_scores import GAPS, WORST
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.scores import RemedyScores, Results
from synthcmr.statistics.intervals import Estimate

OPPORTUNITY = GAPS[0]


def verdict(results: Results) -> list[str]:
    """How unfair it is, what the cheap remedies do, and whether synthetic images beat them."""
    if not results.main:
        return [
            f"With {results.subjects} test subjects no two groups have enough sick and healthy ones to be compared: "
            "fairness cannot be judged on this test split.",
            "The page has the scores of all subjects together. Enlarge the test split, or name fewer sensitive attributes.",
            *results.notes,
        ]
    return [_start(results), *_by_chance(results), _cheap(results), *_synthetic(results), *results.notes]


def _start(results: Results) -> str:
    nothing = results.of(NOTHING).scores
    worst, gap = nothing[f"{WORST}, {results.main}"], nothing[f"{OPPORTUNITY}, {results.main}"]
    return (
        f"Without a remedy, the classifier reaches a balanced accuracy of {nothing['balanced accuracy']!s}, and of {worst!s} in its "
        f"worst group of {results.main}. The share of sick subjects that it detects differs between groups by {gap!s}."
    )


def _by_chance(results: Results) -> list[str]:
    """Whether the gap is one at all: the largest difference between small groups is never zero."""
    key = f"{OPPORTUNITY}, {results.main}"
    nothing = results.of(NOTHING)
    gap, alone = nothing.scores[key], nothing.chance[key]
    if gap.value > alone.high:
        return []
    return [
        f"That difference is no evidence of unfairness: random groups of these sizes differ by {alone.mean:.2f} on average "
        f"and by more than {alone.high:.2f} in one case of twenty. A larger test split is needed to decide."
    ]


def _cheap(results: Results) -> str:
    if results.best_cheap == NOTHING:
        return "No cheap remedy was tried."
    result = results.of(results.best_cheap)
    return f"The best cheap remedy by validation is {results.best_cheap}: {_change(result, results)}."


def _synthetic(results: Results) -> list[str]:
    tried = [r for r in results.remedies if r.remedy.kind == "synthetic"]
    if not tried:
        return ["No synthetic images were tried."]
    key = f"{WORST}, {results.main}"
    best = min(tried, key=lambda r: r.validation_loss)  # chosen without the test split
    described = [
        f"The best remedy with synthetic images by validation is '{best.remedy.name}': {_change(best, results)}."
    ]
    against = best.to_best.get(key)
    if results.best_cheap == NOTHING or against is None:
        return described
    how = (
        "raises the worst group beyond the best cheap remedy"
        if against.low > 0
        else "leaves the worst group below that of the best cheap remedy"
        if against.high < 0
        else "does not differ from the best cheap remedy in the worst group beyond noise"
    )
    return [*described, f"So here synthetic data {_beaten(against)}: '{best.remedy.name}' {how} ({against.signed})."]


def _beaten(against: Estimate) -> str:
    if against.low > 0:
        return "beat the cheap remedies"
    return "did worse than the cheap remedies" if against.high < 0 else "did not beat the cheap remedies"


def _change(result: RemedyScores, results: Results) -> str:
    worst, gap = (result.to_nothing.get(f"{name}, {results.main}") for name in (WORST, OPPORTUNITY))
    if worst is None or gap is None:
        return "the same as nothing"
    return f"it changes the worst group's balanced accuracy by {worst.signed} and the equal-opportunity gap by {gap.signed}"
