"""The part utility: networks that learn from real, synthetic and both kinds of images, all tested on the same real subjects."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from synthcmr.cohort.labels import STRUCTURES
from synthcmr.errors import CohortError, SettingsError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import OVERALL, Line, PartResult, Plot, Score, Table, absent
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.evaluation.utility.arms import ARMS, AUGMENTED, BOTH, ONLY, REAL_ONLY, label, left_out, tasks
from synthcmr.evaluation.utility.classification import Classifying, classifier_results
from synthcmr.evaluation.utility.nnunet import Nnunet
from synthcmr.evaluation.utility.participants import Participants, participants
from synthcmr.evaluation.utility.segmentation_scores import WORDS, Outcomes, Outlining, named, trained
from synthcmr.evaluation.utility.settings import UTILITY_RULES


def utility(comparison: Comparison) -> PartResult:
    """Every score of utility."""
    check_learner(comparison)
    try:
        people = participants(comparison)
    except CohortError as error:
        return PartResult(scores=tuple(absent(rule.score, str(error)) for rule in UTILITY_RULES.values()))
    result = PartResult(
        scores=tuple(score for task in TASKS for score in _task(task, comparison, people)),
        notes=tuple(_notes(comparison, people)),
    )
    return result.model_copy(
        update={"plots": plots(result, comparison.settings), "tables": tables(result, comparison.settings)}
    )


def check_learner(comparison: Comparison) -> None:
    """Refuse a network that is not installed before anything is trained.

    Raises:
        SettingsError: nnU-Net was asked for and is not there.
    """
    own = comparison.settings.utility.segmentation
    if own.learner == "nnunet":
        Nnunet(own.nnunet_commands, own.nnunet_epochs).check()


def _task(name: str, comparison: Comparison, people: Participants) -> list[Score]:
    """Scores of a task; where it could not be done, the reason in place of those that rules look at."""
    reason = f"it was not asked for: utility.tasks is {', '.join(comparison.settings.utility.tasks)}"
    if name in comparison.settings.utility.tasks:
        try:
            return TASKS[name](comparison, people)
        except (CohortError, SettingsError) as error:
            reason = str(error)
    own = {k: rule for k, rule in UTILITY_RULES.items() if k.startswith("classifier") == (name == "classification")}
    return [absent(rule.score, reason) for rule in own.values()]


def outlining(comparison: Comparison, people: Participants) -> list[Score]:
    """Scores of networks that outline hearts."""
    settings = comparison.settings.utility
    names = left_out(people, settings, comparison.settings.min_subjects)
    table = trained(comparison, people, list(tasks(settings, names)))
    return Outlining(comparison, people, Outcomes(table), names).scores()


def classifying(comparison: Comparison, people: Participants) -> list[Score]:
    """Scores of networks that tell the sick."""
    fractions = comparison.settings.utility.fractions_tested
    return Classifying(comparison, people, classifier_results(comparison, people, fractions), fractions).scores()


TASKS: dict[str, Callable[[Comparison, Participants], list[Score]]] = {
    "segmentation": outlining,
    "classification": classifying,
}


def _notes(comparison: Comparison, people: Participants) -> list[str]:
    """What is compared, and what limits it."""
    own = comparison.settings.utility
    learn = "; ".join(f"{arm.name}: {arm.about}" for arm in ARMS.values())
    steps, side = own.segmentation.loop.steps, own.segmentation.crop
    results = [
        f"Learned from: {len(people.train)} real and {len(people.synthetic)} synthetic subjects; tested on {len(people.test)} real ones "
        "that none of these networks saw.",
        f"{learn}. Every network that outlines takes {steps} steps and starts, seed by seed, from the same weights; {own.repeats} seeds.",
        f"Patches of {side} pixels are cut out anywhere, whole frames are tested. A structure that is missed altogether counts as "
        "failed: Dice 0, and as HD95 the diagonal of the imaged block.",
    ]
    title = own.left_out_attribute
    if title and not left_out(people, own, comparison.settings.min_subjects):
        results.append(f"No value of '{title}' has enough test subjects to be left out of training.")
    return results


Row = tuple[str, ...]
NONE = "not scored"


def plots(result: PartResult, settings: EvaluateSettings) -> tuple[Plot, ...]:
    """A score by the share of the real subjects that was learned from, for each task that was done."""
    outcome = (_curve(result, settings, name, arms) for name, arms in CURVES.items())
    return tuple(plot for plot in outcome if plot is not None)


CURVES = {"Dice": (REAL_ONLY, BOTH, AUGMENTED), "AUROC": (REAL_ONLY, BOTH)}


def _curve(result: PartResult, settings: EvaluateSettings, measure: str, arms: tuple[str, ...]) -> Plot | None:
    fractions = settings.utility.fractions_tested
    lines = [_line(arm, [(f, result.score(named(measure, label(arm, f)))) for f in fractions]) for arm in arms]
    alone = result.score(named(measure, ONLY))
    lines.append(_line(ONLY, [(f, alone) for f in (fractions[0], 1.0)]))
    known = tuple(line for line in lines if line is not None)
    if len(fractions) < 2 or not known:
        return None
    return Plot(
        title=f"{measure} on real test subjects, by the real subjects learned from",
        x="real training subjects learned from, %",
        y=measure,
        lines=known,
        note="Bands: intervals from drawing test subjects and seeds again. Arms of a share learn from the same real subjects.",
    )


def _line(name: str, points: Iterable[tuple[float, Score | None]]) -> Line | None:
    known = [
        (100 * f, s.value, s.low, s.high)
        for f, s in points
        if s is not None and s.value is not None and s.low is not None and s.high is not None
    ]
    if not known:
        return None
    x, y, low, high = (tuple(values) for values in zip(*known, strict=True))
    return Line(name=name, x=x, y=y, low=low, high=high)


def tables(result: PartResult, settings: EvaluateSettings) -> tuple[Table, ...]:
    """All tables that have a row."""
    outcome = (
        _structures(result, settings),
        _failures(result, settings),
        _groups(result),
        _left_out(result),
        _classifiers(result, settings),
    )
    return tuple(table for table in outcome if table.rows)


def _arms(settings: EvaluateSettings) -> list[str]:
    """Labels of all arms that are tested on real subjects."""
    fractions = settings.utility.fractions_tested
    return [*(label(arm, f) for f in fractions for arm in (REAL_ONLY, BOTH, AUGMENTED)), ONLY]


def _structures(result: PartResult, settings: EvaluateSettings) -> Table:
    columns = [(m, s) for m in ("Dice", "HD95") for s in STRUCTURES]
    rows = [
        (arm, *(_with_interval(result.score(named(m, arm, s))) for m, s in columns))
        for arm in _arms(settings)
        if result.score(named("Dice", arm))
    ]
    return Table(
        title="Structure by structure",
        columns=("learned from", *(f"{m} {WORDS[s]}{', mm' * (m == 'HD95')}" for m, s in columns)),
        rows=tuple(rows),
        note="Means over test subjects, ED and ES, and seeds, with intervals. Phases by themselves are among all scores.",
    )


def _failures(result: PartResult, settings: EvaluateSettings) -> Table:
    rows = []
    for arm in _arms(settings):
        count, share = result.score(named("failures", arm)), result.score(named("failed", arm))
        if count is not None and count.value is not None:
            rows.append((arm, f"{count.value:.3g} {count.unit}", _with_interval(share, 3)))
    return Table(
        title="Structures that were missed altogether",
        columns=("learned from", "how many", "share"),
        rows=tuple(rows),
        note="Means over seeds. Each counts with a Dice of 0 and the worst HD95 there can be; none is left out.",
    )


def _groups(result: PartResult) -> Table:
    gains = [s for s in result.scores if s.name == "Dice gain, 100 %" and s.group != OVERALL]
    arms = [named("Dice", name) for name in (label(REAL_ONLY, 1.0), label(BOTH, 1.0), ONLY)]
    rows = [
        (s.group, str(s.n_real), *(_with_interval(result.score(name, s.group)) for name in arms), _with_interval(s))
        for s in gains
        if s.value is not None
    ]
    refused = [s.group for s in gains if s.value is None]
    note = f"Not scored, for too few test subjects: {', '.join(refused)}." if refused else ""
    columns = ("group", "test subjects", "real, 100 %", "real + synthetic, 100 %", "synthetic only", "gain")
    return Table(title="Dice by vendor and by group", columns=columns, rows=tuple(rows), note=note)


def _left_out(result: PartResult) -> Table:
    gains = [s for s in result.scores if s.name == "Dice gain where left out"]
    rows = [
        (
            s.group,
            str(s.n_real),
            *(_with_interval(result.score(f"Dice where left out, {arm}", s.group)) for arm in (REAL_ONLY, BOTH)),
            _with_interval(s),
        )
        for s in gains
    ]
    return Table(
        title="Left out of training, tested on alone",
        columns=("group", "test subjects", "Dice, real", "Dice, real + synthetic", "gain"),
        rows=tuple(rows),
        note="Synthetic subjects of the group are left out too. What generated the images may have seen the group all the same.",
    )


def _classifiers(result: PartResult, settings: EvaluateSettings) -> Table:
    names = [*_arms(settings), "real on synthetic"]
    rows = [
        (name, *(_with_interval(result.score(f"{m}, {name}")) for m in ("AUROC", "balanced accuracy")))
        for name in names
        if result.score(f"AUROC, {name}")
    ]
    return Table(
        title="Telling the sick",
        columns=("learned from", "AUROC", "balanced accuracy"),
        rows=tuple(rows),
        note="On real test subjects; 'real on synthetic' learned from all real subjects and was tested on synthetic ones.",
    )


def _with_interval(score: Score | None, digits: int = 2) -> str:
    """A value with its interval, as people read it."""
    if score is None or score.value is None or score.low is None or score.high is None:
        return NONE
    digits = digits if abs(score.value) < 2 else 1
    return f"{score.value:.{digits}f} ({score.low:.{digits}f} to {score.high:.{digits}f})"
