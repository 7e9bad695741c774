"""Generate synthetic images with their masks: a cohort like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthcmr.verbs.generate_options import GenerateOptions
from synthcmr.verbs.generated_cohort import GeneratedCohort, why_nothing_passed
from synthcmr.verbs.public import public

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.generators.interface import Generator
    from synthcmr.sampling.requests import RequestList
    from synthcmr.sampling.settings import GenerateSettings
    from synthcmr.sampling.sources import Sources


Say = Callable[[str], None]
SAMPLER = {  # option -> setting of the sampler
    "sampler": "sampler",
    "steps": "steps",
    "guidance": "guidance",
    "guidance_end": "until",
    "guidance_null": "branch",
    "guidance_rescale": "rescale",
    "begin": "begin",
}


@public
def generate(
    out: Path | str,
    options: GenerateOptions | None = None,
    *,
    say: Say | None = None,
    **changes: Any,
) -> GeneratedCohort:
    """Generate synthetic images with their masks.

    Without `run` the generator that ships is used: it simulates the requested subject as a phantom, and a network that was trained on
    phantoms and public-domain images adds realistic texture. Images that fail screening are generated again with other seeds; what
    fails three times is listed among the rejects.

    Args:
        out: cohort folder to make; an unfinished one is continued.
        options: whom to make and how.
        say: called with notes as they arise; they are in the result as well.
        changes: fields of `GenerateOptions`, in place of `options` or over them.

    Returns:
        The cohort, with a summary.

    Raises:
        SettingsError: options cannot be combined, or ask for what the generator cannot make.
        CohortError: a folder is not what it should be.

    Example:
        >>> import synthcmr
        >>> generated = synthcmr.generate("out", prompt="woman, 67, BMI 31, heart failure", count=1)
        >>> print(generated.summary())
        >>> image, mask = generated.cohort.image(0), generated.cohort.mask(0)  # each (frames, rows, columns)
    """
    chosen, out = GenerateOptions.of(options, changes), Path(out)
    notes: list[str] = []

    def note(text: str) -> None:
        notes.append(text)
        if say is not None:
            say(text)

    understood = _understood(chosen.prompt)
    for line in _heard(understood):
        note(line)
    _expect_places(chosen, out)
    from synthcmr.verbs.requests import requests_of

    # A bad plan is refused before networks load.
    asked = requests_of(chosen, understood) if chosen.plan is not None else None
    from synthcmr.sampling.sources import Sources, load_image_generator

    sources = Sources(chosen.run, chosen.anatomy, chosen.judges, chosen.follow)
    settings = _settings(chosen, sources)
    asked = asked or requests_of(chosen, understood)
    settings = settings.model_copy(update={"masks": asked.masks})
    sources = Sources(chosen.run, chosen.anatomy, chosen.judges, asked.follow)
    for line in _cautions(chosen, understood, asked, load_image_generator(sources), sources):
        note(line)
    cohort = _made(out, chosen, asked, sources, settings)
    return GeneratedCohort(cohort, len(asked.requests), tuple(notes), why_nothing_passed(cohort, understood, sources))


def _made(
    out: Path, chosen: GenerateOptions, asked: RequestList, sources: Sources, settings: GenerateSettings
) -> Cohort:
    """Render, and recalibrate where that is asked for."""
    from synthcmr.sampling.generate import generate as render
    from synthcmr.verbs.folders import made_or_taken
    from synthcmr.verbs.outputs import build_cohort
    from synthcmr.verbs.progress import progress_bar

    def rendered(folder: Path) -> Cohort:
        with progress_bar("generate") as report:
            return render(folder, asked.requests, sources, settings, chosen.workers, report, asked.inputs, asked.ledger)

    def finished(folder: Path) -> Cohort:
        if chosen.recalibrate is None:
            return rendered(folder)
        raw = raw_folder(folder, chosen.recalibrate)
        return recalibrated(made_or_taken(raw, lambda: rendered(raw)), chosen.recalibrate, folder)

    return build_cohort(out, chosen.overwrite, finished, _inputs(chosen))


def _inputs(chosen: GenerateOptions) -> tuple[Path | None, ...]:
    return chosen.follow, chosen.plan, chosen.run, chosen.anatomy, chosen.judges, chosen.recalibrate


def _expect_places(chosen: GenerateOptions, out: Path) -> None:
    """Refuse inputs that are not there, and an output that cannot be written."""
    from synthcmr.cohort.output_place import expect_place
    from synthcmr.verbs.folders import expect_apart_from

    _expect_inputs(chosen)
    expect_place(out)
    expect_apart_from(out, _inputs(chosen))


def _expect_inputs(chosen: GenerateOptions) -> None:
    """Refuse paths where nothing is, before networks are loaded."""
    from synthcmr.verbs.folders import (
        expect_anatomy,
        expect_cohorts,
        expect_judges,
        expect_recalibration,
        expect_weights,
    )

    expect_weights({"--run": chosen.run})
    expect_anatomy(chosen.anatomy)
    expect_judges(chosen.judges)
    expect_cohorts(chosen.follow)
    expect_recalibration(chosen.recalibrate)


def _settings(chosen: GenerateOptions, sources: Sources) -> GenerateSettings:
    """Settings of the sampler are its defaults where nothing else was asked."""
    from synthcmr.generators.sampler import SamplerSettings
    from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
    from synthcmr.verbs.requests import changed_attributes, redrawing

    usual = {} if chosen.to_scanner is None else redrawing(chosen.to_scanner, sources)
    asked = {setting: getattr(chosen, name) for name, setting in SAMPLER.items()}
    style = changed_attributes(chosen.to_scanner) if chosen.to_scanner else {}
    return GenerateSettings(
        sampler=SamplerSettings(**usual | {k: v for k, v in asked.items() if v is not None}, batch=chosen.batch),
        screen=ScreenSettings(enabled=chosen.screen),
        size=chosen.size,
        frames=chosen.frames,
        look=style.get("look", chosen.look),
        redraw=chosen.to_scanner is not None,
    )


def _understood(prompt: str | None) -> Understood:
    from synthcmr.conditioning.prompt import Understood, read_prompt

    return Understood() if prompt is None else read_prompt(prompt)


def _heard(understood: Understood) -> list[str]:
    """What was understood of the prompt, and what was not."""
    lines = []
    if understood.attributes or understood.numbers or understood.slice_level:
        from synthcmr.conditioning.prompt import write_prompt

        numbers, level = understood.numbers, understood.slice_level
        lines.append(f"understood: {write_prompt(understood.attributes, slice_level=level, numbers=numbers)}")
    lines += [f"  note: {text}" for text in understood.notes]
    if understood.ignored:
        lines.append("  not understood, left out: " + "; ".join(understood.ignored))
    if understood.phases and set(understood.phases) != {"ED", "ES"}:
        lines.append("  note: images hold ED and ES as two frames; take the one you need")
    return lines


def _cautions(
    chosen: GenerateOptions, understood: Understood, asked: RequestList, generator: Generator, sources: Sources
) -> list[str]:
    """What the generator cannot show, or what lies far from its training data."""
    from synthcmr.verbs.requests import unseen

    cautions = [*generator.vocabulary.far(understood.attributes)]
    if understood.ignored and "diagnosis" not in understood.attributes and asked.masks == "generated":
        from synthcmr.sampling.sources import load_anatomies

        known = ", ".join(load_anatomies(sources).people.diagnoses)
        cautions += [f"the diagnosis is sampled; those that the generator knows are {known}"] if known else []
    cautions += [*asked.notes, *(unseen(chosen.plan, generator) if chosen.plan else ())]
    return [f"  note: {text}" for text in cautions]


BEFORE = ".before"


def raw_folder(out: Path, model: Path) -> Path:
    """Where images wait for their recalibration: beside the cohort, so that a killed run goes on there.

    Raises:
        CohortError: there is no model, or a finished cohort already.
    """
    from synthcmr.cohort.writer import COHORT_FILE
    from synthcmr.errors import OtherSettingsError
    from synthcmr.frequency.model_folder import read_record

    read_record(model)
    if (out / COHORT_FILE).exists():
        raise OtherSettingsError(
            f"{out}: holds a finished cohort already; choose another folder or remove it (--overwrite)"
        )
    return out.with_name(out.name + BEFORE)


def recalibrated(raw: Cohort, model: Path, out: Path) -> Cohort:
    """Recalibrate what was generated, and drop what it was before; where screening left nothing, that is the result."""
    import shutil

    from synthcmr.cohort import Cohort
    from synthcmr.cohort.places import current_place
    from synthcmr.cohort.provenance import Input
    from synthcmr.frequency.apply import apply_to_cohort
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.verbs.progress import progress_bar

    if not len(raw):
        raw.path.rename(out)
        return Cohort.open(out)
    with progress_bar("recalibrate") as report:
        inputs = [
            Input(**row | {"name": str(current_place(row["name"], raw.path))}) for row in raw.provenance["inputs"]
        ]
        cohort = apply_to_cohort(Recalibration.load(model), model, raw, out, report, inputs)
    shutil.rmtree(raw.path)
    return cohort
