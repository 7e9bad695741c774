"""The parts of an evaluation, and the table of them: a further part is a function and a row here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from synthcmr.errors import CohortError, SettingsError, SynthcmrError
from synthcmr.evaluation.adherence.attributes import attribute_scores
from synthcmr.evaluation.adherence.mask_scores import MaskScores
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fairness_gaps import CHANGE, classified_scores, main_grouping, outlined_scores
from synthcmr.evaluation.features.extractors import EXTRACTORS, extractor
from synthcmr.evaluation.features.stream import Extractor
from synthcmr.evaluation.fidelity.distances import distances
from synthcmr.evaluation.fidelity.quantities import families, quantity_scores
from synthcmr.evaluation.fidelity.showing import shown
from synthcmr.evaluation.fidelity.similarity import pairs, scales_for, similarities, similarity_interval
from synthcmr.evaluation.groups import Group
from synthcmr.evaluation.privacy.privacy_part import privacy
from synthcmr.evaluation.score import OVERALL, PartResult, Score, absent
from synthcmr.evaluation.utility.classification import answers
from synthcmr.evaluation.utility.part import check_learner, utility
from synthcmr.evaluation.utility.people import People, people_of
from synthcmr.evaluation.utility.segmentation.arms import BOTH, REAL_ONLY, GridPoint
from synthcmr.evaluation.utility.segmentation.outcomes import Outcomes, trained
from synthcmr.evaluation.utility.settings import FAIRNESS_RULES
from synthcmr.experiments.rates import GAPS, WORST


def adherence(told: Comparison) -> PartResult:
    """Every score of adherence."""
    masks = MaskScores.of(told)
    notes = [
        "Ceilings and floors are what the same judges say of the real images: what they miss there they would miss in any image."
    ]
    if told.settings.segmenter is None or told.settings.reader is None:
        notes.append(
            "The judges that ship learned from phantoms alone; judges of your own real images "
            "('synthcmr judge fit', --segmenter, --reader) see more."
        )
    return PartResult(scores=(*masks.scores(), *attribute_scores(told)), notes=tuple(notes), pictures=masks.pictures())


LESS = 8  # so many times fewer pairs of images for a group than for everybody: there are dozens of groups


def fidelity(told: Comparison) -> PartResult:
    """Every score of fidelity."""
    told.prepare(_needed(told))
    scores = [score for name in told.settings.fidelity.extractors for score in distances(told, name)]
    scores += [_alike(told, group) for group in told.groups]
    found = quantity_scores(told)
    notes = [f"{name}: {EXTRACTORS[name]}." for name in told.settings.fidelity.extractors if name in EXTRACTORS]
    if told.settings.encoder is not None:
        notes.append(f"The reader behind cmr is {told.settings.encoder.name}, not the one that ships.")
    if told.frames == 1:
        notes.append("One frame of each image is looked at, because not every image of both cohorts has two.")
    return PartResult(
        scores=(*scores, *found.scores),
        notes=tuple(notes),
        distributions=tuple(found.distributions),
        plots=tuple(found.plots),
        pictures=shown(told),
    )


def _needed(told: Comparison) -> list[Extractor]:
    """Every extractor that any score asks, each once; those that lack what they need say so where they are asked."""
    found = {family.extractor.name: family.extractor for family in families(told.real, told.synthetic)}
    for name in told.settings.fidelity.extractors:
        with suppress(SynthcmrError):
            found[name] = extractor(name, told.settings)
    return list(found.values())


def _alike(told: Comparison, group: Group) -> Score:
    """MS-SSIM within the synthetic images; within the real ones beside it."""
    settings = told.settings
    counts = {"n_real": len(group.real), "n_synthetic": len(group.synthetic)}
    about: dict[str, Any] = {"name": "MS-SSIM of pairs", "group": group.name, **counts}
    refused = group.refused(settings.min_subjects)
    if refused:
        return Score(**about, absent=refused)
    wanted = settings.fidelity.similarity_pairs // (1 if group.name == OVERALL else LESS)
    found, scales = [], scales_for(told.real, told.synthetic)
    for cohort, subjects in ((told.real, group.real), (told.synthetic, group.synthetic)):
        chosen = pairs(cohort, subjects, wanted, settings.seed)
        if not len(chosen):
            return Score(**about, absent="no two subjects have images of one size and level")
        found.append((cohort, chosen, similarities(cohort, chosen, scales)))
    cohort, chosen, values = found[1]
    low, high = similarity_interval(values, cohort, chosen, settings.draws, settings.level, settings.seed)
    floor = float(found[0][2].mean())
    return Score(**about, value=float(values.mean()), low=low, high=high, floor=floor)


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


# name -> (what it answers, function); each has settings, and rules, of its name in EvaluateSettings where it needs any
PARTS: dict[str, tuple[str, Callable[[Comparison], PartResult]]] = {
    "fidelity": ("Are the images like real ones?", fidelity),
    "adherence": ("Did the images get what was asked?", adherence),
    "utility": ("Can networks learn from the images?", utility),
    "fairness": ("Are groups served alike by networks that learn from the images?", fairness),
    "privacy": ("Do the images, or what made them, give away whom they were learned from?", privacy),
}
USES = {"fairness": ("utility",)}  # part -> other parts whose settings it looks at
