"""How many steps does sampling need? Quality by sampler and number of steps, against 50.

    python -m benchmarks.sampler_steps --cohort COHORT [--images 128]

For the masks and patients of the test split: Dice of re-segmentation, and the Fréchet distance to the real images in the features
of the attribute reader. The fewest steps whose figures are within 5 % of those of 50 steps are what `generate` uses by default.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.fidelity import features, frechet
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.limits import mean_dice
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import load_images
from synthcmr.training.shipped import shipped

CHOICES = (
    *(("adams", n) for n in (6, 8, 10, 12, 50)),
    *(("euler", n) for n in (8, 16, 24, 50)),
    ("heun", 5),
)


def main() -> None:
    """Sample with every choice, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/sampler_steps.json"))
    options = parser.parse_args()
    images = load_images(Cohort.open(options.cohort), "test")
    rows = np.linspace(0, len(images) - 1, options.images).astype(int)
    others = np.setdiff1d(np.arange(len(images)), rows)
    generator = load_generator(shipped("flow"))
    segmenter, reader = Segmenter.load(shipped("segmenter")), AttributeReader.load(shipped("reader"))
    known = generator.vocabulary.names
    asked = [Condition(images.mask[i], {k: v for k, v in images.attributes[i].items() if k in known}) for i in rows]
    real = features(reader, images.image[others])
    table = []
    for sampler, steps in CHOICES:
        settings = SamplerSettings(sampler=sampler, steps=steps)
        made = generator.sample(asked, list(range(len(rows))), settings)
        dice = float(
            np.nanmean([mean_dice(segmenter.segment(m), images.mask[i]) for m, i in zip(made, rows, strict=True)])
        )
        table.append(
            {"sampler": sampler, "steps": steps, "dice": dice, "frechet": frechet(features(reader, made), real)}
        )
        print(table[-1], flush=True)
    floor = frechet(features(reader, images.image[rows]), real)
    print(f"real against real: {floor:.3f}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"table": table, "real_against_real": floor, "images": options.images}, indent=2))


if __name__ == "__main__":
    main()
