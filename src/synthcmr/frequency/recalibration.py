"""Recalibration as an object: fit on real images, transform synthetic ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.files_ledger import files_ledger
from synthcmr.errors import CohortError, SettingsError
from synthcmr.frequency.fourier import Floats, spectra
from synthcmr.frequency.images import ImageBatch, Images, Item, batch_of
from synthcmr.frequency.real_images import RealStatistics, frames_of, gather, moments_of, people_of
from synthcmr.frequency.release import Release, curve, numbers, release
from synthcmr.frequency.rhm import Mapping
from synthcmr.frequency.ring_map import RingMap, moved, taper
from synthcmr.frequency.rings import EVERYONE
from synthcmr.frequency.settings import MappingSettings, RecalibrationSettings, preset
from synthcmr.frequency.shr import Library, Replacement, parting_radius
from synthcmr.frequency.sources import ArrayImages, CohortImages, FolderImages
from synthcmr.privacy.ledger import NOT_KNOWN, OF_PATIENTS, Ledger, learned_openly, learned_privately
from synthcmr.training.loop import Observer
from synthcmr.training.private_sums import SumPromise
from synthcmr.training.secret_noise import Secret
from synthcmr.training.settings import LoopSettings

Arrays = npt.NDArray[np.floating] | Sequence[npt.NDArray[np.floating]]
Data = Images | Cohort | Arrays
Change = Callable[[ImageBatch], Floats]
USUAL_RADIUS = 0.5  # the authors'
MAPPING = ("rhm", "frerec")
LIKENESS = 2.0  # spectra have parted where their means differ by more standard errors of the real one


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
        self.ledger = NOT_KNOWN  # which looks at patients are in it
        self._real: RealStatistics | None = None

    @property
    def real(self) -> RealStatistics:
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
        promise: SumPromise | None = None,
    ) -> Recalibration:
        """Learn what real images are like.

        Args:
            real: real images alone, of the training split.
            run: folder for the training of RHM's network; methods without one need none.
            network: settings of that network and of its training.
            held_out: other real images, by which its training is watched.
            observe: called with the progress.
            promise: what a release may cost; for the method of that name.

        Raises:
            CohortError: there is no image.
        """
        images = as_images(real)
        self._real = gather(images, self.settings)
        if self.settings.method == "release":
            if promise is None:
                raise SettingsError("method release: expected epsilon and delta, which it promises (--dp)")
            own = numbers(people_of(images, self.real.rings, self.settings), self.real.rings)
            self.release = release(own, promise, Secret())
        self.ledger = self._looked(images)
        if self.settings.method in MAPPING:
            if run is None:
                raise SettingsError(f"method {self.settings.method}: expected a folder for the training of its network")
            model, loop = network or preset("cpu")
            watched = None if held_out is None else frames_of(as_images(held_out), self.settings)
            shr = Replacement(self.real.rings, self._library(), USUAL_RADIUS, self.settings)
            frames = frames_of(images, self.settings)
            self.mapping = Mapping.fit(run, frames, watched, shr, model, loop, self.real.inputs, observe)
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

    def _looked(self, images: Images) -> Ledger:
        """Files and arrays may be of patients."""
        source = files_ledger(images.folder) if isinstance(images, FolderImages) else OF_PATIENTS
        source = cohort_ledger(images.cohort) if isinstance(images, CohortImages) else source
        if self.release is not None:
            return learned_privately(source, self.release.entries)
        return learned_openly(source, "recalibration", "recalibration")

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
        """Move the four numbers of a set towards those that were released, as far as their noise allows."""
        if self.release is None:
            raise SettingsError("method release: expected a model that was fitted with --dp")
        rings, settings = self.real.rings, self.settings
        synthetic_mean = moments_of(synthetic, rings, settings).groups[EVERYONE].mean
        own_numbers = numbers(synthetic_mean[None], rings)[0]
        shift = curve(self.release.wanted(own_numbers), rings) - curve(own_numbers, rings)

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


def _bad(item: Item) -> bool:
    if (why := item.refused) is not None:
        raise CohortError(f"image {item.name}: {why}")
    return False


def _kind(kind: np.dtype[Any]) -> np.dtype[Any]:
    return kind if kind.kind == "f" else np.dtype(np.float32)
