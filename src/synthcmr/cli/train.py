"""`synthcmr train`: a generator from a cohort."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.config import Settings
    from synthcmr.generators.protocol import Generator
    from synthcmr.training.loop import Observer
    from synthcmr.training.settings import LoopSettings
    from synthcmr.verbs.progress import Report

ANATOMY = "anatomy"


def train(
    family: Annotated[
        str,
        typer.Argument(
            help="refine, flow, diffusion, latent, gan, vae, few-step, stable; or anatomy for the generator of masks."
        ),
    ],
    cohort: Annotated[Path, typer.Argument(help="Cohort folder; its training split is learned from.")],
    run: Annotated[Path, typer.Argument(help="Run folder to make; a run that was cut short goes on.")],
    preset: Annotated[str, typer.Option("--preset", help="For the machine at hand: cpu, 8g, 24g or 80g.")] = "cpu",
    settings: Annotated[
        Path | None, typer.Option("--settings", help="YAML file with 'model' and 'loop' settings over the preset's.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="One setting over the preset's, e.g. --set loop.steps=5000; 'synthcmr families NAME' lists them.",
        ),
    ] = None,
    balance: Annotated[
        str | None, typer.Option("--balance", help="Attributes whose values are drawn evenly, e.g. sex,diagnosis.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--init-from",
            help="Begin from weights: 'phantom', or a run folder of the same family (diffusion: also of a flow; gan: also of a vae; "
            "few-step: of the flow to learn from).",
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option("--rank", min=1, help="With --init-from: learn low-rank additions of this rank alone (LoRA)."),
    ] = None,
    dp: Annotated[
        str | None,
        typer.Option("--dp", help="Differential privacy of subjects, e.g. epsilon=8 or epsilon=8,delta=1e-5."),
    ] = None,
    slurm: Annotated[
        str | None, typer.Option("--slurm", help="Submit to this SLURM partition instead of training here.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is already there.")] = False,
) -> None:
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
      torchrun --nproc-per-node 4 -m synthcmr train flow acdc runs/big --preset 80g
    """
    if overwrite:
        _clear(run)
    if slurm is not None:
        from synthcmr.training.cluster import submit

        typer.echo(submit(slurm, run, _again(family, cohort, run, preset, settings, change, balance, start, rank, dp)))
        return
    if family == ANATOMY:
        _anatomy(cohort, run)
        return
    model, loop = _told(family, preset, settings, change, balance, start, rank, dp)
    from synthcmr.cohort import Cohort
    from synthcmr.training.images import check_balance

    opened = Cohort.open(cohort)
    check_balance(opened, loop.balance)
    from synthcmr.evaluation.sample_scores import sample_scores
    from synthcmr.generators.families import fit_scored  # whose networks take seconds to import
    from synthcmr.verbs.progress import progress_bar

    with progress_bar(f"train {family}") as report:
        made = fit_scored(family, opened, run, model, loop, observer(run, report), sample_scores)
        made, calibrated = _calibrated(made, run, opened, loop)
    privacy: Any = made.facts.get("privacy")
    if privacy:
        typer.echo(f"{run}: differentially private, " + ", ".join(f"{k} {v}" for k, v in privacy.items()))
    if calibrated:
        typer.echo(f"{run}: {calibrated}")
    from synthcmr.training.run_folder import RunFolder
    from synthcmr.training.verdict import verdict

    judged = verdict(RunFolder(run).metrics())
    if judged is not None:
        typer.echo(f"{run}: {judged.sentence}")
    ended = RunFolder(run).record().get("ended") or {}
    if ended.get("weights_of_step", loop.steps) != loop.steps:
        typer.echo(f"{run}: the weights are those of step {ended['weights_of_step']}, whose samples were better")
    typer.echo(f"{run}: {family}, weights {made.hash[:12]}; try: synthcmr generate OUT --run {run} -n 16")


