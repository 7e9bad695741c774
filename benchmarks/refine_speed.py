"""Seconds a frame of refined phantoms, whole: people drawn, phantoms rendered, refined, and written.

    python -m benchmarks.refine_speed [--subjects 8] [--steps 4 8] [--workers 2] [--run RUN]

Whole stacks at ED and ES by `synthcmr.generate`, without screening, each number of steps in a cohort of its own; a first small one warms
up what is loaded once. Beside it the share of the phantoms: the same people rendered without being refined.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import synthcmr
from synthcmr.phantom.cohort import make_phantoms

SEED = 5


def seconds_a_frame(out: Path, subjects: int, steps: int, workers: int, run: Path | None) -> float:
    """Time of a cohort over the number of its frames."""
    began = time.perf_counter()
    made = synthcmr.generate(out, subjects=subjects, steps=steps, workers=workers, run=run, seed=SEED, screen=False)
    return (time.perf_counter() - began) / int(made.cohort.images["n_frames"].sum())


def phantom_seconds_a_frame(out: Path, subjects: int, workers: int) -> float:
    """The same for phantoms alone."""
    began = time.perf_counter()
    cohort = make_phantoms(out, "everyone", subjects, 2, SEED, workers=workers)
    return (time.perf_counter() - began) / int(cohort.images["n_frames"].sum())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=8)
    parser.add_argument("--steps", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="trained generator of family refine; default: the one that ships")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/refine_speed.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        seconds_a_frame(work / "warm", options.workers, 1, options.workers, options.run)
        table = {
            f"{steps} steps": seconds_a_frame(work / str(steps), options.subjects, steps, options.workers, options.run)
            for steps in options.steps
        }
        table["phantoms alone"] = phantom_seconds_a_frame(work / "phantoms", options.subjects, options.workers)
    for name, seconds in table.items():
        print(f"{name}: {seconds:.3f} s a frame, {options.workers} processes")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"workers": options.workers, "seconds_a_frame": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
