"""Which features tell faults: the reader's, an encoder's, radiomics.

    python -m benchmarks.encoders --cohort ACDC --phantoms PHANTOMS [--encoder RUN ...] [--out encoders.json]

Each fault is done to one half of the real subjects, and MMD is taken to the other half. Told is how many standard deviations of
real against real (over random halves) the faulty half lies away; the larger, the better the features see the fault. Ordering: real
halves, then real ones blurred, then phantoms, each farther than the one before. Repeats, for mode collapse: the share of images
that another subject has as near as hardly any two real ones have.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from synthcmr.cohort import Cohort
from synthcmr.evaluation.comparison import subject_places
from synthcmr.evaluation.features.cmr import CmrExtractor
from synthcmr.evaluation.features.radiomics import RadiomicsExtractor
from synthcmr.evaluation.features.stream import Extractor, FrameBatch, batches
from synthcmr.statistics.kernels import Blocks, gaussian_kernel, median_distance
from synthcmr.statistics.manifold import repeats
from synthcmr.statistics.sample import Sample

SPLITS, PHANTOMS, PEOPLE = 20, 40, 4
Images = npt.NDArray[np.float32]


def blurred(image: Images, rng: np.random.Generator) -> Images:
    """A Gaussian of 0.8 pixels."""
    return gaussian_filter(image, (0, 0, 0.8, 0.8))


def noisy(image: Images, rng: np.random.Generator) -> Images:
    """Rician noise of 5 % of the largest value."""
    parts = rng.normal(0, 0.05, (2, *image.shape))
    return np.hypot(image + parts[0], parts[1]).astype(np.float32)


def wrong_texture(image: Images, rng: np.random.Generator) -> Images:
    """A third of the detail of every image comes from another one: as much power, in the wrong places."""
    detail = image - gaussian_filter(image, (0, 0, 1.5, 1.5))
    return (image - 0.33 * detail + 0.33 * detail[rng.permutation(len(image))]).clip(0)


def flattened(image: Images, rng: np.random.Generator) -> Images:
    """Contrast of another scanner: a power of 0.8."""
    return image.clip(0) ** np.float32(0.8)


FAULTS: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "blurred": blurred,
    "noisy": noisy,
    "wrong texture": wrong_texture,
    "flattened": flattened,
}


def values(cohort: Cohort, extractor: Extractor, fault: Callable[..., Images] | None = None) -> Sample:
    """Features of every image, after something was done to it."""
    rng = np.random.default_rng(0)
    found = np.full((len(cohort), len(extractor.columns)), np.nan)
    for batch in batches(cohort, 2):
        image = batch.image if fault is None else fault(batch.image, rng)
        found[batch.rows] = extractor.of(FrameBatch(batch.rows, image, batch.mask, batch.table))
    return Sample.of(found, subject_places(cohort))


def scaled(real: Sample, *others: Sample) -> list[Sample]:
    """All in the real images' spread, so that features of other units can be compared."""
    mean, sd = real.values.mean(axis=0), real.values.std(axis=0)
    keep = sd > 1e-9
    return [
        Sample(((s.values - mean) / np.where(keep, sd, 1))[:, keep].clip(-8, 8), s.subject) for s in (real, *others)
    ]


def mmd(a: Sample, b: Sample, width: float) -> float:
    """Without pairs of one subject."""
    blocks = Blocks.of(a, b, gaussian_kernel(width))
    return blocks.by_subjects(np.ones(len(a.subjects)), np.ones(len(b.subjects)))


def halves(real: Sample) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Random halves of the subjects."""
    rng = np.random.default_rng(1)
    cut = [rng.permutation(real.subjects) for _ in range(SPLITS)]
    return [(order[: len(order) // 2], order[len(order) // 2 :]) for order in cut]


def scores(cohort: Cohort, phantoms: Cohort, extractor: Extractor) -> dict[str, Any]:
    """All that is told of one extractor."""
    raw = [values(cohort, extractor), values(phantoms, extractor)]
    raw += [values(cohort, extractor, fault) for fault in FAULTS.values()]
    real, strangers, *faulty = scaled(*raw)
    width, cut = median_distance(real, 0), halves(real)
    floor = np.array([mmd(real.among(a), real.among(b), width) for a, b in cut])
    spread = floor.std(ddof=1)
    told = {
        name: np.array([mmd(real.among(a), one.among(b), width) for a, b in cut])
        for name, one in zip(FAULTS, faulty, strict=True)
    }
    told["phantoms"] = np.array([mmd(real.among(a), strangers, width) for a, _ in cut])
    collapsed = [_collapsed(real, b) for _, b in cut]
    return {
        "told": {name: float((one.mean() - floor.mean()) / spread) for name, one in told.items()},
        "ordered": float(np.mean((floor < told["blurred"]) & (told["blurred"] < told["phantoms"]))),
        "repeats": float(np.mean([repeats(real.among(a), c).mean() for (a, _), c in zip(cut, collapsed, strict=True)])),
        "repeats of real": float(np.mean([repeats(real.among(a), real.among(b)).mean() for a, b in cut])),
        "images": len(cohort),
        "subjects": len(real.subjects),
    }


def _collapsed(real: Sample, subjects: npt.NDArray[np.intp]) -> Sample:
    """A few people over and over, with a little noise."""
    rng = np.random.default_rng(2)
    parts = [real.among(subjects[k % PEOPLE]) for k in range(len(subjects))]
    moved = [p.values + rng.normal(0, 0.02, p.values.shape) for p in parts]
    return Sample(np.concatenate(moved), np.repeat(np.arange(len(parts)), [len(p) for p in parts]))


def main() -> None:
    """Score what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--phantoms", type=Path, required=True)
    parser.add_argument("--encoder", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "encoders.json")
    options = parser.parse_args()
    cohort, phantoms = Cohort.open(options.cohort), Cohort.open(options.phantoms)
    unseen = phantoms.select(split="test")
    phantoms = unseen.select(subject_id=unseen.subjects["subject_id"].tolist()[:PHANTOMS])
    every: dict[str, Extractor] = {"shipped reader": CmrExtractor(), "radiomics": RadiomicsExtractor()}
    every |= {run.name: CmrExtractor(run) for run in options.encoder}
    found = {name: scores(cohort, phantoms, one) for name, one in every.items()}
    options.out.write_text(json.dumps(found, indent=2) + "\n")
    columns = [*FAULTS, "phantoms"]
    print(f"| features | {' | '.join(columns)} | ordered | repeats (real) |")
    print("|" + " --- |" * (len(columns) + 3))
    for name, one in found.items():
        cells = " | ".join(f"{one['told'][c]:.1f}" for c in columns)
        print(f"| {name} | {cells} | {one['ordered']:.0%} | {one['repeats']:.2f} ({one['repeats of real']:.2f}) |")


if __name__ == "__main__":
    main()
