"""The spectra of a set of images, gathered in one pass, and what their phases say.

Amplitudes tell how much there is of a frequency, phases where. An image of random phases is Gaussian noise in every band (excess
kurtosis 0); edges, where the phases of many frequencies agree, make it peaked. Recalibration keeps phases, so it cannot mend
what this shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.errors import CohortError
from synthcmr.frequency.fourier import Floats, Spectra, pixels, spectra
from synthcmr.frequency.images import Images, batches, noting
from synthcmr.frequency.rings import Rings
from synthcmr.frequency.settings import SpectrumSettings

BANDS = ((0.0625, 0.125), (0.125, 0.25), (0.25, 0.5), (0.5, 1.0))  # of the way to the highest frequency along an axis
NAMES = tuple(f"{low:g} to {high:g}" for low, high in BANDS)


def phase_peaks(spectra: Spectra) -> Floats:
    """Excess kurtosis of each band of the image with equal amplitudes, (images, bands)."""
    plane = spectra.plane
    highest = plane.corner / np.sqrt(2)
    amplitude = np.abs(spectra.coefficients)
    phase = np.divide(spectra.coefficients, amplitude, out=np.zeros_like(spectra.coefficients), where=amplitude > 0)
    bare = Spectra(phase, np.zeros_like(phase), plane)
    peaks = []
    for low, high in BANDS:
        inside = (plane.radius > low * highest) & (plane.radius <= high * highest)
        band = pixels(phase * inside, bare)
        power = band**2
        square = power.mean(axis=(1, 2))
        peaks.append((power**2).mean(axis=(1, 2)) / np.maximum(square**2, 1e-30) - 3)
    return np.stack(peaks, axis=1)


CUT = 0.5  # of the way to the highest frequency along an axis: what lies above is detail
SHOWN = 4


@dataclass(frozen=True)
class Profiles:
    """What is known of a set, frame by frame."""

    rings: Rings
    log_power: Floats  # (frames, rings)
    phase: Floats  # (frames, bands)
    subject: npt.NDArray[np.object_]
    attributes: list[dict[str, Any]]
    detail: npt.NDArray[np.float16]  # (some frames, rows, columns): high-passed, unit variance
    detail_subject: npt.NDArray[np.object_]
    pictures: list[npt.NDArray[np.floating]]
    refused: dict[str, str]

    @property
    def subjects(self) -> list[str]:
        """In the order in which they come."""
        return list(dict.fromkeys(self.subject))

    def rows(self, keep: npt.NDArray[np.bool_]) -> Profiles:
        """Some of the frames, for power and phase."""
        attributes = [a for a, k in zip(self.attributes, keep, strict=True) if k]
        return Profiles(
            self.rings,
            self.log_power[keep],
            self.phase[keep],
            self.subject[keep],
            attributes,
            self.detail[:0],
            self.detail_subject[:0],
            [],
            {},
        )


@dataclass
class _Gathered:
    """The state of a pass over images."""

    power: list[Floats] = field(default_factory=list)
    phase: list[Floats] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)
    attributes: list[dict[str, Any]] = field(default_factory=list)
    detail: list[npt.NDArray[np.float16]] = field(default_factory=list)
    detail_subject: list[str] = field(default_factory=list)
    pictures: list[npt.NDArray[np.floating]] = field(default_factory=list)


def profiles(images: Images, settings: SpectrumSettings, rings: Rings | None = None) -> Profiles:
    """Look at every image once.

    Args:
        images: of any size.
        settings: of the comparison.
        rings: those of the set it is compared with; None makes them.

    Raises:
        CohortError: there is no image.
    """
    refused: dict[str, str] = {}
    seen = _Gathered()
    every = max(1, 2 * len(images) // settings.detail_images)  # images have two frames or so
    shown = {round(k) for k in np.linspace(0, len(images) - 1, SHOWN + 2)[1:-1]}
    count = 0
    for items, batch in batches(noting(images, refused), ()):
        rings = rings or Rings.of(batch.plane, settings.rings)
        transformed = spectra(batch.images, batch.plane, settings.edges)
        seen.power.append(rings.log_power(transformed))
        seen.phase.append(phase_peaks(transformed))
        seen.subject += batch.subjects
        seen.attributes += [_plain(i.attributes) for i in items for _ in i.frames]
        starts = np.cumsum([0, *(len(i.frames) for i in items)])
        wanted = [s for k, s in enumerate(starts[:-1]) if (count + k) % every == 0] if settings.detail else []
        seen.detail += list(high_passed(transformed)[wanted])
        seen.detail_subject += [batch.subjects[k] for k in wanted]
        seen.pictures += [i.frames[0] for k, i in enumerate(items) if count + k in shown]
        count += len(items)
    if rings is None or not seen.power:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(refused.items())[:3])
        raise CohortError(f"expected images, found none{reasons and f' ({reasons})'}")
    return Profiles(
        rings,
        np.concatenate(seen.power),
        np.concatenate(seen.phase),
        np.array(seen.subject, dtype=object),
        seen.attributes,
        _stacked(seen.detail),
        np.array(seen.detail_subject, dtype=object)[: len(_stacked(seen.detail))],
        seen.pictures,
        refused,
    )


def high_passed(spectra: Spectra) -> npt.NDArray[np.float16]:
    """Detail alone, each image with unit variance, so that power by itself says nothing."""
    high = spectra.plane.radius > CUT * spectra.plane.corner / np.sqrt(2)
    bare = Spectra(spectra.coefficients, np.zeros_like(spectra.border), spectra.plane)
    detail = pixels(spectra.coefficients * high, bare)
    scaled: npt.NDArray[np.float16] = (detail / np.maximum(detail.std(axis=(1, 2), keepdims=True), 1e-9)).astype(
        np.float16
    )
    return scaled


def _stacked(detail: Sequence[npt.NDArray[np.float16]]) -> npt.NDArray[np.float16]:
    """Frames of the first one's size; others cannot be shown to one network."""
    if not detail:
        return np.zeros((0, 0, 0), dtype=np.float16)
    alike = [d for d in detail if d.shape == detail[0].shape]
    return np.stack(alike) if len(alike) == len(detail) else np.zeros((0, 0, 0), dtype=np.float16)


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in attributes.items() if isinstance(v, (str, float, int)) and v == v}
