"""How many steps does sampling need? Quality by sampler and number of steps, against 50.

    python -m benchmarks.sampler_steps --cohort COHORT [--images 128]

For the masks and patients of the test split: Dice of re-segmentation, Fréchet and kernel distance to the real images of the validation
split in the features of the attribute reader, and seconds an image. The samplers of diffusions follow the flow that ships on the arc.
"""

import argparse
import json
from pathlib import Path

from benchmarks.families import Ground
from synthcmr.cohort import Cohort
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.shipped_weights import shipped

CHOICES = (
    *(("adams", n) for n in (6, 8, 10, 12, 50)),
    *(("euler", n) for n in (8, 16, 24, 50)),
    ("heun", 5),
    *((name, n) for name in ("unipc", "dpm++", "ddim") for n in (10, 20)),
)


def main() -> None:
    """Sample with every choice, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--images", type=int, default=144)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/sampler_steps.json"))
    options = parser.parse_args()
    ground = Ground.of(Cohort.open(options.cohort), options.images)
    generator = load_generator(shipped("flow"))
    table = []
    for sampler, steps in CHOICES:
        made, seconds = ground.drawn(generator, SamplerSettings(sampler=sampler, steps=steps))
        found = ground.quality(made)
        table.append(
            {"sampler": sampler, "steps": steps, "seconds": seconds, **{k: found[k] for k in ("dice", "fid", "kid")}}
        )
        print(table[-1], flush=True)
    floor = ground.quality(ground.real)
    print(f"real against real: {floor}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"table": table, "real": floor, "images": len(ground.asked)}, indent=2))


if __name__ == "__main__":
    main()
