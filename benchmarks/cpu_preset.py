"""What the `cpu` preset reaches in 5, 10 and 20 minutes of training on this machine.

    python -m benchmarks.cpu_preset --cohort COHORT [--minutes 5 10 20] [--work FOLDER]

Trains the preset as `synthcmr train COHORT RUN --preset cpu` does, pausing the clock at every mark to draw held-out anatomies: the held-out
loss, the Dice of the shipped segmenter with the masks that were asked beside its Dice on real images of the same rows, and a sheet
(real above, drawn below) in the work folder.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.generators.conditional.generator import some_images
from synthcmr.generators.conditional.render import render
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.family_settings import FLOW_PRESETS
from synthcmr.generators.flow import FlowGenerator, FlowNetwork
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.scores import mean_dice
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import TrainingImages, load_splits
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import save_weights

BETWEEN = 25  # steps between looks at the clock


def quality(network: FlowNetwork, images: TrainingImages, rows: list[int], segmenter: Segmenter) -> dict[str, float]:
    """Dice of re-segmentation with what was asked, and of the same judge on the real images."""
    asked = [Condition(images.mask[i], images.attributes[i]) for i in rows]
    made = render(network, asked, rows, SamplerSettings())
    return {
        "dice": float(
            np.nanmean([mean_dice(segmenter.segment(m), images.mask[i]) for m, i in zip(made, rows, strict=True)])
        ),
        "dice_real": float(
            np.nanmean([mean_dice(segmenter.segment(images.image[i].astype(np.float32)), images.mask[i]) for i in rows])
        ),
    }


def main() -> None:
    """Train, stop at every mark, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--minutes", type=float, nargs="*", default=[5, 10, 20])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/cpu_preset"))
    options = parser.parse_args()
    model, loop = FLOW_PRESETS["cpu"]
    training, held_out = load_splits(Cohort.open(options.cohort), model.frames)
    watched = held_out or training
    rows = np.linspace(0, len(watched) - 1, options.images).astype(int).tolist()
    torch.manual_seed(loop.seed)
    fresh = FlowNetwork(model, Vocabulary.of(training.attributes, model.attributes))
    fresh.measure(some_images(training))
    trainee = ConditionalTrainee(fresh, training, held_out)
    record = FlowGenerator._record(model, loop, fresh.text.vocabulary, training)
    folder = RunFolder(options.work / "run")
    folder.start(record, [])
    quiet = loop.model_copy(
        update={"held_out_every": 10**6, "sheet_every": 10**6, "checkpoint_every": 10**6}  # the clock runs for training
    )
    going = Loop(trainee, quiet, folder)
    segmenter, spent, table = Segmenter.load(shipped("segmenter")), 0.0, []
    for mark in options.minutes:
        while spent < 60 * mark and going.step < loop.steps:
            started = time.perf_counter()
            network = going.fit(until=going.step + BETWEEN)
            spent += time.perf_counter() - started
        table.append(
            {
                "minutes": round(spent / 60, 1),
                "step": going.step,
                "held_out": going._held_out_loss(),
                **quality(network, watched, rows, segmenter),  # type: ignore[arg-type]
            }
        )
        print(table[-1], flush=True)
        picture = (trainee.sheet(network).clip(0, 1) * 255).astype(np.uint8)
        Image.fromarray(picture).save(options.work / f"after_{mark:g}_minutes.png")
    save_weights(network, folder.path / WEIGHTS, record | {"steps": going.step})
    record = {
        "threads": torch.get_num_threads(),
        "steps_of_preset": loop.steps,
        "images": options.images,
        "table": table,
    }
    (options.work.parent / "cpu_preset.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
