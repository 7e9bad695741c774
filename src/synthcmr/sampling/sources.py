"""Where everything comes from that generating needs: weights and real images, loaded once in each process, and the phantom of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.records import SubjectRecord
from synthcmr.config import PreprocessSettings
from synthcmr.errors import CohortError
from synthcmr.generators.anatomy.anatomy import Anatomy, real_anatomies, usable_stack
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.families import load_generator
from synthcmr.generators.fingerprints import NAME as FINGERPRINTS
from synthcmr.generators.interface import Generator, refines
from synthcmr.phantom.cohort import scanned
from synthcmr.phantom.population import requested_subject
from synthcmr.phantom.torso_around_masks import painted
from synthcmr.sampling.requests import WHOLE, Request, seed_of
from synthcmr.sampling.screening import Screen
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.training.shipped_weights import GENERATOR, PRINTS, shipped


@dataclass(frozen=True)
class Sources:
    """Where everything comes from; None is what ships with the package."""

    run: Path | None = None
    anatomy: Path | None = None
    judges: Path | None = None
    like: Path | None = None  # cohort whose masks, or people, are followed

    def row(self) -> dict[str, str]:
        """As plain values."""
        return {k: str(v) if v else "shipped" for k, v in self.__dict__.items() if k != "like" or v}


@lru_cache(maxsize=1)
def load_image_generator(sources: Sources) -> Generator:
    """The generator of images."""
    return load_generator(sources.run or shipped(GENERATOR))


@lru_cache(maxsize=1)
def load_anatomies(sources: Sources) -> AnatomyGenerator:
    """The generator of masks; without a request it samples people that the generator of images has seen, or can simulate."""
    anatomies = AnatomyGenerator.load(sources.anatomy or shipped("anatomy"))
    generator = load_image_generator(sources)
    if refines(generator):  # whom it shows is the phantom's matter
        return anatomies
    known = generator.vocabulary
    seen = [d for d in anatomies.people.diagnoses if known.knows("diagnosis", d)]
    return replace(anatomies, people=anatomies.people.only(seen))


def anatomies_without(sources: Sources, denied: Sequence[str]) -> AnatomyGenerator:
    """The generator of masks, without these diagnoses.

    Raises:
        SettingsError: it knows no others.
    """
    anatomies = load_anatomies(sources)
    return replace(anatomies, people=anatomies.people.without(denied)) if denied else anatomies


@lru_cache(maxsize=1)
def load_screen(sources: Sources, settings: ScreenSettings) -> Screen | None:
    """The judges; None where nothing is screened."""
    if not settings.enabled:
        return None
    prints = fingerprints_of(sources.run)
    return Screen.load(settings, sources.judges, prints)


@lru_cache(maxsize=64)
def load_real(cohort: Path, subject: str) -> Anatomy:
    """The masks of one subject."""
    return next(iter(real_anatomies(Cohort.open(cohort).select(subject_id=subject))))


@lru_cache(maxsize=64)
def load_pixels(cohort: Path, subject: str) -> npt.NDArray[np.float32]:
    """The images of one subject, as `load_real` gives their masks: (frames, slices, rows, columns)."""
    stack = usable_stack(Cohort.open(cohort), subject)
    if stack is None:
        raise CohortError(f"{cohort}: subject '{subject}' has no stack with all structures drawn at ED and ES")
    return stack.image


def fingerprints_of(run: Path | None) -> Path:
    """Those of a run's training images; of a generator that ships, those that ship with it."""
    if run is None:
        return shipped(PRINTS[GENERATOR])
    if run.parent == shipped(GENERATOR).parent:
        return shipped(next(prints for name, prints in PRINTS.items() if run == shipped(name)))
    return (run.parent if run.is_file() else run) / FINGERPRINTS


def forget() -> None:
    """Load everything anew: where it lies there may be something else by now, whose ledger is another one."""
    for kept in (load_image_generator, load_anatomies, load_screen, load_real, load_pixels):
        kept.cache_clear()


