"""Where everything comes from that generating needs: loaded once in each process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError
from synthcmr.generators.anatomy import Anatomy, AnatomyGenerator, real_anatomies
from synthcmr.generators.anatomy.generator import usable_stack
from synthcmr.generators.families import load_generator
from synthcmr.generators.fingerprints import NAME as FINGERPRINTS
from synthcmr.generators.protocol import Generator, refines
from synthcmr.sampling.screening import Screen
from synthcmr.sampling.settings import ScreenSettings
from synthcmr.training.shipped import GENERATOR, shipped


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
    """The generator of masks; where nothing is asked it draws people whom the generator of images has seen, or can simulate."""
    anatomies = AnatomyGenerator.load(sources.anatomy or shipped("anatomy"))
    generator = load_image_generator(sources)
    if refines(generator):  # whom it shows is the phantom's matter
        return anatomies
    known = generator.vocabulary
    seen = [d for d in anatomies.people.diagnoses if known.knows("diagnosis", d)]
    return replace(anatomies, people=anatomies.people.only(seen))


def anatomies_without(sources: Sources, denied: Sequence[str]) -> AnatomyGenerator:
    """The generator of masks, which draws nobody with these diagnoses.

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
    prints = _fingerprints(sources.run)
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


def _fingerprints(run: Path | None) -> Path:
    """Those of a run's training images; of a generator that ships, those that ship with it."""
    if run is None:
        return shipped("refine-fingerprints")
    if run == shipped("flow"):
        return shipped("fingerprints")
    return (run.parent if run.is_file() else run) / FINGERPRINTS
