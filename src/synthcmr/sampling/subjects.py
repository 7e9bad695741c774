"""Making subjects: draw the anatomy, render, let the judges look, and try again where they say no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import DRAWN, Value
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.preprocess.orient import slice_at
from synthcmr.cohort.records import Reject, SubjectRecord
from synthcmr.conditioning.condition import LOOK
from synthcmr.generators.anatomy.anatomy import Anatomy, deform
from synthcmr.generators.interface import Generator, Redraws, Refines, refines
from synthcmr.sampling.requests import PLANNED, WHOLE, Request, seed_of
from synthcmr.sampling.screening import ScreeningResult
from synthcmr.sampling.settings import GenerateSettings
from synthcmr.sampling.sources import (
    PHANTOM,
    Simulated,
    Sources,
    anatomies_without,
    load_image_generator,
    load_pixels,
    load_real,
    load_screen,
    painted_in,
    simulated,
)
from synthcmr.sampling.stack import (
    Images,
    StackCondition,
    generated_record,
    redraw_stacks,
    render_slices,
    render_stacks,
)

NO_ANATOMY = Anatomy(np.zeros((2, 0, 0, 0), dtype=np.uint8), (1.0, 1.0), 1.0, 1.0, "")
BODY = {"height_cm", "weight_kg", "bmi"}  # two of them give the third
OF_ONE_SCANNER = ("scanner", "centre")  # what another scanner does not share


@dataclass
class SubjectDraft:
    """One request with what became of it."""

    request: Request
    anatomy: Anatomy
    start: Images | None = None  # the phantom, or the real image, that a refining generator begins from
    image: Images | None = None
    slice_index: int = 0
    tries: int = 0
    seed: int = 0
    verdict: ScreeningResult | None = None
    redrawn: bool = False  # from the subject's own image
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> bool:
        """Whether there is an image that may be kept."""
        return self.image is not None and (self.verdict is None or not self.verdict.reasons)


def make(requests: Sequence[Request], sources: Sources, settings: GenerateSettings) -> list[SubjectRecord]:
    """Make some subjects: draw anatomies, render, screen, and try again with new seeds where the screen said no."""
    generator, screen = load_image_generator(sources), load_screen(sources, settings.screen)
    drafts = [_new_draft(r, generator, sources, settings) for r in requests]
    for attempt in range(settings.screen.tries if screen else 1):
        waiting = [m for m in drafts if not m.accepted]
        if not waiting:
            break
        for m in waiting:
            m.tries, m.seed = attempt + 1, seed_of(m.request.seed, "try", attempt)
            if attempt and any(r.startswith("mask") for r in m.failures):
                _draw_anatomy(m, generator, sources, settings, attempt)
        _render(waiting, generator, sources, settings)
        for m in waiting if screen else ():
            m.verdict = (
                screen.judge(m.image, _rendered_mask(m), _conditions(m, generator))
                if screen and m.image is not None
                else None
            )
            m.failures.update(m.verdict.reasons if m.verdict else ())
    return [_record(m, generator, settings) for m in drafts]


def _own(attributes: Mapping[str, Value], generator: Generator) -> dict[str, Value]:
    """The attributes of a real subject that can be conditions."""
    return {k: v for k, v in attributes.items() if generator.vocabulary.knows(k, v) and v != ""}


def _render(
    waiting: Sequence[SubjectDraft], generator: Generator, sources: Sources, settings: GenerateSettings
) -> None:
    stacks = [
        StackCondition(m.anatomy.mask, _conditions(m, generator, settings.look), m.seed, m.start) for m in waiting
    ]
    if settings.redraw and not refines(generator) and sources.like is not None and isinstance(generator, Redraws):
        names = [str(m.request.like) for m in waiting]
        pixels = [load_pixels(sources.like, name) for name in names]
        own = [_own(Cohort.open(sources.like).attributes(name), generator) for name in names]
        shown = [replace(stack, attributes=was) for stack, was in zip(stacks, own, strict=True)]
        images = redraw_stacks(generator, shown, stacks, pixels, settings.sampler)
    elif waiting[0].request.level == WHOLE:
        images = render_stacks(generator, stacks, settings.sampler)
    else:
        for m in waiting:
            m.slice_index = slice_at(m.anatomy.mask, m.request.level)
        images = render_slices(generator, stacks, [m.slice_index for m in waiting], settings.sampler)
    for m, image in zip(waiting, images, strict=True):
        m.image = image


def _rendered_mask(m: SubjectDraft) -> Mask:
    mask = m.anatomy.mask
    return mask if m.request.level == WHOLE else mask[:, m.slice_index : m.slice_index + 1]


def _conditions(m: SubjectDraft, generator: Generator, look: str | None = None) -> dict[str, Value]:
    """The attributes that condition the generator: what was requested, what the anatomy implies, and a scanner."""
    known = {**_scanner(m, generator), **m.anatomy.attributes, **m.request.attributes}
    known["diagnosis"] = m.anatomy.attributes.get("diagnosis", "")
    requested = m.request.attributes
    if look is not None:
        known[LOOK] = look
    return {
        k: v
        for k, v in known.items()
        if k in generator.vocabulary.names
        and v != ""
        and (generator.vocabulary.knows(k, v) or (k in requested and not refines(generator)))
    }


def _scanner(m: SubjectDraft, generator: Generator) -> dict[str, Value]:
    """A scanner of the training data that fits the request, so that all slices of a subject come from one.

    A subject that is redrawn keeps what is known of its own.
    """
    if m.redrawn:
        return {}
    known = cast("list[dict[str, Any]]", generator.facts.get("scanners") or [])
    fitting = [s for s in known if all(m.request.attributes.get(k, v) == v for k, v in s["attributes"].items())]
    if not fitting:
        return {}
    weights = np.array([s["count"] for s in fitting], dtype=float)
    rng = np.random.default_rng([seed_of(m.request.seed, "scanner")])
    chosen: dict[str, Value] = fitting[int(rng.choice(len(fitting), p=weights / weights.sum()))]["attributes"]
    return chosen


def _new_draft(request: Request, generator: Generator, sources: Sources, settings: GenerateSettings) -> SubjectDraft:
    """A request with its first anatomy."""
    draft = SubjectDraft(request, NO_ANATOMY, redrawn=settings.redraw)
    _draw_anatomy(draft, generator, sources, settings, 0)
    return draft


def _draw_anatomy(
    m: SubjectDraft, generator: Generator, sources: Sources, settings: GenerateSettings, attempt: int
) -> None:
    """The anatomy of a request, on one thread: a BLAS with more of them rounds differently, and a border pixel would flip."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        if refines(generator):
            begun = _beginning(m, generator, sources, settings, seed_of(m.request.seed, "anatomy", attempt))
            m.anatomy, m.start = begun.anatomy, begun.image
        else:
            m.anatomy = _sampled_anatomy(m.request, sources, settings, attempt)


