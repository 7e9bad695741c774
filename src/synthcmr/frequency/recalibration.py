"""Recalibration as an object: fit on real images, transform synthetic ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input
from synthcmr.errors import CohortError, SettingsError
from synthcmr.frequency.images import ImageBatch, Images, Item, batch_of, batches
from synthcmr.frequency.mapping import Mapping, RealFrames
from synthcmr.frequency.plane import Floats, spectra
from synthcmr.frequency.release import Release, curve, numbers, release
from synthcmr.frequency.replacement import SIDE, Library, Replacement, parting_radius, ring_sums, small
from synthcmr.frequency.ring_map import RingMap, moved, taper
from synthcmr.frequency.rings import EVERYONE, GroupMoments, Rings
from synthcmr.frequency.settings import MappingSettings, RecalibrationSettings, preset
from synthcmr.frequency.sources import ArrayImages, CohortImages
from synthcmr.training.loop import Observer
from synthcmr.training.settings import LoopSettings

Arrays = npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]
Data = Images | Cohort | Arrays
Change = Callable[[ImageBatch], Floats]
USUAL_RADIUS = 0.5  # the authors'
REPLACING = ("shr", "rhm", "frerec")
MAPPING = ("rhm", "frerec")
LIKENESS = 2.0  # spectra have parted where their means differ by more standard errors of the real one


@dataclass
class Real:
    """What is known of real images."""

    rings: Rings
    moments: GroupMoments
    library: Library | None = None
    inputs: list[Input] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # images that hold none, with the reason
    split: str = ""  # of the cohort that was learned from; empty where it was none


class Recalibration:
    """Gives synthetic images the frequency content of real ones.

    Example:
        >>> model = Recalibration().fit(real)  # arrays (images, rows, columns), or a cohort  # doctest: +SKIP
        >>> better = model.transform(synthetic)  # doctest: +SKIP
    """

    def __init__(self, settings: RecalibrationSettings | None = None) -> None:
        """Choose the method; `fit` or `load` does the rest."""
        self.settings = settings or RecalibrationSettings()
        self.mapping: Mapping | None = None
        self.release: Release | None = None
        self._real: Real | None = None

    @property
    def real(self) -> Real:
        """What is known of real images.

        Raises:
            SettingsError: nothing was fitted yet.
        """
        if self._real is None:
            raise SettingsError("Recalibration: expected .fit(real) or Recalibration.load(folder) before it is used")
        return self._real

    def fit(
        self,
        real: Data,
        run: Path | None = None,
        network: tuple[MappingSettings, LoopSettings] | None = None,
        held_out: Data | None = None,
        observe: Observer | None = None,
        promise: tuple[float, float] | None = None,
    ) -> Recalibration:
        """Learn what real images are like.

        Args:
            real: real images alone, of the training split.
            run: folder for the training of RHM's network; methods without one need none.
            network: settings of that network and of its training.
            held_out: other real images, by which its training is watched.
            observe: called with the progress.
            promise: epsilon and delta of a release; for the method of that name.

        Raises:
            CohortError: there is no image.
        """
        images = as_images(real)
        self._real = gather(images, self.settings)
        if self.settings.method == "release":
            if promise is None:
                raise SettingsError("method release: expected epsilon and delta, which it promises (--dp)")
            own = numbers(people_of(images, self.real.rings, self.settings), self.real.rings)
            self.release = release(own, *promise, np.random.default_rng(secrets.randbits(128)))
        if self.settings.method in MAPPING:
            if run is None:
                raise SettingsError(f"method {self.settings.method}: expected a folder for the training of its network")
            model, loop = network or preset("cpu")
            watched = None if held_out is None else frames_of(as_images(held_out), self.settings)
            shr = Replacement(self.real.rings, self._library(), USUAL_RADIUS, self.settings)
            learned = frames_of(images, self.settings)
            self.mapping = Mapping.fit(run, learned, watched, shr, model, loop, self.real.inputs, observe)
        return self

    def transform(self, synthetic: Data) -> npt.NDArray[np.floating] | list[npt.NDArray[np.floating]]:
        """Recalibrate images in memory; the shape and type that they came in.

        Raises:
            CohortError: one of them is constant, or not finite.
        """
        images = as_images(synthetic)
        change = self.prepare(images)
        recalibrated = [self.changed(change, [item])[0] for item in images if not _bad(item)]
        if isinstance(synthetic, np.ndarray):
            return np.stack(recalibrated).reshape(synthetic.shape).astype(_kind(synthetic.dtype))
        if isinstance(synthetic, Sequence):
            return [
                m.reshape(np.shape(s)).astype(_kind(np.asarray(s).dtype))
                for m, s in zip(recalibrated, synthetic, strict=True)
            ]
        return [m.astype(np.float32) for m in recalibrated]

    def prepare(self, synthetic: Images) -> Change:
        """Look at the synthetic set once where the method needs to know it.

        Returns:
            What changes a batch of its images.
        """
        settings, real = self.settings, self.real
        if settings.method == "rings":
            return RingMap(real.rings, real.moments, moments_of(synthetic, real.rings, settings), settings)
        if settings.method == "release":
            return self._released(synthetic)
        if settings.method == "rhm":
            return self._mapped()
        shr = Replacement(real.rings, self._library(), self._radius(synthetic), settings)
        if settings.method == "shr":
            return shr
        mapped = self._mapped()
        return lambda batch: mapped(batch.with_images(shr(batch)))

    def changed(self, change: Change, items: Sequence[Item]) -> list[Floats]:
        """Frames of items of one size, recalibrated, item by item."""
        batch = batch_of(items, self.settings.by)
        self.real.rings.check(batch.plane)
        ends = np.cumsum([len(item.frames) for item in items])[:-1]
        return list(np.split(change(batch), ends))

    def save(self, folder: Path) -> str:
        """Write the model as a folder; returns its hash."""
        from synthcmr.frequency.model_folder import save

        return save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> Recalibration:
        """Read a model that `save` wrote."""
        from synthcmr.frequency.model_folder import load

        return load(folder)

    def _library(self) -> Library:
        if self.real.library is None:
            raise SettingsError(f"method {self.settings.method}: expected a model that was fitted with it")
        return self.real.library

    def _mapped(self) -> Mapping:
        if self.mapping is None:
            raise SettingsError(f"method {self.settings.method}: expected a model with a trained network")
        return self.mapping

    def _radius(self, synthetic: Images) -> float:
        """As it was set, or from where the spectra part."""
        radius = self.settings.replacement.radius
        if radius is not None:
            return radius
        real = self.real.moments.profile(EVERYONE, 0)
        synthetic_profile = moments_of(synthetic, self.real.rings, self.settings).profile(EVERYONE, 0)
        least = LIKENESS * real.spread / np.sqrt(max(self.real.moments.subjects[EVERYONE], 1))
        least = np.where(taper(self.real.rings, self.settings) > 0, least, np.inf)
        return parting_radius(synthetic_profile.mean - real.mean, least)

    def _released(self, synthetic: Images) -> Change:
        """Move the four numbers of a set to those that were released."""
        if self.release is None:
            raise SettingsError("method release: expected a model that was fitted with --dp")
        rings, settings = self.real.rings, self.settings
        synthetic_mean = moments_of(synthetic, rings, settings).groups[EVERYONE].mean
        shift = curve(self.release.theta, rings) - curve(numbers(synthetic_mean[None], rings)[0], rings)

        def change(batch: ImageBatch) -> Floats:
            own = rings.log_power(spectra(batch.images, batch.plane, settings.edges))
            return moved(batch, rings, own + shift, settings)

        return change


def as_images(data: Data) -> Images:
    """Whatever images come in."""
    if isinstance(data, Cohort):
        return CohortImages(data)
    if isinstance(data, (np.ndarray, list, tuple)):
        return ArrayImages(data)
    return data  # type: ignore[return-value]  # mypy cannot tell a protocol from a sequence


def gather(images: Images, settings: RecalibrationSettings) -> Real:
    """One pass over real images.

    Raises:
        CohortError: none holds an image.
    """
    refused: dict[str, str] = {}
    rings: Rings | None = None
    moments: GroupMoments | None = None
    parts: list[tuple[Any, ...]] = []
    for items, batch in batches(_noting(images, refused), settings.by):
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
    return Real(rings, moments, _library(parts) if parts else None, [_input(images)], refused, split)


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


def _noting(images: Iterable[Item], refused: dict[str, str]) -> Iterable[Item]:
    for item in images:
        if (why := item.refused) is not None:
            refused[item.name] = why
        yield item


def _input(images: Images) -> Input:
    if isinstance(images, CohortImages):
        return Input(str(images.cohort.path), "cohort", images.hash)
    return Input(str(getattr(images, "folder", "arrays")), "files", images.hash)


def _bad(item: Item) -> bool:
    if (why := item.refused) is not None:
        raise CohortError(f"image {item.name}: {why}")
    return False


def _kind(kind: np.dtype[Any]) -> np.dtype[Any]:
    return kind if kind.kind == "f" else np.dtype(np.float32)
