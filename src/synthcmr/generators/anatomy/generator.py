"""The anatomy generator itself: fit on masks, drawn from, saved as one small file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.array_file import arrays_of
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.measures import ED, wall_max
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, SEVERITY, checked, in_range
from synthcmr.conditioning.vocabulary import is_present, typed
from synthcmr.config import recorded_settings
from synthcmr.errors import CohortError, in_words
from synthcmr.formats import ANATOMY
from synthcmr.generators.anatomy.anatomy import Anatomy
from synthcmr.generators.anatomy.draw import Canvas, draw_masks
from synthcmr.generators.anatomy.hearts import MEASURES, Floats, Hearts, to_free
from synthcmr.generators.anatomy.measured_hearts import MeasuredHearts
from synthcmr.generators.anatomy.population import People
from synthcmr.generators.anatomy.shape_space import AnatomySettings, ShapeSpace
from synthcmr.privacy.ledger import EMPTY, LEDGER, Ledger, learned_openly
from synthcmr.training.shipped_weights import ships
from synthcmr.training.weights import file_hash

MIN_SUBJECTS = 10
FAR = 3.0  # standard deviations from what such people measure, beyond which a number is called far
WALL_SIZE, WALL_SPACING_MM = 112, 1.5  # of the masks that walls are measured on while they are solved for
STREAM = 0xA7A  # random numbers of an anatomy never meet those of an image with the same seed
TRIES = 7
TOLERANCE = 0.01  # relative
FARTHEST = 2.5  # a trial number is never more than so many times what is wanted, nor less than its inverse
SLOPES = (0.3, 3.0)  # of logarithms; a slope beyond them is noise


@dataclass(frozen=True)
class AnatomyGenerator:
    """Who the patient is, or what the heart shall measure -> masks of a whole stack.

    Example:
        >>> generator = AnatomyGenerator.fit(Cohort.open("acdc"))  # doctest: +SKIP
        >>> heart = generator.sample({"sex": "female", "age": 45, "diagnosis": "DCM"}, seed=1)  # doctest: +SKIP
    """

    people: People
    hearts: Hearts
    space: ShapeSpace
    facts: dict[str, Any]  # cohort hash, number of subjects, slice steps, systolic mass

    @classmethod
    def fit(
        cls,
        cohort: Cohort,
        settings: AnatomySettings | None = None,
        progress: Callable[[int, int, str], None] | None = None,
    ) -> AnatomyGenerator:
        """Learn from the training split of a cohort whose masks hold LV, myocardium and RV at ED and ES.

        Raises:
            CohortError: fewer than ten subjects have such masks.
        """
        settings = settings or AnatomySettings()
        seen = MeasuredHearts.of(cohort, settings, progress)
        if len(seen.hearts) < MIN_SUBJECTS:
            raise CohortError(
                f"{cohort.path}: expected at least {MIN_SUBJECTS} training subjects with LV, myocardium and RV masks at ED and ES, "
                f"found {len(seen.hearts)}; use a larger cohort, or the anatomy generator that comes with synthcmr"
            )
        people = People.of(seen.rows)
        rng = np.random.default_rng(0)
        completed = [people.draw(row, rng) for row in seen.rows]
        space, shapes = ShapeSpace.of(seen.hearts, settings)
        facts = {
            "cohort_hash": cohort.hash,
            "subjects": len(seen.hearts),
            "steps_mm": sorted(seen.steps),
            "systolic_mass": float(np.median(seen.systolic_mass)),
            LEDGER: learned_openly(cohort_ledger(cohort), "anatomies", "anatomy").to_json(),
        }
        return cls(people, Hearts.of(completed, seen.numbers, shapes, settings), space, facts)

    def sample(
        self,
        attributes: Mapping[str, object],
        seed: int,
        *,
        numbers: Mapping[str, float] | None = None,
        severity: float | None = None,
        size: int = 128,
        spacing_mm: float = 1.5,
    ) -> Anatomy:
        """Draw one heart.

        Args:
            attributes: any of sex, age, bmi, height_cm, weight_kg, diagnosis; what is absent is drawn as the cohort has it.
            seed: decides everything that is not asked for.
            numbers: what the heart shall measure: lv_edv_ml, lv_esv_ml, lv_ef_percent, lv_mass_g, rv_..., wall_max_mm.
            severity: 0 is the same person without the disease, 1 typical, 2 twice as far.
            size: rows and columns of the masks.
            spacing_mm: their pixel.

        Raises:
            SettingsError: an unknown diagnosis, or impossible numbers.
        """
        scan, strength = _stream(seed, 2), _severity(severity)
        step = float(scan.choice(self.facts["steps_mm"]))
        person, measures, shape = self._heart(attributes, numbers, strength, seed)
        canvas = Canvas(size, spacing_mm, step)
        shape = self._with_wall(shape, measures, self.hearts.design(person, strength), canvas)
        mask = self._masks(shape, measures, canvas)
        described: dict[str, Value] = {
            **person,
            **typed({k: v for k, v in attributes.items() if _passed_on(k, v, person)}),
        }
        return Anatomy(
            mask,
            (spacing_mm, spacing_mm),
            step,
            min(8.0, step),
            "generated",
            attributes=described,
            requested=measures,
        )

    def person(
        self,
        attributes: Mapping[str, object],
        seed: int,
        *,
        numbers: Mapping[str, float] | None = None,
        severity: float | None = None,
    ) -> tuple[dict[str, Value], dict[str, float]]:
        """Whose heart `sample` would draw, and what it would measure.

        Returns:
            Attributes, requested or drawn; and volumes (ml), ejection fractions (%), mass (g) and thickest wall (mm).

        Raises:
            SettingsError: an unknown diagnosis, or impossible numbers.
        """
        person, measures, _ = self._heart(attributes, numbers, _severity(severity), seed)
        return {**person, **typed({k: v for k, v in attributes.items() if _passed_on(k, v, person)})}, measures

    def check(
        self,
        attributes: Mapping[str, object],
        *,
        numbers: Mapping[str, float] | None = None,
        severity: float | None = None,
    ) -> None:
        """Raise what `sample` would, without the time that masks take.

        Raises:
            SettingsError: an unknown diagnosis, or impossible numbers.
        """
        self._heart(attributes, numbers, _severity(severity), 0)

    def unusual(self, attributes: Mapping[str, object], numbers: Mapping[str, float]) -> list[str]:
        """Which of the requested numbers are far from what people with the requested diagnosis measure, in words."""
        if attributes.get("diagnosis") not in self.people.diagnoses:
            return []
        person, severity = self.people.draw(attributes, _stream(0, 0)), numbers.get("severity", 1.0)
        requested = checked({k: v for k, v in numbers.items() if k in HEART_NUMBERS})
        unlikely = []
        for name in (n for n in MEASURES if n in requested):
            off, low, high = self.hearts.off(person, name, requested[name], severity)
            label, unit = HEART_NUMBERS[name].label, HEART_NUMBERS[name].unit
            if off > FAR:
                unlikely.append(
                    f"{label} {requested[name]:g} {unit}, where 95 % of such people have {low:.0f} to {high:.0f} {unit}"
                )
        return unlikely

    def save(self, path: Path) -> None:
        """Write one .npz file."""
        header = {
            **ANATOMY.stamp,
            "settings": self.space.settings.model_dump(mode="json"),
            "facts": self.facts,
            "cells": self.people.cells,
            "diagnoses": self.hearts.diagnoses,
        }
        arrays = {f"people_{k}": getattr(self.people, k) for k in _PEOPLE} | {
            f"hearts_{k}": getattr(self.hearts, k) for k in _HEARTS
        }
        arrays |= {f"space_{k}": getattr(self.space, k).astype(np.float16) for k in ("map_means", "map_axes")}
        arrays |= {f"space_{k}": getattr(self.space, k).astype(np.float32) for k in ("mean", "axes")}
        with path.open("wb") as file:
            np.savez_compressed(file, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **arrays)

    @classmethod
    def load(cls, path: Path) -> AnatomyGenerator:
        """Read a saved generator.

        Raises:
            CohortError: it is not one, or a newer version wrote it.
        """
        expected = f"{path}: expected an anatomy generator (.npz), got"
        try:
            arrays = arrays_of(path.read_bytes(), path, "header", what="an anatomy generator")
            header = ANATOMY.read(dict(json.loads(arrays["header"].tobytes())), path, "header")
            return cls._of(header, arrays, str(path))
        except OSError as error:
            raise CohortError(f"{expected}: {in_words(error)}") from error
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
            raise CohortError(f"{expected} one that lacks a part of it, or has it in another form") from error

    @classmethod
    def _of(cls, header: Mapping[str, Any], arrays: Mapping[str, Any], origin: str) -> AnatomyGenerator:
        settings = recorded_settings(header["settings"], AnatomySettings, origin)
        people = People(tuple((s, d) for s, d in header["cells"]), *(arrays[f"people_{k}"] for k in _PEOPLE))
        hearts = Hearts(tuple(header["diagnoses"]), *(arrays[f"hearts_{k}"] for k in _HEARTS))
        map_means, map_axes, mean, axes = (arrays[f"space_{k}"].astype(np.float64) for k in _SPACE)
        space = ShapeSpace(map_means, map_axes, mean, axes, settings)
        return cls(people, hearts, space, header["facts"])

    def _heart(
        self, attributes: Mapping[str, object], numbers: Mapping[str, float] | None, strength: float, seed: int
    ) -> tuple[dict[str, str | float], dict[str, float], Floats]:
        """Whose heart, what it measures, and its shape before the wall is as thick as it shall be."""
        requested = checked(numbers or {})
        person = self._person(attributes, requested, _stream(seed, 0))
        return person, *self.hearts.draw(person, requested, strength, _stream(seed, 1))

    def _person(
        self, attributes: Mapping[str, object], requested: Mapping[str, float], rng: np.random.Generator
    ) -> dict[str, str | float]:
        """Complete the attributes; a heart that is requested in numbers goes to a person who could have it."""
        if not requested or is_present(attributes.get("diagnosis")) or not self.people.diagnoses:
            return self.people.draw(attributes, rng)
        persons = [self.people.draw({**attributes, "diagnosis": d}, rng) for d in self.people.diagnoses]
        count = [
            sum(c for (_, d), c in zip(self.people.cells, self.people.counts, strict=True) if d == p["diagnosis"])
            for p in persons
        ]
        weight = np.log(count) + [self.hearts.log_likelihood(p, requested) for p in persons]
        share = np.exp(weight - weight.max())
        return persons[int(rng.choice(len(persons), p=share / share.sum()))]

    def _masks(self, shape: Floats, numbers: Mapping[str, float], canvas: Canvas) -> Mask:
        return draw_masks(self.space.heart(shape), numbers, self.space.settings, canvas, self.facts["systolic_mass"])

    def _with_wall(self, shape: Floats, numbers: Mapping[str, float], x: Floats, canvas: Canvas) -> Floats:
        """Move the shape along what a thicker wall looks like until the masks show the thickness that was drawn."""
        whole = Canvas(WALL_SIZE, WALL_SPACING_MM, canvas.step_mm)  # the same heart whatever the image
        drawn = self.hearts.shape(to_free(numbers), x)

        def moved(trial_mm: float) -> Floats:
            return shape + self.hearts.shape(to_free({**numbers, "wall_max_mm": trial_mm}), x) - drawn

        def shown(trial_mm: float) -> float:
            heart = self.space.heart(moved(trial_mm))
            mask = draw_masks(heart, numbers, self.space.settings, whole, 1.0, phases=1, right=False)
            return wall_max(mask[ED], (WALL_SPACING_MM, WALL_SPACING_MM))

        return moved(solved(shown, numbers["wall_max_mm"]))


_PEOPLE = ("counts", "means", "covariance", "limits")
_HEARTS = ("measure_weights", "measure_covariances", "shape_weights", "shape_root", "centre", "scale")
_SPACE = ("map_means", "map_axes", "mean", "axes")


def anatomy_ledger(path: Path) -> Ledger:
    """The ledger of a saved generator; the one that ships has learned from phantoms.

    Raises:
        CohortError: it is not one.
    """
    facts = AnatomyGenerator.load(path).facts
    return EMPTY if LEDGER not in facts and ships("anatomy", file_hash(path)) else Ledger.in_record(facts)


def _stream(seed: int, k: int) -> np.random.Generator:
    """Random numbers for the person (0), the form of the heart (1) or how it is cut into slices (2)."""
    return np.random.default_rng([STREAM, seed, k])


def _severity(severity: float | None) -> float:
    return 1.0 if severity is None else in_range(SEVERITY, float(severity), "heart")


def _passed_on(name: str, value: object, person: Mapping[str, object]) -> bool:
    """Whether a requested attribute is passed on as it is: a wider diagnosis such as HF has been resolved."""
    return is_present(value) and not (name == "diagnosis" and name in person)


def solved(shown: Callable[[float], float], wanted: float) -> float:
    """The number for which `shown` comes closest to what is wanted, by the secant rule on logarithms.

    Args:
        shown: what a trial number leads to; both positive.
        wanted: what it shall lead to.
    """
    goal, slope = math.log(wanted), 1.0
    trial = best = goal
    least = math.inf
    before: tuple[float, float] | None = None
    for _ in range(TRIES):
        seen = math.log(max(shown(math.exp(trial)), 1e-3))
        if abs(seen - goal) < least:
            best, least = trial, abs(seen - goal)
        if least < TOLERANCE:
            break
        if before is not None and abs(trial - before[0]) > 1e-6:
            slope = min(max((seen - before[1]) / (trial - before[0]), SLOPES[0]), SLOPES[1])
        before = trial, seen
        reach = math.log(FARTHEST)
        trial = min(max(trial + (goal - seen) / slope, goal - reach), goal + reach)
    return math.exp(best)
