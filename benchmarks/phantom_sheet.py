"""The sheet of phantom slices shown in the README.

python benchmarks/phantom_sheet.py
"""

import tempfile
from pathlib import Path

import numpy as np

from synthcmr.phantom.cohort import make_phantoms

COLUMNS, ROWS = 8, 3


def main() -> None:
    """Draw one slice of each of 24 subjects, from base to apex, ED and ES in turn."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        cohort = make_phantoms(Path(name) / "c", "acdc-like", COLUMNS * ROWS, seed=4)
        tiles = []
        for k, subject in enumerate(cohort.subjects["subject_id"]):
            (stack,) = cohort.stacks(subject)
            z = int((0.15 + 0.6 * ((k * 5) % 8) / 7) * (stack.image.shape[1] - 1))
            tiles.append(np.clip(stack.image[k % 2, z] * 255, 0, 255).astype(np.uint8))
    sheet = np.concatenate([np.concatenate(tiles[r * COLUMNS : (r + 1) * COLUMNS], axis=1) for r in range(ROWS)])
    out = Path("docs/images/phantoms.png")
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(out, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
