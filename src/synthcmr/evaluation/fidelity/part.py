"""The part fidelity: all its scores, and the images that look most and least real."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.features.extractor import Extractor
from synthcmr.evaluation.features.extractors import EXTRACTORS, extractor
from synthcmr.evaluation.fidelity.distances import distances
from synthcmr.evaluation.fidelity.quantities import families, quantity_scores
from synthcmr.evaluation.fidelity.showing import shown
from synthcmr.evaluation.fidelity.similarity import pairs, scales_for, similarities, similarity_interval
from synthcmr.evaluation.groups import Group
from synthcmr.evaluation.score import OVERALL, PartResult, Score

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
