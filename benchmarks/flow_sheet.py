"""Generated images beside real ones, for looking at.

    python -m benchmarks.flow_sheet --cohort COHORT [--run RUN] [--split test] --out sheet.png

Upper half: real images of the split, ED and ES. Lower half: images generated for the same masks and patients. With a cohort of
patients the sheet shows patients: it is for your eyes, not for publication.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.images import load_images
from synthcmr.training.shipped_weights import shipped

COLUMNS = 10


def mid_slices(attributes: list[dict[str, object]], subjects: list[str], count: int) -> list[int]:
    """One mid-ventricular slice of each of the first subjects."""
    first: dict[str, int] = {}
    for i, (row, subject) in enumerate(zip(attributes, subjects, strict=True)):
        if row.get("slice_level") == "mid" and subject not in first:
            first[subject] = i
    return list(first.values())[:count]


def strip(images: npt.NDArray[np.floating], frame: int) -> npt.NDArray[np.float32]:
    """One frame of each image, side by side."""
    return np.hstack([image[frame] for image in images]).astype(np.float32)


def main() -> None:
    """Generate and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--steps", type=int, default=SamplerSettings().steps)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    images = load_images(Cohort.open(options.cohort), options.split)
    generator = load_generator(options.run or shipped("flow"))
    rows = mid_slices(images.attributes, images.subject, COLUMNS)  # type: ignore[arg-type]
    vocabulary = generator.vocabulary
    told = [{k: v for k, v in images.attributes[i].items() if vocabulary.knows(k, v)} for i in rows]
    asked = [Condition(images.mask[i], t) for i, t in zip(rows, told, strict=True)]
    made = generator.sample(asked, list(range(len(rows))), SamplerSettings(steps=options.steps))
    real = images.image[rows].astype(np.float32)
    picture = np.vstack([strip(real, 0), strip(real, 1), strip(made, 0), strip(made, 1)])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8)).save(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
