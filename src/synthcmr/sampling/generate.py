"""A cohort from requests: anatomies, images, screening, storing. Resumes; the result does not depend on how it was spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import Value
from synthcmr.cohort.provenance import Input, combined_hash
from synthcmr.cohort.records import Reject, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.errors import SettingsError
from synthcmr.generators.anatomy import Anatomy, AnatomyGenerator, deform
from synthcmr.generators.families import load_generator
from synthcmr.generators.fingerprints import NAME as FINGERPRINTS
from synthcmr.generators.protocol import Generator
from synthcmr.sampling.requests import WHOLE, Request, seed_of
from synthcmr.sampling.results import generated_record
from synthcmr.sampling.screening import Screen, Verdict
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.stack import Images, StackCondition, render_slices, render_stacks
from synthcmr.training.shipped import shipped

CHUNK_SLICES, CHUNK_STACKS = 16, 8  # subjects rendered together


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


@dataclass
class Made:
    """One request with what became of it."""

    request: Request
    anatomy: Anatomy
    image: Images | None = None
    slice_index: int = 0
    tries: int = 0
    seed: int = 0
    verdict: Verdict | None = None
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> bool:
        """Whether there is an image that may be kept."""
        return self.image is not None and (self.verdict is None or not self.verdict.reasons)


def generate(
    out: Path,
    requests: Sequence[Request],
    sources: Sources,
    settings: GenerateSettings,
    workers: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> Cohort:
    """Make a cohort, or continue an interrupted one.

    Args:
        out: the cohort folder.
        requests: one per subject; they hold every draw.
        sources: generator, anatomies and judges.
        settings: sampler and screening.
        workers: processes; the images do not depend on it.
        progress: called with (done, total, subject).
    """
    generator = load_generator(sources.run or shipped("flow"))
    requests = [_known(r, generator, sources) for r in requests]
    _check(requests, generator, sources, settings)
    manifest = {
        "step": "generate",
        "generator": generator.hash,
        "sources": sources.row(),
        "requests": combined_hash(str(sorted(r.row().items())) for r in requests),
        # the batch is no part of it: images do not depend on it
        "settings": {"generate": settings.model_dump(mode="json", exclude={"sampler": {"batch"}})},
    }
    with CohortWriter(out, manifest, "float16", (settings.size,) * 2) as writer:
        todo = [r for r in requests if r.name not in writer.done]
        done = len(requests) - len(todo)
        for record in _records(todo, sources, settings, workers):
            writer.add(record)
            done += 1
            if progress is not None:
                progress(done, len(requests), record.case_id)
        writer.finish(None, _inputs(generator, sources, requests), {"generated": _facts(generator, sources)})
    return Cohort.open(out)


def _known(request: Request, generator: Generator, sources: Sources) -> Request:
    """Without what a followed subject has that generator or anatomies have never seen; what is asked in words stays."""
    if request.like is None:
        return request
    diagnoses = _anatomies(sources).people.diagnoses
    kept = {
        k: v
        for k, v in request.attributes.items()
        if (k not in generator.vocabulary.names or generator.vocabulary.knows(k, v))
        and (k != "diagnosis" or v in diagnoses)
    }
    return replace(request, attributes=kept)


def _check(requests: Sequence[Request], generator: Generator, sources: Sources, settings: GenerateSettings) -> None:
    """Refuse what cannot be made before a folder is claimed."""
    if settings.size % generator.multiple:
        raise SettingsError(f"--size: expected a multiple of {generator.multiple}, got {settings.size}")
    if generator.frames != 2:
        raise SettingsError(
            f"--run: expected a generator of ED and ES pairs (2 frames), got one of {generator.frames} frame(s); "
            "use its Python interface, Generator.sample"
        )
    for asked in {tuple(sorted(r.attributes.items())): r for r in requests}.values():
        told = {k: v for k, v in asked.attributes.items() if k != "diagnosis"}
        generator.vocabulary.encode(told)
        if settings.masks == "generated":
            _anatomies(sources).sample(
                asked.attributes, 0, numbers=asked.numbers, severity=asked.severity, size=32, spacing_mm=6.0
            )


def _records(
    requests: Sequence[Request], sources: Sources, settings: GenerateSettings, workers: int
) -> Iterator[SubjectRecord]:
    chunks = list(_chunks(requests))
    if workers <= 1:
        for chunk in chunks:
            yield from make(chunk, sources, settings)
        return
    from functools import partial

    from synthcmr.cohort.parallel import ordered_map

    for records in ordered_map(partial(make, sources=sources, settings=settings), chunks, workers):
        yield from records


def make(requests: Sequence[Request], sources: Sources, settings: GenerateSettings) -> list[SubjectRecord]:
    """Make some subjects: draw anatomies, render, screen, and try again with new seeds where the screen said no."""
    generator, screen = _loaded(sources, settings)
    made = [Made(r, _anatomy(r, sources, settings, 0)) for r in requests]
    for attempt in range(settings.screen.tries if screen else 1):
        waiting = [m for m in made if not m.accepted]
        if not waiting:
            break
        for m in waiting:
            m.tries, m.seed = attempt + 1, seed_of(m.request.seed, "try", attempt)
            if attempt and any(r.startswith("mask") for r in m.failures):
                m.anatomy = _anatomy(m.request, sources, settings, attempt)
        _render(waiting, generator, settings)
        for m in waiting if screen else ():
            m.verdict = (
                screen.judge(m.image, _shown(m), _asked(m, generator)) if screen and m.image is not None else None
            )
            m.failures.update(m.verdict.reasons if m.verdict else ())
    return [_record(m, generator, settings) for m in made]


def _render(waiting: Sequence[Made], generator: Generator, settings: GenerateSettings) -> None:
    stacks = [StackCondition(m.anatomy.mask, _asked(m, generator), m.seed) for m in waiting]
    if waiting[0].request.level == WHOLE:
        images = render_stacks(generator, stacks, settings.sampler)
    else:
        for m in waiting:
            m.slice_index = _slice_at(m.anatomy, m.request.level)
        images = render_slices(generator, stacks, [m.slice_index for m in waiting], settings.sampler)
    for m, image in zip(waiting, images, strict=True):
        m.image = image


def _shown(m: Made) -> np.ndarray:
    mask = m.anatomy.mask
    return mask if m.request.level == WHOLE else mask[:, m.slice_index : m.slice_index + 1]


def _asked(m: Made, generator: Generator) -> dict[str, Value]:
    """Everything the generator is told of a subject: what was asked, what the anatomy implies, and a scanner."""
    told = {**_scanner(m.request, generator), **m.anatomy.attributes, **m.request.attributes}
    told["diagnosis"] = m.anatomy.attributes.get("diagnosis", "")
    return {k: v for k, v in told.items() if k in generator.vocabulary.names and v != ""}


def _scanner(request: Request, generator: Generator) -> dict[str, Value]:
    """A scanner of the training data that fits what is asked, so that all slices of a subject come from one."""
    known = cast("list[dict[str, Any]]", generator.facts.get("scanners") or [])
    fitting = [s for s in known if all(request.attributes.get(k, v) == v for k, v in s["attributes"].items())]
    if not fitting:
        return {}
    weights = np.array([s["count"] for s in fitting], dtype=float)
    rng = np.random.default_rng([seed_of(request.seed, "scanner")])
    chosen: dict[str, Value] = fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))]["attributes"]
    return chosen


def _anatomy(request: Request, sources: Sources, settings: GenerateSettings, attempt: int) -> Anatomy:
    seed = seed_of(request.seed, "anatomy", attempt)
    if settings.masks != "generated" and request.like is not None and sources.like is not None:
        anatomy = _real(sources.like, request.like)
        if settings.masks == "deformed":
            anatomy = deform(anatomy, np.random.default_rng(seed))
        return replace(anatomy, attributes={**anatomy.attributes, **request.attributes})
    return _anatomies(sources).sample(
        request.attributes,
        seed,
        numbers=request.numbers,
        severity=request.severity,
        size=settings.size,
        spacing_mm=settings.spacing_mm,
    )


@lru_cache(maxsize=1)
def _anatomies(sources: Sources) -> AnatomyGenerator:
    return AnatomyGenerator.load(sources.anatomy or shipped("anatomy"))


@lru_cache(maxsize=64)
def _real(cohort: Path, subject: str) -> Anatomy:
    from synthcmr.generators.anatomy import real_anatomies

    return next(iter(real_anatomies(Cohort.open(cohort).select(subject_id=subject))))


@lru_cache(maxsize=1)
def _loaded(sources: Sources, settings: GenerateSettings) -> tuple[Generator, Screen | None]:
    generator = load_generator(sources.run or shipped("flow"))
    if not settings.screen.enabled:
        return generator, None
    prints = shipped("fingerprints") if sources.run is None else _beside(sources.run) / FINGERPRINTS
    return generator, Screen.load(settings.screen, sources.judges, prints)


def _beside(run: Path) -> Path:
    return run.parent if run.is_file() else run


def _slice_at(anatomy: Anatomy, level: str) -> int:
    """The slice in the middle of a third of the ventricle."""
    from synthcmr.cohort.preprocess.levels import slice_levels

    at = [z for z, (name, _) in enumerate(slice_levels(anatomy.mask)) if name == level]
    return at[len(at) // 2] if at else anatomy.mask.shape[1] // 2


def _record(m: Made, generator: Generator, settings: GenerateSettings) -> SubjectRecord:
    if not m.accepted:
        why = ", ".join(f"{reason} ({n}x)" for reason, n in m.failures.most_common())
        reject = Reject(m.request.name, "subject", f"rejected by screening after {m.tries} tries: {why}")
        return SubjectRecord(m.request.name, None, rejects=(reject,))
    extra: dict[str, Value] = {
        "seed": str(m.seed),
        "tries": m.tries,
        "anatomy_source": m.anatomy.source,
        "prompt": m.request.prompt,
        "run_hash": generator.hash,
        **(m.verdict.measures if m.verdict else {}),
    }
    asked = {f"asked_{k}": round(v, 2) for k, v in m.anatomy.asked.items()}
    attributes = {**_scanner(m.request, generator), **m.anatomy.attributes, **m.request.attributes, **asked}
    attributes["diagnosis"] = m.anatomy.attributes.get("diagnosis", "")
    whole = m.request.level == WHOLE
    return generated_record(m.request.name, m.anatomy, m.image, None if whole else m.slice_index, attributes, extra)


def _chunks(requests: Sequence[Request]) -> Iterator[list[Request]]:
    """Groups that are rendered together; always the same ones for the same requests."""
    for whole, size in ((True, CHUNK_STACKS), (False, CHUNK_SLICES)):
        chosen = [r for r in requests if (r.level == WHOLE) == whole]
        for k in range(0, len(chosen), size):
            yield chosen[k : k + size]


def _inputs(generator: Generator, sources: Sources, requests: Sequence[Request]) -> list[Input]:
    inputs = [Input(str(sources.run or "shipped weights"), "run", generator.hash)]
    if sources.like is not None:
        inputs.append(Input(str(sources.like), "cohort", Cohort.open(sources.like).hash))
    return inputs


def _facts(generator: Generator, sources: Sources) -> Mapping[str, object]:
    return {"family": generator.family, "generator": generator.hash, **sources.row()}
