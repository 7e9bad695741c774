"""Membership from the images alone: whoever was learned from may have synthetic images nearer than others have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthcmr.evaluation.privacy.control import Lookalikes, lookalikes
from synthcmr.evaluation.privacy.distances import scaling_of
from synthcmr.evaluation.privacy.figures import Floats
from synthcmr.evaluation.privacy.membership import Attack, Scores, attack, combined
from synthcmr.evaluation.privacy.nearness import Nearness, nearness
from synthcmr.evaluation.privacy.people import People, Piles, Report
from synthcmr.evaluation.privacy.pile import Features, Pile, Side, heap
from synthcmr.evaluation.privacy.planting import planted
from synthcmr.evaluation.privacy.searching import search
from synthcmr.evaluation.privacy.settings import PrivacySettings

LEAK = "noised"  # what is planted: of every other held-out subject, one image with noise
COMBINED = "all of these, weighed by what other subjects teach"


@dataclass(frozen=True)
class Seen:
    """What an attacker sees of the images of one side."""

    to_synthetic: Nearness
    to_reference: Nearness  # held-out subjects that are on neither side: how common an image is
    registered: Floats  # correlation with the synthetic image that it is most like once laid over it

    def scores(self, pile: Pile) -> dict[str, Floats]:
        """One number for each subject and attack."""
        near, common = self.to_synthetic, self.to_reference
        return {
            "nearest synthetic image": by_subject(pile, -near.nearest, np.mean),
            "nearest, against the nearest held-out image": by_subject(pile, common.nearest - near.nearest, np.mean),
            "Monte Carlo": by_subject(pile, near.within, np.mean),
            "density ratio": by_subject(pile, near.density - common.density, np.mean),
            "registered": by_subject(pile, self.registered, np.max),
        }


@dataclass(frozen=True)
class Attacked:
    """The images that are attacked, and what is known of them whoever asks."""

    members: Pile
    others: Pile
    alike: Lookalikes
    sides: tuple[Side, Side]
    features: Features | None

    @property
    def space(self) -> str:
        """Where distances are taken."""
        return "pixels" if self.features is None else "features"


def attacked(who: People, settings: PrivacySettings, work: Path, features: Features | None) -> Attacked:
    """Some subjects of either side, with the same number of images each where they have them."""
    own = settings.membership
    members, others = (s.some(own.subjects, own.images, settings.seed) for s in (who.members, who.judged))
    piles = members.pile(work / "attacked-members", features), others.pile(work / "attacked-others", features)
    alike = lookalikes(*piles, "pixels" if features is None else "features", settings.seed)
    return Attacked(*piles, alike, (members, others), features)


def black_box(
    these: Attacked, piles: Piles, settings: PrivacySettings, work: Path, report: Report | None = None
) -> tuple[Attack, ...]:
    """All attacks on images alone.

    Args:
        these: the images that are attacked.
        piles: all images as they are compared.
        settings: of the attacks.
        work: folder for planted leaks.
        report: called with (done, total, what).
    """
    look = _Looking(these, piles, settings)
    seen = []
    for k, pile in enumerate((these.members, these.others)):
        seen.append(look.at(pile))
        if report is not None:
            report(k + 1, 2, "attacking from images alone")
    scores = _paired(seen[0].scores(these.members), seen[1].scores(these.others), settings.seed)
    leak = _leak(these, look, seen[1], work, settings)
    names = these.members.people.tolist()
    draws, seed = settings.draws, settings.seed
    return tuple(attack(name, "images", scores[name], names, these.alike, leak[name], draws, seed) for name in scores)


def by_subject(pile: Pile, values: Floats, summary: Callable[[Floats], np.floating]) -> Floats:
    """The mean, or the most, of each subject's images, in the order of `pile.people`."""
    return np.array([float(summary(values[pile.subject == name])) for name in pile.people])


class _Looking:
    """How near images are to the synthetic ones and to the reference, always by the same measure."""

    def __init__(self, these: Attacked, piles: Piles, settings: PrivacySettings) -> None:
        self.synthetic, self.reference, self.space = piles.synthetic, piles.reference, these.space
        self.search, self.scaling = settings.copies.search, scaling_of(piles.members, these.space)
        first = nearness(self.reference, self.synthetic, self.space, self.scaling, width=1.0)
        self.width = float(np.median(first.nearest)) or 1.0  # Hilprecht et al.'s heuristic, from neither side

    def at(self, pile: Pile) -> Seen:
        """What is seen of a pile."""
        registered = search(pile, self.synthetic, self.search).correlation.numpy().astype(np.float64)
        return Seen(self.near(pile, self.synthetic), self.near(pile, self.reference), registered)

    def near(self, pile: Pile, keys: Pile) -> Nearness:
        """Distances to a set."""
        return nearness(pile, keys, self.space, self.scaling, self.width)


def _leak(
    these: Attacked, look: _Looking, seen: Seen, work: Path, settings: PrivacySettings
) -> dict[str, tuple[Floats, Floats]]:
    """Scores of held-out subjects of whom an image was planted among the synthetic ones, and of the rest."""
    names = np.random.default_rng([settings.seed, 8]).permutation(these.others.people)
    leaked = np.isin(these.others.people, names[: len(names) // 2])
    side = these.sides[1].of(these.others.people[leaked]).some(len(names), 1, settings.seed)
    images = planted(side.blocks(), LEAK, settings.seed)
    pile = heap(work / "leak", images, side.subject, side.subject, these.features)
    match = search(these.others, pile, look.search).correlation.numpy().astype(np.float64)
    after = Seen(
        seen.to_synthetic.joined(look.near(these.others, pile)), seen.to_reference, np.maximum(seen.registered, match)
    )
    scores = after.scores(these.others)
    return _paired({k: v[leaked] for k, v in scores.items()}, {k: v[~leaked] for k, v in scores.items()}, settings.seed)


def _paired(ours: dict[str, Floats], theirs: dict[str, Floats], seed: int) -> dict[str, tuple[Floats, Floats]]:
    """Scores of both sides, and what they say together."""
    pairs: Scores = {name: (ours[name], theirs[name]) for name in ours}
    return {**pairs, COMBINED: combined(pairs, seed)}
