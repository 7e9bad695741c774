"""All families on one GPU, side by side: trained on phantoms from random weights, then on real patients from what they had learned.

    python -m benchmarks.families_on_card WORK [--subjects 500] [--minutes 3] [--real COHORT] [--real-steps 400]
    python -m benchmarks.families_on_card WORK --score [--real COHORT] [--processes 5]

The first command makes phantoms (preset `everyone`, seed 70) and trains: three chains share the card, each for so many minutes: a VAE and
the GAN that begins from it; a latent flow; a flow that learns images, and a flow and a diffusion that begin from it. With --real each then
takes some steps on that cohort. The second makes two sets with every run and scores them by `benchmarks.families_utility`: several
processes share the work, those of the real cohort compute on the CPU. Runs and scores that are finished are kept.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.generators.conditional.start import start_file, started
from synthcmr.generators.families import family
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import LoopSettings

NEVER = 10**6
TRIAL = 30  # steps, to see how many fit into the minutes
CAUTION = 0.9  # of the minutes that are planned for: the card is shared
PHANTOMS, REAL = "phantoms", "real"
SIZES = {  # of both tables
    PHANTOMS: ("--subjects", "60", "--test", "60", "--spare", "40"),
    REAL: (
        *("--subjects", "60", "--test", "6", "--spare", "0", "--set", "utility.test=[test,validation]"),
        *("--set", "split=null", "--set", "min_subjects=9", "--set", "utility.fractions=[1.0]"),
    ),
}
COMMON = ("--seeds", "2", "--set", "utility.repeats=1")


@dataclass(frozen=True)
class Recipe:
    """How a run of the table is trained."""

    family: str
    share: float  # of the minutes
    batch: int
    start: str = ""  # the run it begins from
    changes: Mapping[str, Any] = field(default_factory=dict)


RECIPES = {
    "vae": Recipe("vae", 0.4, 32),
    "gan": Recipe("gan", 0.6, 16, "vae"),
    "latent": Recipe("latent", 1.0, 64),
    "flow-base": Recipe("flow", 0.3, 64, changes={"predict": "image"}),
    "flow": Recipe("flow", 0.7, 64, "flow-base", {"predict": "rest"}),
    "diffusion": Recipe("diffusion", 0.7, 64, "flow-base", {"predict": "rest"}),
}
CHAINS = ((("vae",), ("gan",)), (("latent",),), (("flow-base",), ("flow", "diffusion")))
ROWS = ("vae", "gan", "latent", "flow", "diffusion")
REAL_BATCH = 16


def fit(recipe: Recipe, cohort: Cohort, run: Path, start: Path | None, loop: LoopSettings) -> list[tuple[int, float]]:
    """Train one run; when it was at which step."""
    kind = family(recipe.family)
    model, _ = kind.settings("cpu")
    values = model.model_dump() | dict(recipe.changes)
    if start is not None:
        file = start_file(str(start), kind.begins_from(model))
        values = started(values | {"start": str(start)}, file) | dict(recipe.changes) | {"start": str(start)}
    seen: list[tuple[int, float]] = []

    def observe(progress: Progress) -> None:
        seen.append((progress.step, time.perf_counter()))
        if progress.step % 200 == 0:
            print(f"{run.name}: {progress.part} {progress.step} of {progress.steps}, {progress.loss:.3f}", flush=True)

    kind.fit(cohort, run, type(model).model_validate(values), loop, observe)
    return seen


def loop_of(recipe: Recipe, batch: int, steps: int) -> LoopSettings:
    """The loop of the `cpu` preset with larger batches, without looks and checkpoints on the way."""
    _, loop = family(recipe.family).settings("cpu")
    quiet = {"held_out_every": NEVER, "sheet_every": NEVER, "checkpoint_every": NEVER}
    return loop.model_copy(update={"batch": batch, "steps": steps, **quiet})


def learn(name: str, work: Path, minutes: float) -> None:
    """Train a run on phantoms for some minutes of this machine as it is now."""
    recipe, runs = RECIPES[name], work / PHANTOMS
    cohort, start = Cohort.open(work / "people"), runs / RECIPES[name].start if RECIPES[name].start else None
    begun = time.perf_counter()
    trial = fit(recipe, cohort, runs / f"{name}-trial", start, loop_of(recipe, recipe.batch, TRIAL))
    parts = 2 if recipe.family == "latent" else 1  # its first stage takes half as many steps, larger ones
    pace = (trial[-1][1] - trial[0][1]) / (TRIAL - 1) / parts if len(trial) > 1 else 1.0
    left = 60 * minutes * recipe.share - (time.perf_counter() - begun)
    steps = max(100, int(CAUTION * left / pace / parts))
    print(f"{name}: {steps} steps of {recipe.batch}, {pace:.3f} s each", flush=True)
    fit(recipe, cohort, runs / name, start, loop_of(recipe, recipe.batch, steps))


def adapt(name: str, work: Path, real: Path, steps: int) -> None:
    """Train a run on real patients from what it learned on phantoms."""
    recipe = Recipe(RECIPES[name].family, 1, REAL_BATCH)
    fit(recipe, Cohort.open(real), work / REAL / name, work / PHANTOMS / name, loop_of(recipe, REAL_BATCH, steps))


def again(*words: str, card: bool = True, cpu_threads: int = 2) -> subprocess.Popen[bytes]:
    """Another process of this machine."""
    threads = {"OMP_NUM_THREADS": str(cpu_threads), "MKL_NUM_THREADS": str(cpu_threads)}
    hidden = {} if card else {"CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen([sys.executable, "-m", *words], env={**os.environ, **threads, **hidden})


def together(commands: Sequence[Sequence[str]], most: int, card: bool = True) -> None:
    """Several processes at a time; one that fails does not stop the others."""
    with ThreadPoolExecutor(most) as pool:
        codes = list(pool.map(lambda words: again(*words, card=card).wait(), commands))
    for words, code in zip(commands, codes, strict=True):
        if code:
            print(f"exit {code}: {' '.join(words)}", flush=True)


def chain(steps: Sequence[Sequence[str]], work: Path, minutes: float) -> None:
    """Runs one after another, some of them at once."""
    for names in steps:
        missing = [name for name in names if not (work / PHANTOMS / name / WEIGHTS).exists()]
        words = [(*_this(work), "--one", name, "--minutes", str(minutes)) for name in missing]
        together(words, max(1, len(words)))


def train(options: argparse.Namespace) -> None:
    """Phantoms, all chains, and the real cohort."""
    people = options.work / "people"
    if not (people / COHORT_FILE).exists():
        make = ("--preset", "everyone", "--subjects", str(options.subjects), "--seed", "70")
        again("synthcmr", "phantom", str(people), *make, "--workers", str(cores()), cpu_threads=1).wait()
    with ThreadPoolExecutor(len(CHAINS)) as pool:
        list(pool.map(lambda steps: chain(steps, options.work, options.minutes), CHAINS))
    if options.real is not None:
        rows = [name for name in ROWS if not (options.work / REAL / name / WEIGHTS).exists()]
        told = ("--real", str(options.real), "--real-steps", str(options.real_steps))
        together([(*_this(options.work), "--one", name, *told) for name in rows], len(ROWS))


def score(options: argparse.Namespace) -> None:
    """Sets on the card, then scores, then both tables."""
    tables = [PHANTOMS, *([REAL] if options.real is not None else [])]
    sets = [(*_table(options, which), "--families", name, "--sets-alone") for which in tables for name in ROWS]
    together(sets, options.processes)
    with ThreadPoolExecutor(len(tables)) as pool:
        list(pool.map(lambda which: _scored(options, which), tables))
    for which in tables:
        again(*_table(options, which)).wait()


def _scored(options: argparse.Namespace, which: str) -> None:
    card = which == PHANTOMS
    if card:
        together([(*_table(options, which), "--families", "real")], 1)
    one = [(*_table(options, which), "--families", n, "--only-seed", str(k)) for k in range(2) for n in ROWS]
    together(one, options.processes, card)


def _this(work: Path) -> tuple[str, ...]:
    return "benchmarks.families_on_card", str(work)


def _table(options: argparse.Namespace, which: str) -> tuple[str, ...]:
    people = options.work / "people" if which == PHANTOMS else options.real
    where = (
        "--people",
        str(people),
        "--runs",
        str(options.work / which),
        "--out",
        str(options.work / f"{which}-scores"),
    )
    steps = ("--set", f"utility.segmentation.loop.steps={options.outlining_steps}", "--workers", "2")
    return "benchmarks.families_utility", *where, *SIZES[which], *COMMON, *steps


def main() -> None:
    """Train or score; or one run of those, in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--subjects", type=int, default=500, help="phantoms")
    parser.add_argument("--minutes", type=float, default=3, help="of the card, for each chain")
    parser.add_argument("--real", type=Path, default=None, help="a cohort of patients")
    parser.add_argument("--real-steps", type=int, default=400)
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--processes", type=int, default=5, help="that score at the same time, for each table")
    parser.add_argument("--outlining-steps", type=int, default=800)
    parser.add_argument("--one", default="", help="train this run alone, in this process")
    options = parser.parse_args()
    if options.one and options.real is not None:
        adapt(options.one, options.work, options.real, options.real_steps)
    elif options.one:
        learn(options.one, options.work, options.minutes)
    elif options.score:
        score(options)
    else:
        train(options)


if __name__ == "__main__":
    main()
