"""How quick recalibration is, what memory it takes, and what the small RHM network gives up against the full Restormer.

    python -m benchmarks.recalibration_speed [--images 1000] [--steps 60] [--work benchmarks/out/recalibration_speed]

Images are random fields of 128x128 whose power falls with frequency; "synthetic" ones are smoother. Whole commands are timed, reading
and writing included, each in a process of its own, for so many images and for four times as many. Both networks learn for the same
number of steps, from the same images with the same loss, and are timed on the same images, one after the other.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import COHORT_FILE, CohortWriter
from synthcmr.frequency.apply import apply_to_cohort
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.settings import (
    MappingSettings,
    RecalibrationSettings,
    ReplacementSettings,
    SpectrumSettings,
    preset,
)
from synthcmr.frequency.sources import ArrayImages, CohortImages
from synthcmr.frequency.spectrum.compare import DISTANCE, compare
from synthcmr.training.settings import LoopSettings

SIDE, SPACING = 128, 1.5
REAL, SYNTHETIC = 0.0, 0.25  # width of the blur, in pixels to the power of one
LEARNED = 200
TIMED, JUDGED = 8, 40  # images that the networks are timed on, and compared by: the full one takes seconds for each
METHODS = ("shr", "rings", "rhm")


def fields(count: int, seed: int, blur: float) -> np.ndarray:
    """Random images with the contrast of a slice."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(fft.fftfreq(SIDE)[:, None], fft.rfftfreq(SIDE)[None])
    radius[0, 0] = 1.0
    shape = radius**-1.2 * np.exp(-blur * (2 * np.pi * radius) ** 2 / 2)
    found = fft.irfft2(fft.rfft2(rng.standard_normal((count, SIDE, SIDE))) * shape, s=(SIDE, SIDE))
    found *= np.exp(rng.normal(0, 0.2, (count, 1, 1))) * 0.12 / found.std(axis=(1, 2), keepdims=True)
    return np.clip(found - found.mean(axis=(1, 2), keepdims=True) + 0.5, 0, 1).astype(np.float32)


def cohort(out: Path, count: int, seed: int, blur: float) -> Cohort:
    """The fields as a cohort, ten images to a subject."""
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    with CohortWriter(out, {"step": "phantom", "settings": {}}, "float16", (SIDE, SIDE)) as writer:
        for k in range(0, count, 10):
            name, pixels = f"s{k:06d}", fields(10, seed + k, blur)
            images = tuple(_image(name, i, pixels[i : i + 1]) for i in range(10))
            writer.add(SubjectRecord(name, name, {}, images))
        writer.finish(None, [])
    return Cohort.open(out)


def _image(name: str, place: int, pixels: np.ndarray) -> ImageRecord:
    mask = np.zeros(pixels.shape, dtype=np.uint8)
    spacing = {"spacing_row_mm": SPACING, "spacing_column_mm": SPACING}
    return ImageRecord(pixels, mask, name, 0, place, 10, ("ED",), ("",), origin="synthetic", **spacing)


def fitted(method: str, work: Path) -> Path:
    """A model of the method; RHM's network as it is after a few steps: speed does not depend on what it learned."""
    folder = work / method
    if not (folder / "recalibration.json").exists():
        real = CohortImages(cohort(work / "real", LEARNED, 0, REAL))
        told = RecalibrationSettings(method=method, replacement=ReplacementSettings(radius=0.5))  # type: ignore[arg-type]
        Recalibration(told).fit(real, folder / "network", networks(2)["small"]).save(folder)
    return folder


def networks(steps: int) -> dict[str, tuple[MappingSettings, LoopSettings]]:
    """The small network and the full one, learning alike."""
    loop = preset("cpu")[1].model_copy(update={"steps": steps, "batch": 4, "warmup": min(20, steps // 2)})
    model = MappingSettings(perturbation="slopes")
    full = preset("24g")[0].model_copy(update={"perturbation": "slopes", "crop": model.crop})
    return {"small": (model, loop), "restormer": (full, loop.model_copy(update={"learning_rate": 3e-4}))}


def one_apply(method: str, source: Path, work: Path) -> dict[str, float]:
    """`recalibrate apply`, timed in this process."""
    model, made = Recalibration.load(work / method), Cohort.open(source)
    started = time.perf_counter()
    apply_to_cohort(model, work / method, made, work / "out" / f"{method}-{source.name}-{time.time_ns()}")
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "images_per_second": len(made) / seconds,
        "core_seconds_per_image": (used.ru_utime + used.ru_stime) / len(made),
        "peak_mb": used.ru_maxrss / 1024,
    }


def in_own_process(method: str, source: Path, work: Path) -> dict[str, float]:
    words = ["-m", "benchmarks.recalibration_speed", "--work", str(work), "--one", method, str(source)]
    found: dict[str, float] = json.loads(subprocess.check_output([sys.executable, *words]))
    return found


def compared(steps: int, work: Path) -> dict[str, Any]:
    """Both networks: distance of what they make from real images, and images a second, turn about."""
    real, made = fields(LEARNED, 50_000, REAL), fields(JUDGED, 60_000, SYNTHETIC)
    spacing = (SPACING, SPACING)
    settings = SpectrumSettings(detail=False, by=(), halves=4)
    models = {}
    for name, told in networks(steps).items():
        learned = ArrayImages(fields(LEARNED, 70_000, REAL), spacing)
        models[name] = Recalibration(RecalibrationSettings(method="rhm")).fit(learned, work / f"net-{name}", told)
    few = ArrayImages(made[:TIMED], spacing)
    seconds = dict.fromkeys(models, np.inf)
    for _ in range(3):
        for name, model in models.items():
            started = time.perf_counter()
            model.transform(few)
            seconds[name] = min(seconds[name], time.perf_counter() - started)
    sets = {"uncalibrated": made} | {n: np.stack(m.transform(ArrayImages(made, spacing))) for n, m in models.items()}
    found = compare(
        ArrayImages(real, spacing),
        {n: ArrayImages(v.reshape(made.shape), spacing) for n, v in sets.items()},
        {},
        settings,
    )
    gaps = {one.name: one.scores[DISTANCE].value for one in found.sets}
    return {"gap": gaps, "images_per_second": {n: TIMED / s for n, s in seconds.items()}}


def main() -> None:
    """Time, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/recalibration_speed"))
    parser.add_argument("--one", nargs=2, metavar=("METHOD", "COHORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(one_apply(given.one[0], Path(given.one[1]), given.work)))
        return
    print("| method | images | images/s | core seconds an image | peak MB |\n| --- | --- | --- | --- | --- |")
    for method in METHODS:
        fitted(method, given.work)
        for count in (given.images, 4 * given.images):
            source = cohort(given.work / f"made-{count}", count, 10_000, SYNTHETIC)
            told = in_own_process(method, source.path, given.work)
            print(f"| {method} | {count} | " + " | ".join(f"{v:.3g}" for v in told.values()) + " |", flush=True)
    print(json.dumps(compared(given.steps, given.work), indent=2))


if __name__ == "__main__":
    main()
