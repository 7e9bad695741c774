"""A student of few steps beside its teacher: quality and seconds an image.

    python -m benchmarks.few_step --cohort COHORT --run RUN [--images 256]

RUN is a trained `few-step` run (`synthcmr train few-step COHORT RUN`). For the masks and patients of the test split: Fréchet distance
and kernel distance to other real images, Dice of re-segmentation, and seconds an image in batches of 16, for the teacher at 50 and at
the usual guided steps, at as many steps as the student takes, and for the student.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.families import quality
from benchmarks.fidelity import FEATURES
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import load_generator
from synthcmr.generators.protocol import Generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.shipped import shipped

SHOWN = 8


def drawn(
    generator: Generator, images: TrainingImages, rows: list[int], settings: SamplerSettings
) -> tuple[np.ndarray, float]:
    """Images for the masks and patients of some rows, and seconds an image."""
    known = generator.vocabulary
    asked = [
        Condition(images.mask[i], {k: v for k, v in images.attributes[i].items() if known.knows(k, v)}) for i in rows
    ]
    generator.sample(asked[:16], list(range(16)), settings)
    started = time.perf_counter()
    made = generator.sample(asked, list(range(len(rows))), settings)
    return made, (time.perf_counter() - started) / len(rows)


def main() -> None:
    """Draw, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/few_step"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    images = load_images(Cohort.open(options.cohort), "test")
    rows = np.linspace(0, len(images) - 1, options.images).astype(int).tolist()
    judges = Segmenter.load(shipped("segmenter")), AttributeReader.load(shipped("reader"))
    teacher, student = load_generator(shipped("flow")), load_generator(options.run)
    leaps = int(student.facts["model"]["leaps"])
    choices = {
        "teacher, 50 steps": (teacher, SamplerSettings(steps=50)),
        "teacher, usual": (teacher, SamplerSettings()),
        f"teacher, {leaps} steps": (teacher, SamplerSettings(steps=leaps)),
        f"student, {leaps} steps": (student, SamplerSettings()),
    }
    own = images.image[rows].astype(np.float32)
    table = {"real": quality(own, images, rows, judges)}
    print("real", table["real"])
    sheet = [own]
    for name, (generator, settings) in choices.items():
        made, seconds = drawn(generator, images, rows, settings)
        table[name] = quality(made, images, rows, judges) | {"seconds": seconds}
        print(name, table[name], flush=True)
        sheet.append(made)
    rows_shown = [np.hstack(list(s[:: max(1, len(rows) // SHOWN)][:SHOWN, 0])) for s in sheet]
    Image.fromarray((np.vstack(rows_shown).clip(0, 1) * 255).astype(np.uint8)).save(options.out / "few_step.png")
    record = {"features": FEATURES, "images": len(rows), "threads": torch.get_num_threads(), "table": table}
    (options.out.parent / "few_step.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
