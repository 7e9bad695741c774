"""`synthcmr train`: a generator from a cohort."""

from pathlib import Path

import typer

from synthcmr.cli.from_options import Arguments, command
from synthcmr.verbs.train import TrainOptions

ARGUMENTS: Arguments = {
    "family": (
        str,
        "refine, flow, diffusion, latent, gan, vae, few-step, stable; or anatomy for the generator of masks.",
    ),
    "cohort": (Path, "Cohort folder; its training split is learned from."),
    "run": (Path, "Run folder to make; a run that was cut short goes on."),
}


@command(TrainOptions, ARGUMENTS)
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
      torchrun --nproc-per-node 4 -m synthcmr train flow acdc runs/big --preset 80g
    """
    from synthcmr.verbs.train import train as fit

    typer.echo(fit(family, cohort, run, options).summary())
