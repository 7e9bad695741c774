"""`synthcmr generate`: images from a sentence, from a cohort's people, or from the anatomies of real patients."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.sampling.requests import Request
    from synthcmr.sampling.settings import GenerateSettings
    from synthcmr.sampling.sources import Sources


class Masks(StrEnum):
    """Where anatomies come from."""

    generated = "generated"
    real = "real"
    deformed = "deformed"


class Sampler(StrEnum):
    """Solvers."""

    adams = "adams"
    euler = "euler"
    heun = "heun"
    dpm = "dpm++"
    unipc = "unipc"
    ddim = "ddim"
    ddpm = "ddpm"


class Branch(StrEnum):
    """What guidance leads away from."""

    empty = "empty"
    metadata_free = "metadata-free"


BLIND = 0.5  # median Dice of what screening kept, below which the segmenter cannot be said to have looked
DEFAULT_COUNT = 16


def generate(
    out: Annotated[Path, typer.Argument(help="Cohort folder to make; an unfinished one is continued.")],
    prompt: Annotated[
        str | None, typer.Option("--prompt", "-p", help="Who the patient is, in words; anyone where left out.")
    ] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", min=1, help="Single slices to make.")] = None,
    subjects: Annotated[int | None, typer.Option("--subjects", min=1, help="Whole ED+ES stacks to make.")] = None,
    like: Annotated[
        Path | None, typer.Option("--like", help="Follow the people of this cohort (and its masks, see --masks).")
    ] = None,
    masks: Annotated[
        Masks, typer.Option("--masks", help="New anatomies, or the masks of --like, as they are or deformed.")
    ] = Masks.generated,
    plan: Annotated[Path | None, typer.Option("--plan", help="Make the rows of this plan (see synthcmr plan).")] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", help="With --plan: K/N makes every N-th row, from the K-th.")
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="Redraw the subjects of --like as another scanner shows them, e.g. vendor=Philips, or look=sunnybrook.",
        ),
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="Trained generator. [default: the shipped one]")] = None,
    anatomy: Annotated[
        Path | None, typer.Option("--anatomy", help="Trained anatomy generator. [default: the shipped one]")
    ] = None,
    judges: Annotated[
        Path | None,
        typer.Option("--judges", help="Folder with 'segmenter' and 'reader' judges. [default: the shipped ones]"),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, max=1000, help="Sampler steps.")] = None,
    sampler: Annotated[
        Sampler | None,
        typer.Option(
            "--sampler", help="Solver; all serve flows and diffusions. [default: adams for flows, unipc for diffusions]"
        ),
    ] = None,
    guidance: Annotated[
        float | None, typer.Option("--guidance", min=0, help="1: none; more: the text counts more.")
    ] = None,
    until: Annotated[
        float | None,
        typer.Option("--until", min=0.01, max=1, help="Guidance acts up to here, from noise (0) to image (1)."),
    ] = None,
    branch: Annotated[Branch | None, typer.Option("--branch", help="What guidance leads away from.")] = None,
    rescale: Annotated[
        float | None, typer.Option("--rescale", min=0, max=1, help="How far guided contrast is brought back.")
    ] = None,
    begin: Annotated[
        float | None,
        typer.Option(
            "--begin",
            min=0.01,
            max=0.99,
            help="Where phantoms begin on the way from noise (0) to image (1); lower: more is drawn anew. [family refine; default: "
            "the run's]",
        ),
    ] = None,
    look: Annotated[
        str | None,
        typer.Option("--look", help="Whose images they shall look like, of those that a run of refine knows."),
    ] = None,
    frames: Annotated[
        int,
        typer.Option("--frames", min=2, max=60, help="2: ED and ES; more: a cine of that many phases. [family refine]"),
    ] = 2,
    size: Annotated[int, typer.Option("--size", min=32, help="Rows and columns.")] = 128,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of everything; the same seed makes the same images.")] = 0,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Images at once; they do not depend on it.")] = 16,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    screen: Annotated[bool, typer.Option("--screen/--no-screen", help="Judge every image before it is kept.")] = True,
    recalibration: Annotated[
        Path | None,
        typer.Option("--recalibrate", help="As the last step, give them the frequencies that this model learned."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a cohort that is already there.")] = False,
) -> None:
    """Make synthetic images with their masks: a cohort like any other.

    Without --run it works at once: a phantom of whoever is asked for, finished as scanners draw it by weights that learned
    from phantoms and public-domain images. What screening rejects is made
    again with other seeds; what fails three times is listed among the rejects with the reason.

    \b
    A prompt says any of: sex, age, BMI, height, weight, diagnosis, severity, EDV, ESV, EF, LV mass, wall thickness,
    scanner, slice level. For example:
      "woman, 67, BMI 31, heart failure"      "68yo obese female HFrEF, Philips 3T"
      "man, EDV 240 ml, EF 22 %"              "severe HCM, septum 22 mm, apical slice"

    \b
    Examples:
      synthcmr generate out --prompt "woman, 67, BMI 31, heart failure" -n 16
      synthcmr generate stacks --subjects 10 --prompt "man, DCM"
      synthcmr generate mine --run runs/flow --like acdc --masks deformed --subjects 30
      synthcmr generate cines --run runs/refine --subjects 5 --frames 20
      synthcmr generate philips --like people --as vendor=Philips
      synthcmr generate part1 --plan plans/fair --run runs/flow --shard 1/4
      synthcmr generate true --run runs/flow --subjects 30 --recalibrate truth
    """
    from synthcmr.cli.progress import progress_bar
    from synthcmr.cli.replace import clear_for
    from synthcmr.errors import SettingsError

    _exclusive(plan, shard, {"--prompt": prompt, "-n": count, "--subjects": subjects, "--like": like, "--as": style})
    if plan is not None and (seed or masks is not Masks.generated):
        raise SettingsError(
            "--plan: it holds every seed and says whose masks are followed; leave --seed and --masks out"
        )
    understood = _understood(prompt)
    if count is not None and subjects is not None:
        raise SettingsError(
            "--count and --subjects: expected one of them; -n makes single slices, --subjects whole stacks"
        )
    if masks is not Masks.generated and like is None:
        raise SettingsError(f"--masks {masks.value}: expected --like COHORT, whose masks are used")
    if style is not None and (like is None or prompt is not None or count is not None):
        raise SettingsError(
            "--as: expected --like COHORT, whose subjects are redrawn as whole stacks, without -n or --prompt"
        )
    _say(understood)
    from synthcmr.cli.at_hand import (
        expect_anatomy,
        expect_cohorts,
        expect_judges,
        expect_recalibration,
        expect_weights,
    )
    from synthcmr.cli.generate_as import changes, redrawing, redrawn
    from synthcmr.cli.generate_plan import planned, unseen

    expect_weights(run)
    expect_anatomy(anatomy)
    expect_judges(judges)
    expect_cohorts(like)
    expect_recalibration(recalibration)
    made_of = planned(plan, shard) if plan is not None else None
    from synthcmr.sampling.generate import generate as make
    from synthcmr.sampling.sources import Sources, load_image_generator

    asked = {
        "sampler": sampler and sampler.value,
        "steps": steps,
        "guidance": guidance,
        "until": until,
        "branch": branch and branch.value,
        "rescale": rescale,
        "begin": begin,
    }

    usual = {} if style is None else redrawing(style, Sources(run, anatomy, judges, like))
    settings = _settings(usual | {k: v for k, v in asked.items() if v is not None}, batch, size, masks, screen, style)
    settings = settings.model_copy(
        update={"frames": frames, "look": (changes(style) if style else {}).get("look", look)}
    )
    if made_of is not None:
        requests, like, settings = made_of.requests, made_of.like, settings.model_copy(update={"masks": made_of.masks})
    else:
        asks = redrawn(like, style, subjects, seed) if style is not None else None
        requests = asks or _requests(understood, prompt or "", count, subjects, like, seed)
    sources = Sources(run, anatomy, judges, like)
    generator = load_image_generator(sources)
    notes = [*generator.vocabulary.far(understood.attributes), *_known(understood, sources, settings)]
    for note in (*notes, *(made_of.notes if made_of else ()), *(unseen(plan, generator) if plan else ())):
        typer.echo(f"  note: {note}")
    from synthcmr.cli.generate_recalibrated import raw_folder, recalibrated

    raw = out if recalibration is None else raw_folder(out, recalibration, overwrite)
    clear_for(out, overwrite)  # once it is known that there is a generator to replace what was there
    with progress_bar("generate") as report:
        cohort = make(raw, requests, sources, settings, workers, report, [made_of.input] if made_of else ())
    if recalibration is not None and len(cohort):
        cohort = recalibrated(cohort, recalibration, out)
    typer.echo(describe(cohort, len(requests)))
    if not len(cohort):
        from synthcmr.cli.generate_failed import nothing_passed

        typer.echo(nothing_passed(cohort, understood, sources), err=True)
        raise typer.Exit(1)


def _exclusive(plan: Path | None, shard: str | None, others: "dict[str, object]") -> None:
    """A plan says everything about whom to make."""
    from synthcmr.errors import SettingsError

    given = [flag for flag, value in others.items() if value is not None]
    if plan is not None and given:
        raise SettingsError(f"--plan: expected without {', '.join(given)}: the plan says whom to make")
    if plan is None and shard is not None:
        raise SettingsError("--shard: expected with --plan PLAN, whose rows are shared out")


def describe(cohort: "Cohort", asked: int) -> str:
    """What was made and what was rejected, for people."""
    rejects = cohort.rejects[cohort.rejects["level"] == "reject"]
    lines = [f"{cohort.path}: {len(cohort.subjects)} subject(s), {len(cohort)} image(s)"]
    kept = cohort.images.groupby("subject_id")["tries"].first() if len(cohort) else []
    vain = rejects["reason"].str.extract(r"after (\d+) tries")[0].dropna().astype(int).sum() if len(rejects) else 0
    tries = int(sum(kept)) + int(vain)
    if tries and cohort.info["settings"]["generate"]["screen"]["enabled"]:
        thrown = tries - len(kept)
        lines.append(f"  screening: {thrown} of {tries} renderings rejected ({100 * thrown / tries:.0f} %)")
        lines += _weak_judge(cohort)
    if len(rejects):
        lines.append(
            f"  {len(rejects)} of {asked} given up; reasons in rejects.parquet, first: {rejects['reason'].iloc[0]}"
        )
    lines += _drawn(cohort)
    if cohort.info["settings"]["generate"]["redraw"]:
        lines.append("  these show real subjects as another scanner would: keep them as you keep the originals")
    if len(cohort):
        from synthcmr.report.generated_page import write_generated_page

        lines.append(f"  look at them: {write_generated_page(cohort)}")
    return "\n".join(lines)


def _drawn(cohort: "Cohort") -> list[str]:
    """What nobody asked for was drawn, and is no knowledge of anybody's."""
    from synthcmr.cohort.attributes import DRAWN
    from synthcmr.report.people import drawn

    names = drawn(cohort.subjects)
    told = (
        f"  drawn, because nobody asked for it: {names}; of whom which, says the column '{DRAWN}' of subjects.parquet"
    )
    return [told] if names else []