def _beginning(
    m: SubjectDraft, generator: Generator, sources: Sources, settings: GenerateSettings, seed: int
) -> Simulated:
    """What a refining generator begins from: a phantom, a phantom around a given heart, or a real image."""
    request = m.request
    if settings.masks == "generated" or request.like is None or sources.like is None:
        return simulated(request, _scanner(m, generator), sources, settings, seed)
    anatomy = _followed_anatomy(request, sources, settings, seed)
    if settings.redraw:
        return Simulated(anatomy, load_pixels(sources.like, request.like))
    return painted_in(anatomy, request, _scanner(m, generator), settings, seed)


def _sampled_anatomy(request: Request, sources: Sources, settings: GenerateSettings, attempt: int) -> Anatomy:
    seed = seed_of(request.seed, "anatomy", attempt)
    if settings.masks != "generated" and request.like is not None and sources.like is not None:
        return _followed_anatomy(request, sources, settings, seed)
    return anatomies_without(sources, request.denied).sample(
        request.attributes,
        seed,
        numbers=request.numbers,
        severity=request.severity,
        size=settings.size,
        spacing_mm=settings.spacing_mm,
    )


def _followed_anatomy(request: Request, sources: Sources, settings: GenerateSettings, seed: int) -> Anatomy:
    """The masks of the followed subject, as they are or deformed."""
    if sources.like is None or request.like is None:
        raise ValueError("expected a request that follows a subject")
    anatomy = load_real(sources.like, request.like)
    if settings.masks == "deformed":
        anatomy = deform(anatomy, np.random.default_rng(seed))
    own = {k: v for k, v in anatomy.attributes.items() if not (settings.redraw and k in OF_ONE_SCANNER)}
    return replace(anatomy, attributes={**own, **request.attributes})


def _label(m: SubjectDraft) -> Value:
    """The diagnosis under which a subject is kept: its anatomy's, but a plan counts subjects by the name that it gave them."""
    planned = m.request.attributes.get("diagnosis") if PLANNED in m.request.columns else None
    return planned or m.anatomy.attributes.get("diagnosis", "")


def _sampled_names(m: SubjectDraft, recorded: Mapping[str, Value]) -> str:
    """Which attributes were drawn for a subject: they hold for what is shown, but were not requested.

    What follows from the request (a weight from height and BMI) is not drawn, nor what a followed subject has.
    """
    requested = {k for k, v in m.request.attributes.items() if recorded.get(k) == v}
    if m.anatomy.source not in ("generated", PHANTOM):
        requested |= m.anatomy.attributes.keys()
    if len(requested & BODY) == len(BODY) - 1:
        requested |= BODY
    return ",".join(k for k, v in recorded.items() if k not in requested and v != "")


def _refined(m: SubjectDraft, generator: Generator, settings: GenerateSettings) -> dict[str, Value]:
    """Where on the way from noise to image it began, and whose look it was given."""
    if m.start is None or not isinstance(generator, Refines):
        return {}
    begin = settings.sampler.begin or generator.usual_begin
    return {"begin": begin, "look": settings.look or generator.usual_look}


def _record(m: SubjectDraft, generator: Generator, settings: GenerateSettings) -> SubjectRecord:
    if not m.accepted:
        why = ", ".join(f"{reason} ({n}x)" for reason, n in m.failures.most_common())
        reject = Reject(m.request.name, "subject", f"rejected by screening after {m.tries} tries: {why}")
        return SubjectRecord(m.request.name, None, rejects=(reject,))
    extra: dict[str, Value] = {
        "seed": str(m.seed),
        "tries": m.tries,
        "rejected": m.tries - 1,
        "anatomy_source": m.anatomy.source,
        "prompt": m.request.prompt,
        "run_hash": generator.hash,
        **_refined(m, generator, settings),
        **m.request.columns,
        **(m.verdict.measures if m.verdict else {}),
    }
    requested_numbers = {f"asked_{k}": round(v, 2) for k, v in m.anatomy.requested.items()}
    recorded = {**_scanner(m, generator), **m.anatomy.attributes, **m.request.attributes, "diagnosis": _label(m)}
    attributes = {**recorded, DRAWN: _sampled_names(m, recorded), **requested_numbers}
    attributes["split"] = "train"  # synthetic subjects are to learn from, never to test on
    whole = m.request.level == WHOLE
    return generated_record(m.request.name, m.anatomy, m.image, None if whole else m.slice_index, attributes, extra)
