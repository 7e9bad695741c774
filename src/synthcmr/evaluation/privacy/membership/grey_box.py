"""Membership with sampling access: images drawn under a subject's own mask and attributes are compared with the subject's own image."""

from __future__ import annotations

import numpy as np
import torch

from synthcmr.evaluation.privacy.attack_target import (
    ConditionedImages,
    SamplingAccess,
    load_conditioned,
    subject_means,
)
from synthcmr.evaluation.privacy.copies.calibration import noised
from synthcmr.evaluation.privacy.copies.registration import place
from synthcmr.evaluation.privacy.image_index import Report, pixel_vectors, silent, thumbnails
from synthcmr.evaluation.privacy.image_selection import Names, Vectors
from synthcmr.evaluation.privacy.interval_estimates import Floats
from synthcmr.evaluation.privacy.membership.black_box import AttackedImages
from synthcmr.evaluation.privacy.membership.membership_attack import (
    Attacks,
    SideScores,
    SubjectScores,
    assess,
    divide,
)
from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

BATCH = 16
Similarities = dict[str, Floats]  # attack -> of each image


def grey_box(
    attacked: AttackedImages, generator: SamplingAccess, settings: PrivacyPartSettings, report: Report = silent
) -> Attacks:
    """All attacks that ask a generator for images."""
    sides = []
    for k, selection in enumerate(attacked.selections):
        images = load_conditioned(selection, generator)
        sides.append((images, _likest_draws(images, generator, settings.membership.asked, settings.seed)))
        report(k + 1, 2, "asking the generator")
    (member, member_similarities), (other, other_similarities) = sides
    scores = _by_subject(member.subject, member_similarities), _by_subject(other.subject, other_similarities)
    planted = _plant_leak(other, other_similarities, settings.seed)
    return assess("asking", scores, planted, np.unique(member.subject).tolist(), attacked.alike, settings)


def _likest_draws(images: ConditionedImages, generator: SamplingAccess, draws: int, seed: int) -> Similarities:
    """How alike each image and the likest of those drawn under its condition are."""
    batches: list[Similarities] = []
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        conditions = images.conditions[some]
        tries = []
        for k in range(draws):
            seeds = [seed + draws * (start + i) + k for i in range(len(conditions))]
            tries.append(_similarity(images.image[some], generator.draw(conditions, seeds)))
        batches.append({name: np.max([one[name] for one in tries], axis=0) for name in tries[0]})
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _similarity(image: Vectors, drawn: Vectors) -> Similarities:
    """How alike images and what was drawn for each are, pair by pair: as they are, and after registration."""
    with torch.no_grad():
        plain = (pixel_vectors(image) * pixel_vectors(drawn)).sum(dim=1)
        registered = place(thumbnails(drawn), thumbnails(image), torch.arange(len(drawn))).correlation
    return {
        "drawn images, as they are": plain.numpy().astype(float),
        "drawn images, registered": registered.numpy().astype(float),
    }


def _by_subject(subject: Names, similarities: Similarities) -> SubjectScores:
    return {name: subject_means(subject, values) for name, values in similarities.items()}


def _plant_leak(images: ConditionedImages, similarities: Similarities, seed: int) -> SideScores:
    """Scores of held-out subjects for one of whose images noised copies are drawn, and of the rest."""
    rng = np.random.default_rng([seed, 10])
    names, first = np.unique(images.subject, return_index=True)
    leaked = rng.permutation(len(names)) < len(names) // 2
    rows = first[leaked]
    copies = np.stack([noised(torch.from_numpy(images.image[i]), rng).numpy() for i in rows])
    after = {name: values.copy() for name, values in similarities.items()}
    for name, values in _similarity(images.image[rows], copies).items():
        after[name][rows] = np.maximum(after[name][rows], values)
    return divide(_by_subject(images.subject, after), leaked)