def _weak_judge(cohort: "Cohort") -> list[str]:
    """Screening measures by what the segmenter reaches on real images; one that never learned lets everything pass."""
    found = cohort.images["screen_dice"].astype(float).median() if "screen_dice" in cohort.images else float("nan")
    if not found < BLIND:
        return []
    return [
        f"  the segmenter finds the masks of what was kept at a Dice of {found:.2f} only: it hardly screens. Train it longer; "
        "'synthcmr judge score segmenter COHORT JUDGE' says how good it is"
    ]


def _understood(prompt: str | None) -> "Understood":
    from synthcmr.conditioning.prompt import Understood
    from synthcmr.conditioning.reading import read_prompt

    return Understood() if prompt is None else read_prompt(prompt)


def _say(understood: "Understood") -> None:
    """Tell what was made of the prompt, so that nobody takes silence for understanding."""
    if understood.attributes or understood.numbers or understood.slice_level:
        from synthcmr.conditioning.prompt import write_prompt

        level, numbers = understood.slice_level, understood.numbers
        typer.echo(f"understood: {write_prompt(understood.attributes, slice_level=level, numbers=numbers)}")
    for note in understood.notes:
        typer.echo(f"  note: {note}")
    if understood.ignored:
        typer.echo("  not understood, left out: " + "; ".join(understood.ignored))
    if understood.phases and set(understood.phases) != {"ED", "ES"}:
        typer.echo("  note: images hold ED and ES as two frames; take the one you need")


