"""What one pass over a set of images gathers: ring profiles, the library of SHR, means of subjects, frames in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthcmr.cohort.provenance import Input
from synthcmr.errors import CohortError
from synthcmr.frequency.fourier import Floats, spectra
from synthcmr.frequency.images import Images, batch_of, batches, noting
from synthcmr.frequency.rhm import RealFrames
from synthcmr.frequency.rings import GroupMoments, Rings
from synthcmr.frequency.settings import RecalibrationSettings
from synthcmr.frequency.shr import SIDE, Library, ring_sums, small
from synthcmr.frequency.sources import CohortImages

REPLACING = ("shr", "rhm", "frerec")


@dataclass
class RealStatistics:
    """What is known of real images."""

    rings: Rings
    moments: GroupMoments
    library: Library | None = None
    inputs: list[Input] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # images that hold none, with the reason
    split: str = ""  # of the cohort that was learned from; empty where it was none


def gather(images: Images, settings: RecalibrationSettings) -> RealStatistics:
    """One pass over real images.

    Raises:
        CohortError: none holds an image.
    """
    refused: dict[str, str] = {}
    rings: Rings | None = None
    moments: GroupMoments | None = None
    parts: list[tuple[Any, ...]] = []
    for items, batch in batches(noting(images, refused), settings.by):
        if rings is None or moments is None:
            rings = Rings.of(batch.plane, settings.rings)
            moments = GroupMoments(rings.count)
        transformed = spectra(batch.images, batch.plane, settings.edges)
        moments.add(rings.log_power(transformed), batch.groups, batch.subjects)
        if settings.method in REPLACING:
            pictures = settings.replacement.retrieval == "ssim"
            seen = small(batch.images) if pictures else np.zeros((len(items), 0, 0), dtype=np.float32)
            parts.append((*ring_sums(transformed, rings), seen, batch.groups, batch.subjects))
    refused |= getattr(images, "rejects", {})  # files that could not even be read
    if rings is None or moments is None:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(refused.items())[:3])
        raise CohortError(f"expected real images to learn from, found none{reasons and f' ({reasons})'}")
    split = images.split if isinstance(images, CohortImages) else ""
    return RealStatistics(rings, moments, _library(parts) if parts else None, [_input(images)], refused, split)


def _library(parts: Sequence[tuple[Any, ...]]) -> Library:
    sums = [np.concatenate([p[k] for p in parts]) for k in range(3)]
    pictures = [p[3] for p in parts]
    shown = all(p.shape[1:] == (SIDE, SIDE) for p in pictures)
    picture = np.concatenate(pictures) if shown else np.zeros((0, 0, 0), dtype=np.float32)
    return Library(
        sums[0], sums[1], sums[2], picture, [g for p in parts for g in p[4]], [s for p in parts for s in p[5]]
    )


def moments_of(images: Images, rings: Rings, settings: RecalibrationSettings) -> GroupMoments:
    """Ring profiles of a set in one pass.

    Raises:
        CohortError: none of its images holds one.
    """
    moments = GroupMoments(rings.count)
    for _, batch in batches(images, settings.by):
        moments.add(rings.log_power(spectra(batch.images, batch.plane, settings.edges)), batch.groups, batch.subjects)
    if not moments.groups:
        raise CohortError("expected synthetic images to recalibrate, found none that holds an image")
    return moments


def people_of(images: Images, rings: Rings, settings: RecalibrationSettings) -> Floats:
    """The mean ring profile of each subject, (subjects, rings)."""
    total: dict[str, Floats] = {}
    count: dict[str, int] = {}
    for _, batch in batches(images, settings.by):
        log_power = rings.log_power(spectra(batch.images, batch.plane, settings.edges))
        for name, row in zip(batch.subjects, log_power, strict=True):
            total[name] = total.get(name, np.zeros(rings.count)) + row
            count[name] = count.get(name, 0) + 1
    return np.stack([total[name] / count[name] for name in total])


def frames_of(images: Images, settings: RecalibrationSettings) -> RealFrames:
    """All frames in memory.

    Raises:
        CohortError: they differ in size.
    """
    items = [item for item in images if item.refused is None]
    sizes = {item.plane for item in items}
    if len(sizes) != 1:
        known_sizes = ", ".join(sorted(f"{p.rows}x{p.columns} at {p.spacing_mm}" for p in sizes)) or "none"
        raise CohortError(f"RHM: expected real images of one size and spacing to learn from, got {known_sizes}")
    return RealFrames(batch_of(items, settings.by))


def _input(images: Images) -> Input:
    if isinstance(images, CohortImages):
        return Input(str(images.cohort.path), "cohort", images.hash)
    return Input(str(getattr(images, "folder", "arrays")), "files", images.hash)
