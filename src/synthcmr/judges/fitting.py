"""Training a judge in a run folder: the same for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input
from synthcmr.judges.starting_weights import StartingWeights
from synthcmr.training.loop import Loop, Observer
from synthcmr.training.processes import main_first
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.training_task import Trainee
from synthcmr.training.weights import save_weights

Limits = dict[str, dict[str, float]]  # "slice" and "stack" -> what -> what nearly all real images reach


def fit_judge(
    cohort: Cohort,
    run: Path,
    record: dict[str, Any],
    loop: LoopSettings,
    build: Callable[[], Trainee],
    limits: Callable[[nn.Module], Limits],
    observe: Observer | None,
    also: Sequence[Cohort] = (),
    start: StartingWeights | None = None,
) -> Path:
    """Train, measure what real images score, and write the weights.

    Args:
        cohort: what is learned from.
        run: the run folder; a run that was cut short goes on.
        record: family and model settings.
        loop: settings of the loop.
        build: makes the model in training; called after the seed is set.
        limits: measures the trained network on real images.
        observe: told of progress.
        also: further cohorts that are learned from.
        start: weights that `build` fills the network with, for the records.

    Returns:
        The weights file.
    """
    folder = RunFolder(run)
    inputs = [Input(str(one.path), "cohort", one.hash) for one in (cohort, *also)]
    full = record | {"loop": loop.model_dump(mode="json"), "cohort_hash": cohort.hash}
    full |= {"also": [one.hash for one in also]} if also else {}
    if start is not None:
        full |= {"begun_from": start.hash}
        inputs.append(start.input)
    with main_first():
        folder.start(full, inputs)
    torch.manual_seed(loop.seed)
    going = Loop(build(), loop, folder, observe)
    network = going.fit()
    if going.main:
        header = full | {"limits": limits(network), "steps": going.step}
        folder.finish(save_weights(network, run / WEIGHTS, header), inputs)
    return run / WEIGHTS
