"""Our own recalibration: log power by ring, moved in closed form, phase kept.

For an image with log ring power l_r, whose set has mean m_S,r and spread s_S,r where real images have m_R,r and s_R,r:

    target_r = l_r + t_r [m_R,r + (l_r - m_S,r) s_R,r / s_S,r - l_r]        F <- F exp((target - l) / 2)

t is the taper: 0 below a floor, so that what is longer than a heart stays as it is, and 1 from twice the floor on.
Each image keeps its own rank, so sets keep their diversity and an image its own character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthcmr.frequency.fourier import Floats, pixels, spectra
from synthcmr.frequency.images import ImageBatch, rng_of
from synthcmr.frequency.rings import EVERYONE, GroupMoments, Rings
from synthcmr.frequency.settings import RecalibrationSettings

LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class RingMap:
    """From the profiles of a synthetic set to those of the real one."""

    rings: Rings
    real: GroupMoments
    synthetic: GroupMoments
    settings: RecalibrationSettings

    def __call__(self, batch: ImageBatch) -> Floats:
        """The images, recalibrated."""
        start = spectra(batch.images, batch.plane, self.settings.edges)
        target = self.targets(self.rings.log_power(start), batch.groups, batch.names)
        return moved(batch, self.rings, target, self.settings)

    def targets(self, own: Floats, groups: Sequence[str], names: Sequence[str]) -> Floats:
        """Where the log power of each image shall be, before the taper."""
        settings = self.settings.map
        if settings.target == "sampled":
            return np.stack([self._drawn(group, name) for group, name in zip(groups, names, strict=True)])
        target = np.empty_like(own)
        for group in set(groups):
            rows = [i for i, g in enumerate(groups) if g == group]
            weight = self._weight(group)
            real, synthetic = self.real.profile(group, weight), self.synthetic.profile(group, weight)
            stretch = 1.0 if settings.target == "shift" else self._stretch(real.spread, synthetic.spread)
            target[rows] = real.mean + (own[rows] - synthetic.mean) * stretch
        return target

    def _weight(self, group: str) -> float:
        """The same on both sides: a group that one side hardly knows is compared as everyone is."""
        k = self.settings.shrinkage
        seen = self.synthetic.groups[group].n if group in self.synthetic.groups else 0
        return min(self.real.weight(group, k), seen / (seen + k) if seen else 0.0)

    def _stretch(self, real: Floats, synthetic: Floats) -> Floats:
        """Real spread over synthetic; one where the set is too small to have a spread."""
        n, k, most = self.synthetic.groups[EVERYONE].n, self.settings.shrinkage, self.settings.map.most_spread
        ratio = np.log(np.maximum(real, LEAST_SPREAD) / np.maximum(synthetic, LEAST_SPREAD)) * (n - 1) / (n - 1 + k)
        stretch: Floats = np.exp(np.clip(ratio, -np.log(most), np.log(most)))
        return stretch

    def _drawn(self, group: str, name: str) -> Floats:
        """A profile from the Gaussian of real ones."""
        profile = self.real.profile(group, self.real.weight(group, self.settings.shrinkage))
        values, axes = np.linalg.eigh(profile.covariance)
        noise = rng_of(self.settings.seed, "target", name).standard_normal(len(values))
        drawn: Floats = profile.mean + axes @ (np.sqrt(np.maximum(values, 0)) * noise)
        return drawn


def taper(rings: Rings, settings: RecalibrationSettings) -> Floats:
    """Share of the change that each ring gets: 0 where its inner edge lies below the floor, 1 from twice the floor on."""
    floor = settings.floor(rings.unit)
    inner = rings.centres - rings.highest / rings.count  # gains reach on straight lines from one ring to the next
    share = np.clip(inner / floor - 1, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * share)


def moved(batch: ImageBatch, rings: Rings, target: Floats, settings: RecalibrationSettings) -> Floats:
    """Images with their log ring power moved to a target, tapered; repeated, since cutting off values undoes a part."""
    share = taper(rings, settings)
    images = np.asarray(batch.images, dtype=np.float64)
    start = rings.log_power(spectra(images, batch.plane, settings.edges))
    goal = start + share * (target - start)
    for k in range(settings.map.rounds):
        now = spectra(images, batch.plane, settings.edges)
        gain = share * (goal - (start if k == 0 else rings.log_power(now))) / 2
        free = pixels(now.coefficients * np.exp(rings.on_plane(gain, batch.plane)), now)
        images = batch.cut(free)
        if np.array_equal(images, free) and k:
            break
    return images
