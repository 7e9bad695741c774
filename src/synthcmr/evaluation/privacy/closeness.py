"""Do synthetic images lie closer to those learned from than to as many others, whom nobody saw?"""

from __future__ import annotations

import numpy as np

from synthcmr.evaluation.privacy.distances import scaling_of, to_subjects
from synthcmr.evaluation.privacy.figures import Figure, interval_of
from synthcmr.evaluation.privacy.pile import Pile

HALVES = 200  # half-samples of the real subjects


def closer_to_members(synthetic: Pile, members: Pile, held_out: Pile, space: str, seed: int) -> Figure:
    """Share of synthetic images whose nearest member is nearer than the nearest of as many held-out subjects; 0.5 where nothing leaks.

    Each time half as many subjects are drawn from either side as the smaller has. What such halves differ by is what the whole would
    differ by, were others sampled (the delete-half jackknife); synthetic subjects are resampled with them.
    """
    rng = np.random.default_rng([seed, 2])
    sizes = len(members.people), len(held_out.people)
    half = max(1, min(sizes) // 2)
    ours, theirs = (np.stack([rng.permutation(n)[:half] for _ in range(HALVES)]) for n in sizes)
    names, whose = np.unique(synthetic.subject, return_inverse=True)
    weight = np.random.default_rng([seed, 3]).poisson(1.0, size=(len(names), HALVES)).astype(np.float32)
    plain, drawn, total = np.zeros(HALVES), np.zeros(HALVES), np.zeros(HALVES)
    scaling = scaling_of(members, space)
    mine, others = (to_subjects(synthetic, keys, space, scaling) for keys in (members, held_out))
    for (place, near), (_, far) in zip(mine, others, strict=True):
        for k in range(HALVES):
            difference = far[:, theirs[k]].min(axis=1) - near[:, ours[k]].min(axis=1)
            closer = (difference > 0) + 0.5 * (difference == 0)
            w = weight[whose[place], k]
            plain[k], drawn[k], total[k] = plain[k] + closer.sum(), drawn[k] + w @ closer, total[k] + w.sum()
    value, drawn = float(plain.mean() / len(synthetic)), drawn / np.maximum(total, 1)
    return interval_of(value, drawn, 2 * min(sizes), "real subjects")