def _told(
    family: str,
    preset: str,
    file: Path | None,
    change: list[str] | None,
    balance: str | None,
    start: str | None,
    rank: int | None,
    dp: str | None,
) -> "tuple[Settings, LoopSettings]":
    """Every setting, refused where one cannot be used, before anything heavy is imported or read."""
    from synthcmr.errors import SettingsError
    from synthcmr.generators.families import settings_of
    from synthcmr.training.overrides import overridden
    from synthcmr.training.privacy import read_privacy
    from synthcmr.training.settings import check_even

    model, loop = settings_of(family, preset)
    start = start or getattr(model, "start", None)
    if rank is not None and start is None:
        raise SettingsError("--rank: expected --init-from as well; additions to random weights learn nothing")
    if start is not None:
        model = _begun(model, family, start, rank)
    if dp is not None:
        loop = loop.model_copy(update={"dp": read_privacy(dp)})
    model, loop = overridden(model, loop, file, change or [], balance)
    check_even(loop)
    return model, loop


def _begun(model: "Settings", family: str, start: str, rank: int | None) -> "Settings":
    """The settings of the weights to begin from: a network can only go on in its own shape."""
    from synthcmr.config import settings_from_dict
    from synthcmr.generators.conditional.warm_start import start_file, started

    values = {**model.model_dump(), "start": start, "rank": rank}
    families = getattr(model, "begins_from", ()) or (family,)  # families from outside need not have it
    file = start_file(start, families)
    return settings_from_dict(values if file is None else started(values, file), type(model), f"--init-from {start}")


def _calibrated(made: "Generator", run: Path, cohort: "Cohort", loop: "LoopSettings") -> "tuple[Generator, str]":
    """Measure what a generator that refines phantoms is set to; a run whose samples are not looked at keeps its settings."""
    from synthcmr.evaluation.refine_calibration import calibrate
    from synthcmr.generators.protocol import refines

    if not refines(made) or not loop.scored_frames or not made.hash:  # no hash: not the main process
        return made, ""
    return calibrate(run, cohort)


def observer(run: Path, report: "Report") -> "Observer":
    """Show progress, and keep the page of curves up to date."""
    import math
    import time

    last = 0.0

    def observe(progress: Any) -> None:
        nonlocal last
        loss = f"loss {progress.loss:.4f}" if math.isfinite(progress.loss) else ""
        held_out = "" if progress.held_out is None else f"held out {progress.held_out:.4f}"
        report(progress.step, progress.steps, ", ".join(said for said in (progress.part, loss, held_out) if said))
        if progress.part:
            return
        if time.monotonic() - last > 60 or progress.step == progress.steps:
            last = time.monotonic()
            from synthcmr.report.run_page import write_run_page

            write_run_page(run)

    return observe


def _anatomy(cohort: Path, run: Path) -> None:
    from synthcmr.cohort import Cohort
    from synthcmr.generators.anatomy import AnatomyGenerator
    from synthcmr.verbs.progress import progress_bar

    with progress_bar("train anatomy") as report:
        made = AnatomyGenerator.fit(Cohort.open(cohort), progress=report)
    run.parent.mkdir(parents=True, exist_ok=True)
    file = run if run.suffix == ".npz" else run.with_suffix(".npz")
    made.save(file)
    typer.echo(
        f"{file}: anatomies of {made.facts['subjects']} subjects; try: synthcmr generate OUT --anatomy {file} --subjects 4"
    )


def _clear(run: Path) -> None:
    import shutil

    from synthcmr.training.run_folder import RUN_FILE

    if (run / RUN_FILE).exists():
        shutil.rmtree(run)


def _again(
    family: str,
    cohort: Path,
    run: Path,
    preset: str,
    settings: Path | None,
    change: list[str] | None,
    balance: str | None,
    start: str | None,
    rank: int | None,
    dp: str | None,
) -> list[str]:
    """The command line that a job of the cluster runs: this one without --slurm."""
    words = ["train", family, str(cohort), str(run), "--preset", preset]
    words += ["--settings", str(settings)] if settings else []
    words += [word for item in change or [] for word in ("--set", item)]
    told = {"--balance": balance, "--init-from": start, "--rank": rank and str(rank), "--dp": dp}
    return words + [word for flag, value in told.items() if value for word in (flag, value)]
