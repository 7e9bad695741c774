"""`synthcmr judge`: train the judges that look at images, and score them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from synthcmr.cohort import Cohort
    from synthcmr.training.loop import Observer


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
    change: Annotated[list[str] | None, typer.Option("--set", help="One setting, e.g. --set loop.steps=1000.")] = None,
    split: Annotated[str, typer.Option("--split", help="score: images of this split; all for every image.")] = "test",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="fit: replace a run that is already there.")] = False,
) -> None:
    """Train a judge, or say how good one is.

    Judges screen what is generated and measure what it shows. The shipped ones learned from phantoms alone; train your
    own on real images before you trust them there.

    \b
    Examples:
      synthcmr judge fit segmenter acdc judges/segmenter
      synthcmr judge fit reader acdc judges/reader --set loop.steps=1500
      synthcmr judge fit segmenter acdc judges/segmenter --also mnms --also phantoms
      synthcmr judge fit encoder acdc judges/encoder
      synthcmr judge score segmenter acdc
      synthcmr generate out --run runs/acdc --judges judges --subjects 10
    """
    from synthcmr.cli.at_hand import expect_cohorts, expect_weights

    expect_cohorts(cohort, *(also or []))
    if action is Action.score:
        expect_weights(run)
        _score(kind, cohort, run, split)
        return
    from synthcmr.errors import SettingsError

    if run is None:
        raise SettingsError("judge fit: expected a run folder to make after the cohort, e.g. judges/segmenter")
    if overwrite:
        from synthcmr.cli.train import _clear

        _clear(run)
    _fit(kind, cohort, run, change or [], also or [])


def _fit(kind: Kind, cohort: Path, run: Path, change: list[str], also: list[Path]) -> None:
    from synthcmr.cli.progress import progress_bar
    from synthcmr.cli.train import observer
    from synthcmr.cohort import Cohort
    from synthcmr.judges.settings import (
        ENCODER_LOOP,
        READER_LOOP,
        SEGMENTER_LOOP,
        EncoderSettings,
        ReaderSettings,
        SegmenterSettings,
    )
    from synthcmr.training.overrides import overridden

    usual = {
        Kind.segmenter: (SegmenterSettings(), SEGMENTER_LOOP),
        Kind.encoder: (EncoderSettings(), ENCODER_LOOP),
        Kind.reader: (ReaderSettings(), READER_LOOP),
    }
    overridden(*usual[kind], None, change, None)  # refuses what is wrong before networks are imported
    from synthcmr.judges.reader import AttributeReader
    from synthcmr.judges.segmenter import Segmenter

    opened, others = Cohort.open(cohort), [Cohort.open(one) for one in also]
    with progress_bar(f"judge fit {kind.value}") as report:
        watch = observer(run, report)
        if kind is Kind.segmenter:
            outlines, loop = overridden(SegmenterSettings(), SEGMENTER_LOOP, None, change, None)
            Segmenter.fit(opened, run, outlines, loop, watch, others)
        elif kind is Kind.encoder:
            fit_encoder(opened, run, change, watch, others)
        else:
            reads, loop = overridden(ReaderSettings(), READER_LOOP, None, change, None)
            AttributeReader.fit(opened, run, reads, loop, watch, others)
    typer.echo(f"{run}: {kind.value}; test it: synthcmr judge score {kind.value} {cohort} {run}")


def fit_encoder(
    cohort: "Cohort", run: Path, change: list[str], watch: "Observer", also: "Sequence[Cohort]" = ()
) -> None:
    """Train an encoder, or take it as it is where it is finished."""
    from synthcmr.judges.encoder import ImageEncoder
    from synthcmr.judges.settings import ENCODER_LOOP, EncoderSettings
    from synthcmr.training.overrides import overridden

    model, loop = overridden(EncoderSettings(), ENCODER_LOOP, None, change, None)
    ImageEncoder.fit(cohort, run, model, loop, watch, also)


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
