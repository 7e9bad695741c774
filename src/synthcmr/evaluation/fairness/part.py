"""The part fairness: gaps between groups, with and without the synthetic images; the networks are those of the part utility."""

from __future__ import annotations

from synthcmr.errors import CohortError, SettingsError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fairness.classification_gaps import classified_scores, main_grouping
from synthcmr.evaluation.fairness.segmentation_gaps import CHANGE, outlined_scores
from synthcmr.evaluation.score import PartResult, Score, absent
from synthcmr.evaluation.utility.classification.answers import answers
from synthcmr.evaluation.utility.part import check_learner
from synthcmr.evaluation.utility.people import People, people_of
from synthcmr.evaluation.utility.segmentation.arms import BOTH, REAL_ONLY, GridPoint
from synthcmr.evaluation.utility.segmentation.outcomes import Outcomes
from synthcmr.evaluation.utility.segmentation.trained import trained
from synthcmr.evaluation.utility.settings import FAIRNESS_RULES
from synthcmr.experiments.rates import GAPS, WORST


def fairness(told: Comparison) -> PartResult:
    """Every score of fairness."""
    check_learner(told)
    try:
        people = people_of(told)
    except CohortError as error:
        return PartResult(scores=tuple(absent(rule.score, str(error)) for rule in FAIRNESS_RULES.values()))
    classified, note = _classified(told, people)
    notes = [
        "Gaps between small groups are above zero by chance alone: beside each stands what groups of these sizes, filled at random, "
        "would show. Verdicts look at what the synthetic images change, which chance moves either way.",
        *note,
    ]
    return PartResult(scores=(*classified, *_outlined(told, people)), notes=tuple(notes))


def _classified(told: Comparison, people: People) -> tuple[list[Score], list[str]]:
    try:
        found = answers(told, people, (1.0,))
    except (CohortError, SettingsError) as error:
        return [absent(f"{name}, change", str(error)) for name in (WORST, *GAPS)], []
    main = main_grouping(found)
    note = [f"Verdicts on the classifier look at groups of {main}."] if main else []
    return classified_scores(told, people, found), note


def _outlined(told: Comparison, people: People) -> list[Score]:
    if "segmentation" not in told.settings.utility.tasks:
        return [absent(CHANGE, f"it was not asked for: utility.tasks is {', '.join(told.settings.utility.tasks)}")]
    wanted = [GridPoint(arm, 1.0, k) for k in range(told.settings.utility.repeats) for arm in (REAL_ONLY, BOTH)]
    try:
        return outlined_scores(told, people, Outcomes(trained(told, people, wanted)))
    except CohortError as error:
        return [absent(CHANGE, str(error))]
