"""The picture of phantoms and of what the generator that ships makes of them, for README and docs; no patient is shown.

python -m benchmarks.refined_picture
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.shipped_weights import GENERATOR, shipped

COLUMNS, SEED, STEPS, LARGER = 8, 21, 8, 2
WHITE = 97  # percentile of an image that is shown as white
OUT = Path("docs/images/refined.png")


def windowed(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """As readers look at hearts: bright fat near the coil is white."""
    white: npt.NDArray[np.float32] = image / np.percentile(image, WHITE)
    return white


def main() -> None:
    """Draw one slice of each of eight people, from base to apex, ED and ES in turn."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        cohort = make_phantoms(Path(name) / "c", "acdc-like", COLUMNS, seed=SEED)
        asked = []
        for k, subject in enumerate(cohort.subjects["subject_id"]):
            (stack,) = cohort.stacks(subject)
            z = int((0.2 + 0.5 * ((k * 5) % 8) / 7) * (stack.image.shape[1] - 1))
            image = stack.image[k % 2, z].astype(np.float32)[None]
            asked.append(Condition(stack.mask[k % 2, z][None], {}, start=image))
    generator = load_generator(shipped(GENERATOR))
    drawn = generator.sample(asked, list(range(COLUMNS)), SamplerSettings(steps=STEPS))
    phantoms = [one.start[0] for one in asked if one.start is not None]
    rows = [np.hstack([windowed(image) for image in images]) for images in (phantoms, list(drawn[:, 0]))]
    picture = Image.fromarray((np.vstack(rows).clip(0, 1) * 255).astype(np.uint8))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * LARGER, picture.height * LARGER), Image.Resampling.BICUBIC).save(OUT, optimize=True)
    print(
        f"{OUT}: above phantoms, below the same people as {generator.facts.get('steps')} steps of the generator draw them"
    )


if __name__ == "__main__":
    main()
