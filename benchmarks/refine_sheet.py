"""One sheet to look at: phantoms, what a run of refine makes of them from several beginnings, and real images.

    python -m benchmarks.refine_sheet RUN PHANTOMS REAL[:split] OUT.png [--begins 0.35 0.45 0.6] [--look NAME] [--steps 8]

RUN is a run folder or a weights file, PHANTOMS and REAL are cohort folders of one pixel and size. Each column is one subject, ED.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import LOOK, Condition
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings

COLUMNS = 12
Pictures = npt.NDArray[np.float32]


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("phantoms", type=Path)
    parser.add_argument("real")
    parser.add_argument("out", type=Path)
    parser.add_argument("--begins", type=float, nargs="+", default=[0.35, 0.45, 0.6])
    parser.add_argument("--look", default=None)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--larger", type=int, default=1)
    asked = parser.parse_args()
    from PIL import Image

    phantoms = Cohort.open(asked.phantoms)
    told = {} if asked.look is None else {LOOK: asked.look}
    conditions = [
        Condition(phantoms.mask(i)[:1], told, start=phantoms.image(i)[:1].astype(np.float32))
        for i in chosen(phantoms, COLUMNS)
    ]
    generator = load_generator(asked.run)
    rows = [np.hstack([c.start[0] for c in conditions if c.start is not None])]
    for begin in asked.begins:
        settings = SamplerSettings(steps=asked.steps, begin=begin)
        rows.append(np.hstack(list(generator.sample(conditions, list(range(COLUMNS)), settings)[:, 0])))
    folder, _, split = asked.real.partition(":")
    real = Cohort.open(folder).select(split=split) if split else Cohort.open(folder)
    rows.append(np.hstack([real.image(i)[0].astype(np.float32) for i in chosen(real, COLUMNS)]))
    picture = Image.fromarray((np.vstack(rows).clip(0, 1) * 255).astype(np.uint8))
    size = (picture.width * asked.larger, picture.height * asked.larger)
    picture.resize(size, Image.Resampling.BICUBIC).save(asked.out)
    print(f"{asked.out}: {generator.facts.get('steps')} steps; phantoms, begun at {asked.begins}, real")


def chosen(cohort: Cohort, count: int) -> list[int]:
    """Slices that show the heart, of as many subjects as there are, from base to apex in turn."""
    table = cohort.table
    shown = np.flatnonzero(table["slice_level"].notna().to_numpy())
    rows = shown if len(shown) else np.arange(len(cohort))
    subjects = table["subject_id"].to_numpy()[rows]
    names = list(dict.fromkeys(subjects))
    found = []
    for k in range(count):
        own = rows[subjects == names[k % len(names)]]
        found.append(int(own[(k * 5) % len(own)]))
    return found


if __name__ == "__main__":
    main()
