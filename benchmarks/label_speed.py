"""Slices that `label` segments in a second on two processes, and its memory against the size of a cohort.

    python -m benchmarks.label_speed

Phantoms in their whole field of view (1.5 mm) without masks: cines of 20 frames, and ED+ES pairs. The time is that of the whole command:
reading, finding the heart, segmenting, quality, measures, cropping and writing; starting Python and loading the judge are told apart.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.render import render_subject

WORKERS, SEED = 2, 4242
RENDERED = 8  # subjects; more come again under other names


def unlabelled(out: Path, subjects: int, frames: int) -> Cohort:
    """A cohort of uncropped phantoms without masks and phases; few are rendered, and come again under other names."""
    settings = PreprocessSettings(size=None, frames="cine" if frames > 1 else "single")
    rendered = [
        render_subject(draw_subject("acdc-like", k, SEED), frames, None) for k in range(min(subjects, RENDERED))
    ]
    with CohortWriter(out, {"step": "benchmark", "subjects": subjects, "frames": frames}) as writer:
        for k in range(subjects):
            made = rendered[k % len(rendered)]
            stack = Stack(made.image, None, made.spacing_mm, made.slice_step_mm, ("",) * frames, affine=made.affine)
            writer.add(to_record(RawSubject(f"p{k:03d}", {}, (stack,), origin="phantom"), f"p{k:03d}", settings))
        writer.finish(None, [])
    return Cohort.open(out)


def timed(cohort: Cohort, out: Path, workers: int) -> dict[str, float]:
    """Seconds from the second subject on, so that loading the judge does not count; and of everything."""
    from synthcmr.labelling.label import label

    marks: list[tuple[float, int]] = []
    started = time.perf_counter()
    result = label(cohort, out, workers=workers, progress=lambda done, _, __: marks.append((time.perf_counter(), done)))
    total = time.perf_counter() - started
    slices = int(cohort.images["n_frames"].sum())
    per_subject = slices / len(cohort.subjects)
    first, last = marks[workers - 1], marks[-1]
    assert (result.cohort.mask(0) != Label.UNLABELLED).all()
    return {
        "slices": slices,
        "slices_per_second": per_subject * (last[1] - first[1]) / (last[0] - first[0]),
        "seconds_in_all": total,
    }


def peak_memory_mb(cohort: Path, out: Path) -> float:
    """Peak resident memory of labelling in one process of its own."""
    context = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[float] = context.Queue()
    process = context.Process(target=_measure, args=(cohort, out, queue))
    process.start()
    peak = queue.get()
    process.join()
    return peak


def _measure(cohort: Path, out: Path, queue: "multiprocessing.Queue[float]") -> None:
    from synthcmr.labelling.label import label

    label(cohort, out, workers=1)
    status = Path("/proc/self/status").read_text()
    queue.put(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=8, help="of the cines; four times as many pairs")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/label_speed.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told: dict[str, object] = {}
        for what, subjects, frames in (("cines", options.subjects, 20), ("pairs", 4 * options.subjects, 2)):
            cohort = unlabelled(folder / what, subjects, frames)
            told[what] = timed(cohort, folder / f"{what}_labelled", options.workers)
            print(what, told[what], flush=True)
        if not options.no_memory:
            told["peak_memory_mb"] = {
                n: peak_memory_mb(unlabelled(folder / f"m{n}", n, 2).path, folder / f"m{n}_labelled") for n in (4, 24)
            }
    told["load_average"] = round(os.getloadavg()[0], 1)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(told, indent=2))
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
