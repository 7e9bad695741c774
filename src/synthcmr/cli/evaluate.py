"""`synthcmr evaluate`: score a synthetic cohort against a real one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.evaluation.score import ScoreCard


def evaluate(
    real: Annotated[Path, typer.Argument(help="Real cohort.")],
    synth: Annotated[Path, typer.Argument(help="Synthetic cohort, whoever made it.")],
    out: Annotated[Path, typer.Argument(help="Folder of the scores; what is finished there is kept.")],
    only: Annotated[
        str | None, typer.Option("--parts", help="Parts, comma-separated, of the five. [default: all]")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Split of the real cohort to compare with. [default: all of it]")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Attributes to score by. [default: sex,age,bmi,diagnosis,vendor]")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features", help="Any of cmr, radiomics, radimagenet, cinema, inception. [default: cmr,radiomics]"
        ),
    ] = None,
    encoder: Annotated[
        Path | None,
        typer.Option("--encoder", help="Encoder or reader whose features are 'cmr'. [default: the shipped one]"),
    ] = None,
    fit_encoder: Annotated[
        bool, typer.Option("--fit-encoder", help="Train an encoder on REAL's training split first, in OUT/encoder.")
    ] = False,
    reader: Annotated[
        Path | None, typer.Option("--reader", help="Judge that reads attributes. [default: the shipped one]")
    ] = None,
    segmenter: Annotated[
        Path | None, typer.Option("--segmenter", help="Judge that outlines hearts. [default: the shipped one]")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Run that made the images: privacy attacks it too, and audits its promise."),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option("--reference", help="Run like it that learned from other people; several may be named."),
    ] = None,
    also_test: Annotated[
        Path | None, typer.Option("--also-test", help="A second real cohort that utility is tested on too.")
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option("--grid", help="quick or full: how much of the real data utility learns from. [default: quick]"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Networks trained at once. [default: one per core; 4 a GPU]",
        ),
    ] = None,
    settings: Annotated[Path | None, typer.Option("--settings", help="YAML file of settings.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, e.g. --set rules.fidelity.realism.good=0.1.")
    ] = None,
) -> None:
    """Score synthetic images against real ones: like them, as asked, useful, fair, and telling nobody's secrets?

    Every score comes with its number of subjects, an interval from drawing subjects again, and what real images
    themselves reach; below a minimum number of subjects it is refused. Writes scores.json, and report.html, one page that
    opens offline. Parts that are finished are kept, so that the same command goes on where it was stopped.

    Utility and fairness train networks on real, synthetic and both kinds of images: ten to twenty minutes on 2 cores for a
    cohort of 100 subjects, hours with --grid full. They need a real cohort with train, validation and test splits.

    \b
    Examples:
      synthcmr evaluate acdc synthetic scores
      synthcmr evaluate acdc synthetic scores --split test --parts fidelity
      synthcmr evaluate acdc synthetic scores --parts utility,fairness --also-test mnms
      synthcmr evaluate acdc synthetic scores --reader judges/reader --segmenter judges/segmenter
      synthcmr evaluate acdc synthetic scores --parts privacy --run runs/flow
    """
    from synthcmr.verbs.input_checks import expect_cohorts, expect_weights

    expect_cohorts(real, synth, also_test)
    expect_weights(encoder, reader, segmenter, run, *(reference or []))
    _check_sides(real, synth)
    from synthcmr.cli.attack_target import load_attack_target
    from synthcmr.cli.debias import listed, read_settings
    from synthcmr.cohort import Cohort
    from synthcmr.errors import SettingsError
    from synthcmr.evaluation.evaluate import evaluate as score
    from synthcmr.evaluation.settings import EvaluateSettings
    from synthcmr.report.report_folder import write_report
    from synthcmr.training.device import networks_at_once
    from synthcmr.verbs.progress import progress_bar

    asked: dict[str, Any] = {"split": split, "by": listed(by), "encoder": encoder, "reader": reader}
    asked |= {"segmenter": segmenter}
    single = list(change or [])
    if features is not None:
        single.append(f"fidelity.extractors=[{','.join(listed(features) or ())}]")
    single += [] if also_test is None else [f"utility.also_test={also_test}"]
    single += [] if grid is None else [f"utility.grid={grid}"]
    told = read_settings(EvaluateSettings, settings, {k: v for k, v in asked.items() if v is not None}, single)
    if reference and run is None:
        raise SettingsError("--reference: expected --run too, the generator that the references are compared with")
    if fit_encoder:
        told = told.model_copy(update={"encoder": _fitted(real, out, encoder)})
    target = load_attack_target(run, reference or ()) if run else None
    with progress_bar("evaluate") as report:
        card = score(
            Cohort.open(real),
            Cohort.open(synth),
            out,
            told,
            listed(only) or (),
            report,
            target,
            workers or networks_at_once(),
        )
    page = write_report(card, out)
    say(card)
    typer.echo(f"Page: {page}")


def _check_sides(real: Path, synth: Path) -> None:
    """Refuse one cohort on both sides, and sides that were swapped."""
    from synthcmr.cohort import Cohort
    from synthcmr.errors import SettingsError

    one, other = Cohort.open(real), Cohort.open(synth)
    if one.hash == other.hash:
        raise SettingsError(
            f"REAL and SYNTH: expected two cohorts, got the same one twice ({real}, {synth}); what real images reach against real ones is "
            "on every score card"
        )
    made = [set(cohort.info.get("origin", [])) == {"synthetic"} for cohort in (one, other)]
    if made == [True, False]:
        raise SettingsError(
            f"REAL and SYNTH: expected the real cohort first, got generated images first ({real}) and others second ({synth}); swap them"
        )
    if all(made):
        typer.echo(f"note: {real} holds generated images too: what is called real here is not.")


def _fitted(real: Path, out: Path, encoder: Path | None) -> Path:
    """An encoder of the user's own; a training that was cut short goes on, a finished one is taken as it is."""
    from synthcmr.cli.judge import fit_encoder
    from synthcmr.cli.train import observer
    from synthcmr.cohort import Cohort
    from synthcmr.errors import SettingsError
    from synthcmr.training.run_folder import RunFolder
    from synthcmr.verbs.progress import progress_bar

    if encoder is not None:
        raise SettingsError("--fit-encoder: expected no --encoder beside it, because it trains one")
    run = out / "encoder"
    if not (RunFolder(run).exists() and RunFolder(run).record().get("finished")):
        with progress_bar("fit encoder") as report:
            fit_encoder(Cohort.open(real), run, observer(run, report))
    return run


def say(card: "ScoreCard") -> None:
    """A line for each part, and one for each rule that is not met."""
    for name, part in card.parts.items():
        typer.echo(f"{name.capitalize()}: {part.verdict.sentence}")
        for finding in part.verdict.findings:
            if finding.word != "good":
                typer.echo(f"  {finding.sentence}")
