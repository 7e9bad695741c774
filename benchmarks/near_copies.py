"""Seconds and memory of the search for near-copies, and whether both stay as promised at ten times the images.

    python -m benchmarks.near_copies [--images 10000] [--side 128] [--frames 1] [--out FILE]

As many training as synthetic images: smooth random fields, of which one in a hundred synthetic ones is a shifted and noised training
image. They are made block by block, so that the memory told is the search's own.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import zoom

from synthcmr.evaluation.privacy.copies.calibration import noised, shifted
from synthcmr.evaluation.privacy.copies.copy_search import search
from synthcmr.evaluation.privacy.image_index import ImageIndex, build_index
from synthcmr.evaluation.privacy.image_selection import BLOCK
from synthcmr.evaluation.privacy.settings import SearchSettings
from synthcmr.training.device import peak_memory_mb

GRAIN = 16  # numbers along a side that a field is drawn from
STOLEN = 100  # one in so many synthetic images


def field(seed: int, frames: int, side: int) -> np.ndarray:
    """A smooth random image, 0 to 1."""
    coarse = np.random.default_rng(seed).random((frames, GRAIN, GRAIN))
    return zoom(coarse, (1, side / GRAIN, side / GRAIN), order=1).astype(np.float32)


def blocks(count: int, frames: int, side: int, first: int) -> Iterator[np.ndarray]:
    """Fields by seed; those of a second set repeat some of the first."""
    import torch

    rng = np.random.default_rng(first)
    for start in range(0, count, BLOCK):
        made = []
        for k in range(start, min(start + BLOCK, count)):
            stolen = first > 0 and k % STOLEN == 0
            image = field(k if stolen else first + k, frames, side)
            made.append(noised(shifted(torch.from_numpy(image), rng), rng).numpy() if stolen else image)
        yield np.stack(made)


def pile(folder: Path, count: int, frames: int, side: int, first: int) -> ImageIndex:
    """One set, as it is compared."""
    names = np.array([f"{k:07d}" for k in range(count)])
    return build_index(folder, blocks(count, frames, side, first), names, names, None)


def main() -> None:
    """Make, search, tell."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--frames", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/near_copies.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shape = options.images, options.frames, options.side
        training = pile(Path(folder) / "training", *shape, first=0)
        synthetic = pile(Path(folder) / "synthetic", *shape, first=10**8)
        before, wall, cpu = peak_memory_mb(torch.device("cpu")), time.perf_counter(), time.process_time()
        found = search(synthetic, training, SearchSettings())
        told = {
            "images": options.images,
            "seconds": round(time.perf_counter() - wall, 1),
            "core_seconds": round(time.process_time() - cpu, 1),
            "threads": torch.get_num_threads(),
            "peak_mb_before": before,
            "peak_mb": peak_memory_mb(torch.device("cpu")),
        }
    stolen = np.arange(options.images) % STOLEN == 0
    correlation, right = found.correlation.numpy(), found.key.numpy() == np.arange(options.images)
    told |= {
        "stolen_found": float(right[stolen].mean()),
        "least_of_the_stolen": float(correlation[stolen].min()),
        "most_of_the_others": float(correlation[~stolen].max()),
    }
    print(json.dumps(told, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
