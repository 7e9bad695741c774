"""The parts of an evaluation, and the table of them: a further part is a function and a row here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from synthcmr.errors import CohortError, SettingsError, SynthcmrError
from synthcmr.evaluation.adherence.attributes import attribute_scores
from synthcmr.evaluation.adherence.mask_scores import MaskScores
from synthcmr.evaluation.comparison import ComparedGroup, Comparison
from synthcmr.evaluation.fairness_gaps import CHANGE, classification_scores, main_grouping, segmentation_scores
from synthcmr.evaluation.features.extractors import EXTRACTORS, extractor
from synthcmr.evaluation.features.stream import Extractor
from synthcmr.evaluation.fidelity.distances import distances
from synthcmr.evaluation.fidelity.example_images import shown
from synthcmr.evaluation.fidelity.similarity import pairs, scales_for, similarities, similarity_interval
from synthcmr.evaluation.fidelity.subject_quantities import families, quantity_scores
from synthcmr.evaluation.motion.motion_part import has_cines, motion
from synthcmr.evaluation.privacy.privacy_part import privacy
from synthcmr.evaluation.score import OVERALL, PartResult, Score, absent
from synthcmr.evaluation.utility.arms import BOTH, REAL_ONLY, GridPoint
from synthcmr.evaluation.utility.classification import classifier_results
from synthcmr.evaluation.utility.part import check_learner, utility
from synthcmr.evaluation.utility.participants import Participants, participants
from synthcmr.evaluation.utility.segmentation_scores import Outcomes, trained
from synthcmr.evaluation.utility.settings import FAIRNESS_RULES
from synthcmr.experiments.classifier_scores import GAPS, WORST


def adherence(comparison: Comparison) -> PartResult:
    """Every score of adherence."""
    masks = MaskScores.of(comparison)
    notes = [
        "Ceilings and floors are what the same judges say of the real images: what they miss there they would miss in any image."
    ]
    if comparison.settings.segmenter is None or comparison.settings.reader is None:
        notes.append(
            "The judges that ship learned from phantoms alone; judges of your own real images "
            "('synthcmr judge fit', --segmenter, --reader) see more."
        )
    return PartResult(
        scores=(*masks.scores(), *attribute_scores(comparison)), notes=tuple(notes), pictures=masks.pictures()
    )


LESS = 8  # so many times fewer pairs of images for a group than overall: there are dozens of groups


def fidelity(comparison: Comparison) -> PartResult:
    """Every score of fidelity."""
    comparison.prepare(_needed(comparison))
    scores = [score for name in comparison.settings.fidelity.extractors for score in distances(comparison, name)]
    scores += [_alike(comparison, group) for group in comparison.groups]
    result = quantity_scores(comparison)
    notes = [f"{name}: {EXTRACTORS[name]}." for name in comparison.settings.fidelity.extractors if name in EXTRACTORS]
    if comparison.settings.encoder is not None:
        notes.append(f"The reader behind cmr is {comparison.settings.encoder.name}, not the one that ships.")
    if comparison.frames == 1:
        notes.append("One frame of each image is looked at, because not every image of both cohorts has two.")
    return PartResult(
        scores=(*scores, *result.scores),
        notes=tuple(notes),
        distributions=tuple(result.distributions),
        plots=tuple(result.plots),
        pictures=shown(comparison),
    )


def _needed(comparison: Comparison) -> list[Extractor]:
    """Every extractor that any score asks, each once; those that lack what they need say so where they are asked."""
    results = {family.extractor.name: family.extractor for family in families(comparison.real, comparison.synthetic)}
    for name in comparison.settings.fidelity.extractors:
        with suppress(SynthcmrError):
            results[name] = extractor(name, comparison.settings)
    return list(results.values())


def _alike(comparison: Comparison, group: ComparedGroup) -> Score:
    """MS-SSIM within the synthetic images; within the real ones beside it."""
    settings = comparison.settings
    counts = {"n_real": len(group.real), "n_synthetic": len(group.synthetic)}
    about: dict[str, Any] = {"name": "MS-SSIM of pairs", "group": group.name, **counts}
    refused = group.refused(settings.min_subjects)
    if refused:
        return Score(**about, absent=refused)
    wanted = settings.fidelity.similarity_pairs // (1 if group.name == OVERALL else LESS)
    result, scales = [], scales_for(comparison.real, comparison.synthetic)
    for cohort, subjects in ((comparison.real, group.real), (comparison.synthetic, group.synthetic)):
        chosen = pairs(cohort, subjects, wanted, settings.seed)
        if not len(chosen):
            return Score(**about, absent="no two subjects have images of one size and level")
        result.append((cohort, chosen, similarities(cohort, chosen, scales)))
    cohort, chosen, values = result[1]
    low, high = similarity_interval(values, cohort, chosen, settings.draws, settings.level, settings.seed)
    floor = float(result[0][2].mean())
    return Score(**about, value=float(values.mean()), low=low, high=high, floor=floor)


def fairness(comparison: Comparison) -> PartResult:
    """Every score of fairness."""
    check_learner(comparison)
    try:
        people = participants(comparison)
    except CohortError as error:
        return PartResult(scores=tuple(absent(rule.score, str(error)) for rule in FAIRNESS_RULES.values()))
    classified, note = _classified(comparison, people)
    notes = [
        "Gaps between small groups are above zero by chance alone: beside each stands what groups of these sizes, filled at random, "
        "would show. Verdicts look at what the synthetic images change, which chance moves either way.",
        *note,
    ]
    return PartResult(scores=(*classified, *_outlined(comparison, people)), notes=tuple(notes))


def _classified(comparison: Comparison, people: Participants) -> tuple[list[Score], list[str]]:
    try:
        scores = classifier_results(comparison, people, (1.0,))
    except (CohortError, SettingsError) as error:
        return [absent(f"{name}, change", str(error)) for name in (WORST, *GAPS)], []
    main = main_grouping(scores)
    note = [f"Verdicts on the classifier look at groups of {main}."] if main else []
    return classification_scores(comparison, people, scores), note


def _outlined(comparison: Comparison, people: Participants) -> list[Score]:
    if "segmentation" not in comparison.settings.utility.tasks:
        return [
            absent(CHANGE, f"it was not asked for: utility.tasks is {', '.join(comparison.settings.utility.tasks)}")
        ]
    wanted = [GridPoint(arm, 1.0, k) for k in range(comparison.settings.utility.repeats) for arm in (REAL_ONLY, BOTH)]
    try:
        return segmentation_scores(comparison, people, Outcomes(trained(comparison, people, wanted)))
    except CohortError as error:
        return [absent(CHANGE, str(error))]


# name -> (what it answers, function); each has settings, and rules, of its name in EvaluateSettings where it needs any
PARTS: dict[str, tuple[str, Callable[[Comparison], PartResult]]] = {
    "fidelity": ("Are the images like real ones?", fidelity),
    "adherence": ("Did the images get what was asked?", adherence),
    "motion": ("Do cines beat like real ones?", motion),
    "utility": ("Can networks learn from the images?", utility),
    "fairness": ("Are groups served alike by networks that learn from the images?", fairness),
    "privacy": ("Do the images, or what made them, give away whom they were learned from?", privacy),
}
# part -> whether cohorts have what it looks at; where they lack it, it runs only if it is asked for, and says what is missing
NEEDS: dict[str, Callable[[Comparison], bool]] = {"motion": has_cines}
USES = {"fairness": ("utility",)}  # part -> other parts whose settings it looks at
