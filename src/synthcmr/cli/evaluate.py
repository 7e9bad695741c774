"""`synthcmr evaluate`: score a synthetic cohort against a real one."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.evaluate import EvaluateOptions

ARGUMENTS: Arguments = {
    "real": (Path, "Real cohort."),
    "synth": (Path, "Synthetic cohort, whoever made it."),
    "out": (Path, "Folder of the scores; what is finished there is kept."),
}


@command(EvaluateOptions, ARGUMENTS)
def evaluate(real: Path, synth: Path, out: Path, options: EvaluateOptions) -> None:
    """Score synthetic images against real ones: like them, as asked, useful, fair, private?

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
    from synthcmr.verbs.evaluate import evaluate as score

    typer.echo(score(real, synth, out, options, say=typer.echo).summary())
