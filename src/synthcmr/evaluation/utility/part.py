"""The part utility: networks that learn from real, synthetic and both kinds of images, all tested on the same real subjects."""

from __future__ import annotations

from collections.abc import Callable

from synthcmr.errors import CohortError, SettingsError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import PartResult, Score, absent
from synthcmr.evaluation.utility.classification.answers import answers
from synthcmr.evaluation.utility.classification.scores import Classifying
from synthcmr.evaluation.utility.nnunet.adapter import Nnunet
from synthcmr.evaluation.utility.people import People, people_of
from synthcmr.evaluation.utility.segmentation.arms import ARMS, left_out, tasks
from synthcmr.evaluation.utility.segmentation.outcomes import Outcomes
from synthcmr.evaluation.utility.segmentation.scores import Outlining
from synthcmr.evaluation.utility.segmentation.trained import trained
from synthcmr.evaluation.utility.settings import UTILITY_RULES
from synthcmr.evaluation.utility.shown import plots, tables


def utility(told: Comparison) -> PartResult:
    """Every score of utility."""
    check_learner(told)
    try:
        people = people_of(told)
    except CohortError as error:
        return PartResult(scores=tuple(absent(rule.score, str(error)) for rule in UTILITY_RULES.values()))
    found = PartResult(
        scores=tuple(score for task in TASKS for score in _task(task, told, people)), notes=tuple(_notes(told, people))
    )
    return found.model_copy(update={"plots": plots(found, told.settings), "tables": tables(found, told.settings)})


def check_learner(told: Comparison) -> None:
    """Refuse a network that is not installed before anything is trained.

    Raises:
        SettingsError: nnU-Net was asked for and is not there.
    """
    own = told.settings.utility.segmentation
    if own.learner == "nnunet":
        Nnunet(own.nnunet_commands, own.nnunet_epochs).check()


def _task(name: str, told: Comparison, people: People) -> list[Score]:
    """Scores of a task; where it could not be done, the reason in place of those that rules look at."""
    reason = f"it was not asked for: utility.tasks is {', '.join(told.settings.utility.tasks)}"
    if name in told.settings.utility.tasks:
        try:
            return TASKS[name](told, people)
        except (CohortError, SettingsError) as error:
            reason = str(error)
    own = {k: rule for k, rule in UTILITY_RULES.items() if k.startswith("classifier") == (name == "classification")}
    return [absent(rule.score, reason) for rule in own.values()]


def outlining(told: Comparison, people: People) -> list[Score]:
    """Scores of networks that outline hearts."""
    settings = told.settings.utility
    names = left_out(people, settings, told.settings.min_subjects)
    table = trained(told, people, list(tasks(settings, names)))
    return Outlining(told, people, Outcomes(table), names).scores()


def classifying(told: Comparison, people: People) -> list[Score]:
    """Scores of networks that tell the sick."""
    fractions = told.settings.utility.asked_fractions
    return Classifying(told, people, answers(told, people, fractions), fractions).scores()


TASKS: dict[str, Callable[[Comparison, People], list[Score]]] = {
    "segmentation": outlining,
    "classification": classifying,
}


def _notes(told: Comparison, people: People) -> list[str]:
    """What is compared, and what limits it."""
    own = told.settings.utility
    learn = "; ".join(f"{arm.name}: {arm.about}" for arm in ARMS.values())
    steps, side = own.segmentation.loop.steps, own.segmentation.crop
    found = [
        f"Learned from: {len(people.train)} real and {len(people.synthetic)} synthetic subjects; tested on {len(people.test)} real ones "
        "that none of these networks saw.",
        f"{learn}. Every network that outlines takes {steps} steps and starts, seed by seed, from the same weights; {own.repeats} seeds.",
        f"Patches of {side} pixels are cut out anywhere, whole frames are tested. A structure that is not found at all counts as "
        "failed: Dice 0, and as HD95 the diagonal of the imaged block.",
    ]
    title = own.asked_leave_out
    if title and not left_out(people, own, told.settings.min_subjects):
        found.append(f"No value of '{title}' has enough test subjects to be left out of training.")
    return found
