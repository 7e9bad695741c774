"""Seconds, core seconds and peak memory of fidelity and of the search for near-copies, at one size and at ten times the size.

    python -m benchmarks.evaluation_scale [--images 1000 10000] [--frames 1] [--out benchmarks/out/evaluation_scale.json]
        [--source COHORT] [--only nearest_neighbours]

Two cohorts of as many images each: phantoms, or the subjects of a given cohort, shifted, turned, brightened and noised as their number
says, so that many are made quickly. Each measurement is a process of its own, as peak memory is told of processes.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import shift

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.phantom.cohort import make_phantoms

SLICES = 10  # of each subject
PHANTOMS = 40  # that all images are made from
FARTHEST = 6  # pixels


def many(source: Cohort, out: Path, images: int, frames: int, first: int) -> Cohort:
    """A cohort of changed phantoms; of ten subjects, seven were learned from."""
    stacks = [source.select(subject_id=name) for name in source.subjects["subject_id"]]
    side = int(source.images["height"].iloc[0])
    with CohortWriter(out, {"step": "evaluation_scale", "of": source.hash}, canvas=(side, side)) as writer:
        for k in range(images // SLICES):
            number = first + k
            name, stack = f"s{number:07d}", stacks[number % len(stacks)]
            told = {**source.attributes(str(stack.subjects["subject_id"].iloc[0])), "split": _split(k)}
            writer.add(SubjectRecord(name, name, told, tuple(_slices(stack, name, number, frames))))
        writer.finish(None, [])
    return Cohort.open(out)


def _split(k: int) -> str:
    return "train" if k % 10 < 7 else "test"


def _slices(stack: Cohort, name: str, number: int, frames: int) -> Iterator[ImageRecord]:
    rng = np.random.default_rng(number)
    move, gain, mirror = rng.integers(-FARTHEST, FARTHEST + 1, size=2), rng.uniform(0.8, 1.2), rng.random() < 0.5
    for index in range(SLICES):
        row = index * len(stack) // SLICES
        image, mask = stack.image(row)[:frames], stack.mask(row)[:frames]
        image, mask = (shift(x, (0, *move), order=0, mode="nearest") for x in (image, mask))
        if mirror:
            image, mask = image[..., ::-1], mask[..., ::-1]
        image = np.clip(gain * image + rng.normal(0, 0.02, image.shape), 0, 1).astype(np.float32)
        told = ("lv,myo,rv",) * frames
        phases, places = ("ED", "ES")[:frames], tuple(range(frames))
        yield ImageRecord(image, mask, name, 0, index, SLICES, phases, told, frame_indices=places)


def fidelity(folder: Path) -> None:
    """The part of the score card, from nothing."""
    from synthcmr.evaluation.evaluate import evaluate
    from synthcmr.evaluation.settings import EvaluateSettings

    real, synthetic = (Cohort.open(folder / name) for name in ("real", "synthetic"))
    evaluate(real, synthetic, folder / "scores", EvaluateSettings(), ["fidelity"])


def nearest_neighbours(folder: Path) -> None:
    """The search for near-copies, with its threshold, planted copies, and distances to members and to others."""
    from synthcmr.evaluation.privacy.copies.near_copies import near_copies
    from synthcmr.evaluation.privacy.image_index import index_split
    from synthcmr.evaluation.privacy.image_selection import select_all, split_members
    from synthcmr.evaluation.privacy.settings import PrivacyPartSettings

    real, synthetic = (Cohort.open(folder / name) for name in ("real", "synthetic"))
    settings, frames = PrivacyPartSettings(), int(real.images["n_frames"].min())
    who, work = split_members(real, frames, settings), folder / "compared"
    near_copies(who, index_split(who, select_all(synthetic, frames), work, None, None), settings, work)


def measured(work: Callable[[Path], None], folder: Path) -> dict[str, Any]:
    """What it takes, in a process that does nothing else."""
    context = get_context("spawn")
    told = context.SimpleQueue()
    process = context.Process(target=_measure, args=(work, folder, told))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__}: ended with {process.exitcode}")
    found: dict[str, Any] = told.get()
    return found


def _measure(work: Callable[[Path], None], folder: Path, told: Any) -> None:
    started = time.perf_counter()
    work(folder)
    own = resource.getrusage(resource.RUSAGE_SELF)
    told.put(
        {
            "seconds": round(time.perf_counter() - started, 1),
            "core_seconds": round(own.ru_utime + own.ru_stime, 1),
            "peak_mb": round(own.ru_maxrss / 1024),
        }
    )


WORK = {work.__name__: work for work in (fidelity, nearest_neighbours)}


def _source(given: Path | None, place: Path) -> Cohort:
    return make_phantoms(place / "phantoms", "everyone", PHANTOMS) if given is None else Cohort.open(given)


def main() -> None:
    """Make, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--frames", type=int, default=1)
    parser.add_argument("--source", type=Path, help="cohort that all images are made from; phantoms otherwise")
    parser.add_argument("--only", nargs="+", choices=list(WORK), default=list(WORK))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/evaluation_scale.json"))
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        source = _source(options.source, Path(place))
        for images in options.images:
            folder = Path(place) / str(images)
            for name, first in (("real", 0), ("synthetic", images)):
                many(source, folder / name, images, options.frames, first)
            found[str(images)] = {name: measured(WORK[name], folder) for name in options.only}
            print(images, json.dumps(found[str(images)]), flush=True)
            shutil.rmtree(folder)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"options": {k: str(v) for k, v in vars(options).items()}, **found}, indent=2))


if __name__ == "__main__":
    main()
