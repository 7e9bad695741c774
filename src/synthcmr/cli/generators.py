"""Commands that train and use networks: generators and judges."""

from pathlib import Path
from typing import Annotated, Literal

import typer

import synthcmr
from synthcmr.cli.from_options import OUT_COHORT, Arguments, command
from synthcmr.cli.setting_lines import setting_lines
from synthcmr.verbs.generate_options import GenerateOptions
from synthcmr.verbs.judge import JudgeOptions
from synthcmr.verbs.train import TrainOptions


def families(
    family: Annotated[str | None, typer.Argument(help="A family, to list its settings.")] = None,
    preset: Annotated[
        str, typer.Option("--preset", help="Preset whose values are shown: cpu, 8g, 24g or 80g.")
    ] = "cpu",
) -> None:
    """List the families of generators; with a name, every setting that 'train --set' takes, its value and its meaning.

    \b
    Examples:
      synthcmr families
      synthcmr families gan --preset 24g
    """
    from synthcmr.generators.families import about
    from synthcmr.generators.families import family as find

    if family is None:
        names = about()
        width = max(map(len, names))
        typer.echo("\n".join(f"{name:<{width}}  {line}" for name, line in names.items()))
        typer.echo("\nSettings of one: synthcmr families NAME. Train it: synthcmr train NAME COHORT RUN")
        return
    model, loop = find(family).settings(preset)
    for group, settings in (("model", model), ("loop", loop)):
        typer.echo("\n".join(setting_lines(group, settings)))


TRAIN_ARGUMENTS: Arguments = {
    "family": (
        str,
        "refine, refine-once, flow, diffusion, latent, gan, vae, few-step, stable; or anatomy for the generator of masks.",
    ),
    "cohort": (Path, "Cohort folder; its training split is used."),
    "run": (Path, "Run folder to write; an unfinished run is continued."),
}


@command(TrainOptions, TRAIN_ARGUMENTS)
def train(family: str, cohort: Path, run: Path, options: TrainOptions) -> None:
    """Train a generator on a cohort.

    The run folder holds settings, metrics.jsonl, sheets of samples, curves.html and the weights. The same command
    continues a run that was stopped or killed. On several GPUs or machines start the same command with torchrun.

    \b
    Examples:
      synthcmr train refine people runs/refine
      synthcmr train flow people runs/flow
      synthcmr train flow acdc runs/acdc --preset 24g --balance sex,diagnosis
      synthcmr train flow acdc runs/long --set loop.steps=20000 --set model.patch=2
      synthcmr train flow acdc runs/tuned --init-from phantom --rank 8
      synthcmr train flow acdc runs/private --init-from phantom --dp epsilon=8
      synthcmr train anatomy acdc runs/anatomy
      synthcmr train anatomy acdc runs/anatomy-private --dp epsilon=1
      torchrun --nproc-per-node 4 -m synthcmr train flow acdc runs/big --preset 80g
    """
    typer.echo(synthcmr.train(family, cohort, run, options).summary())


JUDGE_ARGUMENTS: Arguments = {
    "action": (Literal["fit", "score"], "fit: train; score: test on a cohort's images."),
    "kind": (
        Literal["segmenter", "reader", "encoder"],
        "segmenter: segments the heart; reader: reads attributes; encoder: features for distances.",
    ),
    "cohort": (Path, "Cohort folder."),
    "run": (Path | None, "fit: run folder to write. score: a judge. [default: the shipped one]"),
}


@command(JudgeOptions, JUDGE_ARGUMENTS)
def judge(
    action: str,
    kind: Literal["segmenter", "reader", "encoder"],
    cohort: Path,
    run: Path | None,
    options: JudgeOptions,
) -> None:
    """Train a judge, or score one.

    Judges screen generated images and measure what they show. The shipped ones were trained on phantoms alone; --init-from
    shipped fine-tunes them to your own images in minutes. Without --init-from a judge is trained from random weights.

    \b
    Examples:
      synthcmr judge fit segmenter acdc judges/segmenter --init-from shipped
      synthcmr judge fit reader acdc judges/reader --init-from shipped
      synthcmr judge fit segmenter mnms judges/both --init-from judges/segmenter
      synthcmr judge fit reader acdc judges/reader --set loop.steps=1500
      synthcmr judge fit segmenter acdc judges/segmenter --also mnms --also phantoms
      synthcmr judge fit encoder acdc judges/encoder
      synthcmr judge score segmenter acdc
      synthcmr generate out --run runs/acdc --judges judges --subjects 10
    """
    from synthcmr.errors import SettingsError

    if action == "score":
        typer.echo(synthcmr.Judge(kind, run).score(cohort, options.split).summary())
        return
    if run is None:
        raise SettingsError("judge fit: expected a run folder to make after the cohort, e.g. judges/segmenter")
    typer.echo(synthcmr.Judge(kind).fit(cohort, run, options).summary())


@command(GenerateOptions, OUT_COHORT)
def generate(out: Path, options: GenerateOptions) -> None:
    """Generate synthetic images with their masks: a cohort like any other.

    Without --run the generator that ships is used: it simulates the requested subject as a phantom, and a network that was
    trained on phantoms and public-domain images adds realistic texture. Images that fail screening are generated again with
    other seeds; what fails three times is listed in rejects.parquet with the reason.

    \b
    A prompt can state: sex, age, BMI, height, weight, diagnosis, severity, EDV, ESV, EF, LV mass, wall thickness,
    scanner, slice level. For example:
      "woman, 67, BMI 31, heart failure"      "68yo obese female HFrEF, Philips 3T"
      "man, EDV 240 ml, EF 22 %"              "severe HCM, septum 22 mm, apical slice"

    \b
    Examples:
      synthcmr generate out --prompt "woman, 67, BMI 31, heart failure" -n 16
      synthcmr generate stacks --subjects 10 --prompt "man, DCM"
      synthcmr generate mine --run runs/flow --follow acdc --masks deformed --subjects 30
      synthcmr generate cines --run runs/refine --subjects 5 --frames 20
      synthcmr generate philips --follow people --to-scanner vendor=Philips
      synthcmr generate part1 --plan plans/fair --run runs/flow --shard 1/4
      synthcmr generate true --run runs/flow --subjects 30 --recalibrate truth
    """
    generated = synthcmr.generate(out, options, say=typer.echo)
    typer.echo(generated.summary())
    if generated.advice:
        typer.echo(generated.advice, err=True)
        raise typer.Exit(1)
