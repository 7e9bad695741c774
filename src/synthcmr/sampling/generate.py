"""A cohort from requests. Resumes; the result does not depend on how the work was spread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import NETWORKS, ordered_map
from synthcmr.cohort.provenance import Input, combined_hash
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.prompt_words import WIDER
from synthcmr.conditioning.vocabulary import is_present
from synthcmr.errors import SettingsError
from synthcmr.generators.interface import Generator, Redraws, refines
from synthcmr.privacy.ledger import LEDGER, Ledger
from synthcmr.sampling.requests import PLANNED, WHOLE, Request
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.sources import Sources, anatomies_without, forget, load_anatomies, load_image_generator
from synthcmr.sampling.sources_ledger import generated_ledger
from synthcmr.sampling.subjects import make

CHUNK_SLICES, CHUNK_STACKS = 16, 8  # subjects rendered together


def generate(
    out: Path,
    requests: Sequence[Request],
    sources: Sources,
    settings: GenerateSettings,
    workers: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
    also: Sequence[Input] = (),
    requested: Ledger | None = None,
) -> Cohort:
    """Make a cohort, or continue an interrupted one.

    Args:
        out: the cohort folder.
        requests: one per subject; they hold every draw.
        sources: generator, anatomies and judges.
        settings: sampler and screening.
        workers: processes; the images do not depend on it.
        progress: called with (done, total, subject).
        also: further inputs of the cohort, such as a plan.
        requested: ledger of where the requests come from, such as a plan; None where the user stated them.
    """
    forget()
    generator = load_image_generator(sources)
    followed = None if sources.like is None else Cohort.open(sources.like)
    requests = [_known(r, generator, sources, followed) for r in requests]
    _check(requests, generator, sources, settings)
    ledger = generated_ledger(sources, settings, requested, any(PLANNED in r.columns for r in requests))
    manifest = {
        "step": "generate",
        "generator": generator.hash,
        "sources": sources.row(),
        "requests": combined_hash(str(sorted(r.row().items())) for r in requests),
        LEDGER: ledger.digest(),  # sources are known by their places, where others may lie when it goes on
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
        facts = {"generated": _facts(generator, sources), LEDGER: ledger.to_json()}
        writer.finish(None, [*_inputs(generator, sources, requests), *also], facts)
    return Cohort.open(out)


def _known(request: Request, generator: Generator, sources: Sources, followed: Cohort | None) -> Request:
    """Without what a followed subject has that generator or anatomies have never seen; what is requested in words stays."""
    if request.like is None:
        return request
    diagnoses = load_anatomies(sources).people.diagnoses
    own = followed.attributes(request.like) if followed is not None else {}
    kept = {
        k: v
        for k, v in request.attributes.items()
        if own.get(k, v) != v
        or (
            (k not in generator.vocabulary.names or generator.vocabulary.knows(k, v))
            and (k != "diagnosis" or v in diagnoses)
        )
    }
    return replace(request, attributes=kept)


def _check(requests: Sequence[Request], generator: Generator, sources: Sources, settings: GenerateSettings) -> None:
    """Refuse what cannot be made before a folder is claimed."""
    if settings.size % generator.multiple:
        raise SettingsError(f"--size: expected a multiple of {generator.multiple}, got {settings.size}")
    if settings.redraw and not (isinstance(generator, Redraws) or refines(generator)):
        raise SettingsError(
            f"--to-scanner: expected a generator that can be followed back to noise (family flow), got one of family "
            f"'{generator.family}'; leave --run out to use the flow that ships"
        )
    if settings.frames != 2 and not refines(generator):
        raise SettingsError(
            f"--frames: expected 2 (ED and ES), as family '{generator.family}' draws pairs, got {settings.frames}; "
            "a cine needs a run of family refine"
        )
    looks = getattr(generator, "looks", ())
    if settings.look is not None and settings.look not in looks:
        known = ", ".join(looks) or f"none, as family '{generator.family}' has no looks"
        raise SettingsError(f"--look: expected one that the run has learned ({known}); got '{settings.look}'")
    if generator.frames != 2:
        raise SettingsError(
            f"--run: expected a generator of ED and ES pairs (2 frames), got one of {generator.frames} frame(s); "
            "use its Python interface, Generator.sample"
        )
    for request in {tuple(sorted(r.attributes.items())): r for r in requests}.values():
        # a name that covers several diagnoses becomes one of them with the anatomy
        if not refines(generator):  # whose phantoms show what no word tells the network
            encoded = {k: v for k, v in request.attributes.items() if k != "diagnosis" or _one_of(v, generator)}
            generator.vocabulary.encode(encoded)
        if settings.masks == "generated":
            anatomies_without(sources, request.denied).check(
                request.attributes, numbers=request.numbers, severity=request.severity
            )


def _one_of(diagnosis: object, generator: Generator) -> bool:
    """Whether a generator must know a diagnosis by this name."""
    return "diagnosis" in generator.vocabulary.names and is_present(diagnosis) and diagnosis not in WIDER


def _records(
    requests: Sequence[Request], sources: Sources, settings: GenerateSettings, workers: int
) -> Iterator[SubjectRecord]:
    chunks = list(_chunks(requests))
    if workers <= 1:
        for chunk in chunks:
            yield from make(chunk, sources, settings)
        return
    for records in ordered_map(
        partial(make, sources=sources, settings=settings), chunks, workers, [make.__module__, NETWORKS]
    ):
        yield from records


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