RANGE = PreprocessSettings()  # intensities become 0 to 1 as those of every cohort
PHANTOM = "phantom"  # source of an anatomy that was simulated
MEASURED = ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "rv_esv_ml")  # what a phantom's heart is solved for


@dataclass(frozen=True)
class Simulated:
    """A phantom on the grid of the cohort that is made."""

    anatomy: Anatomy
    image: npt.NDArray[np.float32]  # (frames, slices, rows, columns), 0 to 1


def simulated(
    request: Request, scanner: Mapping[str, Value], sources: Sources, settings: GenerateSettings, seed: int
) -> Simulated:
    """Render the phantom of a request.

    Args:
        request: the subject, and what the heart shall measure.
        scanner: that was drawn for the request.
        sources: of people, of whom one is drawn where the request leaves something out.
        settings: size, pixel and frames of the images.
        seed: decides everything that is not requested.
    """
    person, numbers = anatomies_without(sources, request.denied).person(
        request.attributes, seed, numbers=request.numbers, severity=request.severity
    )
    attributes = {**scanner, **person, **request.attributes, "diagnosis": person.get("diagnosis", "")}
    subject = requested_subject(request.name, seed_of(seed, "phantom"), attributes, with_end_systole(numbers))
    grid = PreprocessSettings(
        spacing_mm=settings.spacing_mm, size=settings.size, frames="pair" if settings.frames == 2 else "cine"
    )
    level = None if request.level == WHOLE else request.level
    record = scanned(subject, request.name, settings.frames, grid, level)
    own = {k: v for k, v in record.attributes.items() if k not in ("split", "centre")}
    return stacked(record, {**own, **person}, numbers)


def painted_in(
    anatomy: Anatomy, request: Request, scanner: Mapping[str, Value], settings: GenerateSettings, seed: int
) -> Simulated:
    """The phantom of a request around a heart that is given as masks.

    Args:
        anatomy: the heart.
        request: the subject.
        scanner: that was drawn for the request.
        settings: of the cohort.
        seed: decides everything around the heart, and the scan.
    """
    attributes = {**scanner, **anatomy.attributes, **request.attributes}
    subject = requested_subject(request.name, seed_of(seed, "phantom"), attributes, anatomy.numbers())
    protocol = replace(
        subject.protocol,
        slice_step_mm=anatomy.slice_step_mm,
        slice_mm=min(anatomy.slice_thickness_mm, anatomy.slice_step_mm),
    )
    images = painted(replace(subject, protocol=protocol), anatomy.mask, anatomy.spacing_mm)
    low, high = np.percentile(images, [RANGE.low_percentile, RANGE.high_percentile])
    return Simulated(anatomy, np.clip((images - low) / (high - low), 0.0, 1.0).astype(np.float32))


def with_end_systole(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers with the volumes that ejection fractions imply."""
    completed = dict(numbers)
    for side in ("lv", "rv"):
        if f"{side}_esv_ml" not in completed:
            completed[f"{side}_esv_ml"] = completed[f"{side}_edv_ml"] * (1 - completed[f"{side}_ef_percent"] / 100.0)
    return completed


def stacked(record: SubjectRecord, attributes: Mapping[str, Value], numbers: Mapping[str, float]) -> Simulated:
    """The slices of a scanned phantom as one stack."""
    slices = sorted(record.images, key=lambda image: image.slice_index)
    first = slices[0]
    anatomy = Anatomy(
        np.stack([image.mask for image in slices], axis=1),
        (float(first.spacing_row_mm or 1.0), float(first.spacing_column_mm or 1.0)),
        float(first.slice_step_mm or 10.0),
        float(first.slice_thickness_mm or 8.0),
        PHANTOM,
        phases=first.phases,
        attributes=dict(attributes),
        requested={k: v for k, v in numbers.items() if k in MEASURED or k.endswith("ef_percent")},
    )
    image = np.stack([image.image for image in slices], axis=1).astype(np.float32)
    return Simulated(anatomy, image)
