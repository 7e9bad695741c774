"""`synthcmr judge`: train the judges that look at images, and score them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from synthcmr.cohort import Cohort
    from synthcmr.judges.settings import JudgeSettings
    from synthcmr.training.loop import Observer
    from synthcmr.training.settings import LoopSettings


class Action(StrEnum):
    """What to do."""

    fit = "fit"
    score = "score"


class Kind(StrEnum):
    """Which judge."""

    segmenter = "segmenter"
    reader = "reader"
    encoder = "encoder"


def judge(
    action: Annotated[Action, typer.Argument(help="fit: train; score: test on a cohort's images.")],
    kind: Annotated[
        Kind,
        typer.Argument(
            help="segmenter: outlines the heart; reader: reads attributes; encoder: features for distances."
        ),
    ],
    cohort: Annotated[Path, typer.Argument(help="Cohort folder.")],
    run: Annotated[
        Path | None, typer.Argument(help="fit: run folder to make. score: a judge. [default: the shipped one]")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option("--also", help="fit: a further cohort whose training split is learned from.")
    ] = None,
    init_from: Annotated[
        str | None,
        typer.Option(
            "--init-from",
            help="fit: go on from weights instead of random ones: 'shipped', or a run of the same judge "
            "(encoder: also of a reader).",
        ),
    ] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="One setting, e.g. --set loop.steps=1000.")] = None,
    split: Annotated[str, typer.Option("--split", help="score: images of this split; all for every image.")] = "test",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="fit: replace a run that is already there.")] = False,
) -> None:
    """Train a judge, or say how good one is.

    Judges screen what is generated and measure what it shows. The shipped ones learned from phantoms alone; --init-from shipped
    fits them to your own images in minutes. Without --init-from a judge is trained from nothing.

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
    from synthcmr.verbs.input_checks import expect_cohorts, expect_weights

    expect_cohorts(cohort, *(also or []))
    if action is Action.score:
        expect_weights(run)
        _score(kind, cohort, run, split)
        return
    from synthcmr.errors import SettingsError

    if run is None:
        raise SettingsError("judge fit: expected a run folder to make after the cohort, e.g. judges/segmenter")
    model, loop = _settings(kind, change or [], init_from)  # refuses what is wrong before networks are imported
    if overwrite:
        from synthcmr.cli.train import _clear

        _expect_outside(init_from, run)
        _clear(run)
    _fit(kind, cohort, run, model, loop, also or [], init_from)


def _settings(kind: Kind, change: list[str], init_from: str | None) -> "tuple[JudgeSettings, LoopSettings]":
    """Settings of a judge, with the architecture and the shorter loop of fine-tuning where it goes on from weights."""
    from synthcmr.judges import settings as known
    from synthcmr.training.overrides import overridden

    models: dict[Kind, type[known.JudgeSettings]] = {
        Kind.segmenter: known.SegmenterSettings,
        Kind.reader: known.ReaderSettings,
        Kind.encoder: known.EncoderSettings,
    }
    if init_from is None:
        loops = {
            Kind.segmenter: known.SEGMENTER_LOOP,
            Kind.reader: known.READER_LOOP,
            Kind.encoder: known.ENCODER_LOOP,
        }
        return overridden(models[kind](), loops[kind], None, change, None)
    from synthcmr.judges.starting_weights import starting_weights

    tuning = {
        Kind.segmenter: known.SEGMENTER_TUNING,
        Kind.reader: known.READER_TUNING,
        Kind.encoder: known.ENCODER_TUNING,
    }
    start = starting_weights(kind.value, init_from)
    model, loop = overridden(start.settings(models[kind]), tuning[kind], None, change, None)
    start.check(model)
    return model, loop


def _expect_outside(init_from: str | None, run: Path) -> None:
    """Refuse to remove the weights that are to be gone on from."""
    from synthcmr.errors import SettingsError

    if init_from is not None and run.resolve() in (Path(init_from).resolve(), *Path(init_from).resolve().parents):
        raise SettingsError(
            f"--overwrite: expected a run folder other than that of --init-from {init_from}, which would be removed; "
            "name another folder to make"
        )


def _fit(
    kind: Kind,
    cohort: Path,
    run: Path,
    model: "JudgeSettings",
    loop: "LoopSettings",
    also: list[Path],
    init_from: str | None,
) -> None:
    from synthcmr.cli.train import observer
    from synthcmr.cohort import Cohort
    from synthcmr.judges.encoder import ImageEncoder
    from synthcmr.judges.reader import AttributeReader
    from synthcmr.judges.segmenter import Segmenter
    from synthcmr.verbs.progress import progress_bar

    judges: dict[Kind, Any] = {
        Kind.segmenter: Segmenter,
        Kind.reader: AttributeReader,
        Kind.encoder: ImageEncoder,
    }
    opened, others = Cohort.open(cohort), [Cohort.open(one) for one in also]
    with progress_bar(f"judge fit {kind.value}") as report:
        judges[kind].fit(opened, run, model, loop, observer(run, report), others, init_from)
    _echo_new_outputs(run)
    typer.echo(f"{run}: {kind.value}; test it: synthcmr judge score {kind.value} {cohort} {run}")


def _echo_new_outputs(run: Path) -> None:
    from synthcmr.training.run_folder import RunFolder

    if new := RunFolder(run).record().get("new_outputs"):
        typer.echo(
            f"{run}: its starting weights did not read {', '.join(new)}; these outputs were learned from nothing"
        )


def fit_encoder(cohort: "Cohort", run: Path, watch: "Observer") -> None:
    """Train an encoder, or take it as it is where it is finished."""
    from synthcmr.judges.encoder import ImageEncoder
    from synthcmr.judges.settings import ENCODER_LOOP, EncoderSettings

    ImageEncoder.fit(cohort, run, EncoderSettings(), ENCODER_LOOP, watch)


def _score(kind: Kind, cohort: Path, run: Path | None, split: str) -> None:
    from synthcmr.cohort import Cohort
    from synthcmr.judges.scores import score_encoder, score_reader, score_segmenter

    opened = Cohort.open(cohort)
    chosen = None if split == "all" else split
    score = {Kind.segmenter: score_segmenter, Kind.reader: score_reader, Kind.encoder: score_encoder}[kind]
    found = score(opened, run, chosen)
    typer.echo(f"{kind.value} on {cohort}, {found.images} images of {found.subjects} subjects:")
    for name, value in found.scores.items():
        typer.echo(f"  {name}: {value:.3f}")
    for name, why in found.absent.items():
        typer.echo(f"  {name}: not computed, {why}")
