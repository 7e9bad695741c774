"""Membership by asking: images drawn under a subject's own mask and attributes are laid beside the subject's own image."""

from __future__ import annotations

import numpy as np
import torch

from synthcmr.evaluation.privacy.attacked_images import Told, over_subjects, told
from synthcmr.evaluation.privacy.black_box import Attacked
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.looks import looks, pixels
from synthcmr.evaluation.privacy.membership import Attack, attack
from synthcmr.evaluation.privacy.people import Report
from synthcmr.evaluation.privacy.planting import noised
from synthcmr.evaluation.privacy.protocol import Answers
from synthcmr.evaluation.privacy.registering import lay
from synthcmr.evaluation.privacy.settings import PrivacySettings

BATCH = 16


def grey_box(
    these: Attacked, model: Answers, settings: PrivacySettings, report: Report | None = None
) -> tuple[Attack, ...]:
    """All attacks that ask for images.

    Args:
        these: the images that are attacked.
        model: a generator that can be asked.
        settings: of the attacks.
        report: called with (done, total, what).
    """
    own, seed = settings.membership, settings.seed
    found = []
    for k, side in enumerate(these.sides):
        images = told(side, model.vocabulary, model.frames)
        found.append((images, _alike(images, model, own.asked, seed)))
        if report is not None:
            report(k + 1, 2, "asking the generator")
    (member, ours), (other, theirs) = found
    leak = _leak(other, theirs, seed)
    names, ours = _scores(member.subject, ours)
    _, theirs = _scores(other.subject, theirs)
    return tuple(
        attack(name, "asking", (ours[name], theirs[name]), names, these.alike, leak[name], settings.draws, seed)
        for name in ours
    )


Alike = dict[str, Floats]  # attack -> of each image


def _alike(images: Told, model: Answers, asked: int, seed: int) -> Alike:
    """How alike each image and the likest of those drawn under its condition are."""
    found: list[Alike] = []
    for start in range(0, len(images), BATCH):
        some = slice(start, start + BATCH)
        conditions = images.conditions[some]
        tries = []
        for k in range(asked):
            seeds = [seed + asked * (start + i) + k for i in range(len(conditions))]
            tries.append(compared(images.image[some], model.draw(conditions, seeds)))
        found.append({name: np.max([t[name] for t in tries], axis=0) for name in tries[0]})
    return {name: np.concatenate([f[name] for f in found]) for name in found[0]}


def compared(image: np.ndarray, drawn: np.ndarray) -> Alike:
    """How alike images and what was drawn for each are, pair by pair: as they are, and once laid over each other."""
    with torch.no_grad():
        plain = (pixels(image) * pixels(drawn)).sum(dim=1)
        laid = lay(looks(drawn), looks(image), torch.arange(len(drawn))).correlation
    return {
        "drawn images, as they are": plain.numpy().astype(float),
        "drawn images, registered": laid.numpy().astype(float),
    }


def _scores(subject: np.ndarray, alike: Alike) -> tuple[list[str], Alike]:
    names = np.unique(subject).tolist()
    return names, {name: over_subjects(subject, values)[1] for name, values in alike.items()}


def _leak(images: Told, alike: Alike, seed: int) -> dict[str, tuple[Floats, Floats]]:
    """Scores of held-out subjects for one of whose images noised copies are drawn, and of the rest."""
    rng = np.random.default_rng([seed, 10])
    names, first = np.unique(images.subject, return_index=True)
    leaked = rng.permutation(len(names)) < len(names) // 2
    rows = first[leaked]
    copies = np.stack([noised(torch.from_numpy(images.image[i]), rng).numpy() for i in rows])
    after = {k: v.copy() for k, v in alike.items()}
    for name, values in compared(images.image[rows], copies).items():
        after[name][rows] = np.maximum(after[name][rows], values)
    _, scores = _scores(images.subject, after)
    return {name: (values[leaked], values[~leaked]) for name, values in scores.items()}