def _known(understood: "Understood", sources: "Sources", settings: "GenerateSettings") -> list[str]:
    """Which diagnoses there are, where something was not understood and the diagnosis is drawn."""
    if not understood.ignored or "diagnosis" in understood.attributes or settings.masks != "generated":
        return []
    from synthcmr.sampling.sources import load_anatomies

    known = load_anatomies(sources).people.diagnoses
    return [f"the diagnosis is drawn; those that the generator knows are {', '.join(known)}"] if known else []


def _settings(
    asked: "dict[str, Any]", batch: int, size: int, masks: Masks, screen: bool, style: str | None
) -> "GenerateSettings":
    """Settings of the sampler are its defaults where nothing else was asked."""
    from synthcmr.generators.sampler import SamplerSettings
    from synthcmr.sampling.settings import GenerateSettings, ScreenSettings

    return GenerateSettings(
        sampler=SamplerSettings(**asked, batch=batch),
        screen=ScreenSettings(enabled=screen),
        size=size,
        masks=masks.value if style is None else "real",
        redraw=style is not None,
    )


def _requests(
    understood: "Understood", prompt: str, count: int | None, subjects: int | None, like: Path | None, seed: int
) -> "list[Request]":
    from synthcmr.sampling.requests import WHOLE, from_prompt, like_cohort

    number = subjects or count or DEFAULT_COUNT
    level = WHOLE if subjects is not None else understood.slice_level or "mid"
    if like is not None:
        made = like_cohort(_followed(like, understood), number, seed, understood.attributes, level)
    else:
        numbers = dict(understood.numbers)
        severity = numbers.pop("severity", None)
        made = from_prompt(number, seed, understood.attributes, numbers, severity, level, prompt)
    return [replace(request, denied=understood.denied) for request in made]


def _followed(like: Path, understood: "Understood") -> "list[tuple[str, dict[str, Any]]]":
    """The people of a cohort without those who have, or may have, a denied diagnosis."""
    from synthcmr.cli.generate_as import followable
    from synthcmr.errors import SettingsError

    people, denied = followable(like), understood.denied
    asked = understood.attributes.get("diagnosis", "")
    kept = [p for p in people if not denied or p[1].get("diagnosis", asked) not in ("", *denied)]
    if not kept:
        raise SettingsError(
            f"--like {like}: expected people known to have none of {', '.join(denied)}, got none among {len(people)}; "
            "deny less in --prompt, or follow another cohort"
        )
    return kept
