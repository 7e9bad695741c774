"""A student of few steps beside its teacher: quality and seconds an image.

    python -m benchmarks.few_step --cohort COHORT --run RUN [--images 256]

RUN is a trained `few-step` run (`synthcmr train few-step COHORT RUN`). For the masks and patients of the test split: Fréchet distance
and kernel distance to other real images, Dice of re-segmentation, and seconds an image in batches of 16, for the teacher at 50 and at
the usual guided steps, at as many steps as the student takes, and for the student.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.families import Ground
from benchmarks.fidelity import FEATURES
from synthcmr.cohort import Cohort
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.shipped_weights import shipped

SHOWN = 8


def main() -> None:
    """Draw, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/few_step"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ground = Ground.of(Cohort.open(options.cohort), options.images)
    teacher, student = load_generator(shipped("flow")), load_generator(options.run)
    leaps = int(student.network.settings.leaps)  # type: ignore[attr-defined]
    choices = {
        "teacher, 50 steps": (teacher, SamplerSettings(steps=50)),
        "teacher, usual": (teacher, SamplerSettings()),
        f"teacher, {leaps} steps": (teacher, SamplerSettings(steps=leaps)),
        f"student, {leaps} steps": (student, SamplerSettings()),
    }
    table = {"real": ground.quality(ground.real)}
    print("real", table["real"])
    sheet = [ground.real]
    for name, (generator, settings) in choices.items():
        made, seconds = ground.drawn(generator, settings)
        table[name] = ground.quality(made) | {"seconds": seconds}
        print(name, table[name], flush=True)
        sheet.append(made)
    shown = np.linspace(0, len(ground.asked) - 1, SHOWN + 2).astype(int)[1:-1]
    rows = [np.hstack(list(s[shown, 0])) for s in sheet]
    Image.fromarray((np.vstack(rows).clip(0, 1) * 255).astype(np.uint8)).save(options.out / "few_step.png")
    record = {"features": FEATURES, "images": len(ground.asked), "threads": torch.get_num_threads(), "table": table}
    (options.out.parent / "few_step.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
