"""The long run of the refining network: phantoms and Sunnybrook's people, from nothing, for as long as there is time.

    nohup nice -n 15 python -m benchmarks.refine_long DATA RUN --copies FOLDER &     starts it, or goes on
    kill $(cat RUN.pid)                                                              stops it; nothing but the last minutes is lost

DATA is the cohort `both` that `benchmarks.refine_data` makes. The weights so far lie in RUN/so_far.safetensors; every thousand steps
a copy of them is kept in FOLDER.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import torch

from synthcmr.cohort import Cohort
from synthcmr.evaluation.sample_scores import sample_scores
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import SO_FAR

STEPS, BATCH, CHECKPOINT_EVERY, COPY_EVERY = 30_000, 16, 50, 1000


def main() -> None:
    """Train until it is done or stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--copies", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    asked.copies.mkdir(parents=True, exist_ok=True)
    asked.run.parent.mkdir(parents=True, exist_ok=True)
    asked.run.with_suffix(".pid").write_text(str(os.getpid()))
    torch.set_num_threads(asked.threads)  # no setting of the run, so that it goes on with any number
    model, loop = RefineGenerator.settings("cpu")
    loop = loop.model_copy(
        update={
            "steps": asked.steps,
            "batch": BATCH,
            "checkpoint_every": CHECKPOINT_EVERY,
            "held_out_every": 500,
            "held_out_images": 128,
            "sheet_every": 500,
        }
    )

    def observe(progress: Progress) -> None:
        if progress.step % CHECKPOINT_EVERY:
            return
        told = f"{progress.step}/{progress.steps} loss {progress.loss:.4f} held out {progress.held_out}"
        print(f"{told} {progress.seconds_left / 3600:.1f} h left", flush=True)
        newest = asked.run / SO_FAR
        if newest.exists():
            shutil.copy(newest, asked.copies / "newest.safetensors")
            if progress.step % COPY_EVERY == 0:
                shutil.copy(newest, asked.copies / f"step_{progress.step:06d}.safetensors")

    RefineGenerator.fit(Cohort.open(asked.data), asked.run, model, loop, observe, score=sample_scores)


if __name__ == "__main__":
    main()
