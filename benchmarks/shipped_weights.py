"""How the weights that come with the package are made: one script, resumable, on phantoms alone but for the refining generator.

    python -m benchmarks.shipped_weights --work FOLDER [--only flow segmenter reader anatomy] [--steps 7800]
    python -m benchmarks.shipped_weights --work FOLDER --only refine --run RUN --data COHORT
    python -m benchmarks.shipped_weights --work FOLDER --only refine-once --run RUN

The refining generators learn from phantoms and from Sunnybrook's people (CC0): `benchmarks.refine_data` makes the cohort,
`benchmarks.refine_long` the run of `refine`, and what that run has learned so far is taken from it. The one of a single evaluation
goes on from it: by `benchmarks.one_evaluation`, and then by `synthcmr train refine-once`.

For the others, 1000 phantoms of the `everyone` preset are made, and 900 more for the reader; generator, anatomies and judges
learn from them, and the results go into src/synthcmr/shipped. On two CPU cores, each busy with one of them: half an hour of
phantoms, three hours of flow, an hour of the reader. The segmenter has phantoms of its own and is trained by
`benchmarks/phantom_to_real.py`.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

from benchmarks.phantom_to_real import KINDS, trained
from synthcmr.cohort import Cohort
from synthcmr.evaluation.refine_calibration import calibrate
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.families import load_generator
from synthcmr.generators.family_settings import FlowSettings, RefineSettings
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.refine.training_task import load_frame_splits
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.settings import READER_LOOP, ReaderSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import SO_FAR, WEIGHTS
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import FILES, PRESET
from synthcmr.training.weights import read_header, save_weights

SHIPPED = Path(__file__).parents[1] / "src" / "synthcmr" / "shipped"
SUBJECTS, SEED = 1000, 7
MORE_SUBJECTS, MORE_SEED = 900, 8  # whom the reader alone has seen: it needs more people than the generator
FLOW = FlowSettings(channels=(96, 160, 224), attention=(False, False, True))
AS_IMAGES = 0.3  # of the steps
MEGABYTES = 40


def observe(progress: Progress) -> None:
    """A line now and then."""
    if progress.step % 50 == 0:
        print(
            f"step {progress.step} of {progress.steps}, loss {progress.loss:.4f}, held out {progress.held_out}, "
            f"{progress.seconds_left / 60:.0f} min left",
            flush=True,
        )


def flow(cohort: Cohort, work: Path, steps: int) -> None:
    """The generator of images, and the fingerprints of what it saw: first as images, which is learned quickly, then as the rest."""
    loop = LoopSettings(
        steps=round(steps * AS_IMAGES),
        warmup=200,
        learning_rate=5e-4,
        held_out_every=500,
        held_out_images=256,
        sheet_every=500,
        checkpoint_every=250,
    )
    first = FLOW.model_copy(update={"predict": "image"})
    FlowGenerator.fit(cohort, work / "flow-images", first, loop, observe)
    then = FLOW.model_copy(update={"start": str(work / "flow-images")})
    loop = loop.model_copy(update={"steps": steps - loop.steps, "learning_rate": 4e-4, "seed": 1})
    FlowGenerator.fit(cohort, work / "flow", then, loop, observe)
    store(work / "flow" / WEIGHTS, "flow")
    shutil.copy(work / "flow" / NAME, SHIPPED / FILES["fingerprints"])


def store(weights: Path, name: str, drawing: dict[str, Any] | None = None) -> None:
    """A generator in 8 bits: what it draws changes by less than a hundredth of the spread of grey values.

    Args:
        weights: of its run.
        name: of what ships.
        drawing: settings that decide how it draws, and not what it learned, where they changed since.
    """
    network = load_generator(weights).network  # type: ignore[attr-defined]
    header = read_header(weights)
    header["model"] |= drawing or {}
    save_weights(network, SHIPPED / FILES[name], header, compact=True)


def refine(run: Path, data: Path) -> None:
    """The refining generator as far as its run has come, calibrated where that is finished, and the fingerprints of what it saw."""
    whole = run / WEIGHTS
    if whole.exists():
        calibrate(run, Cohort.open(data))
    store(whole if whole.exists() else run / SO_FAR, "refine", {"shared": RefineSettings().shared})
    training, held_out = load_frame_splits(Cohort.open(data))
    Fingerprints.of(training, held_out).save(SHIPPED / FILES["refine-fingerprints"])


def reader(cohort: Cohort, work: Path) -> None:
    """The reader, stored in 8 bits."""
    loop = READER_LOOP.model_copy(update={"steps": 3000})
    more = phantoms(work / "readers", MORE_SUBJECTS, MORE_SEED)
    network = AttributeReader.fit(cohort, work / "reader", ReaderSettings(), loop, observe, also=[more]).network
    save_weights(network, SHIPPED / FILES["reader"], read_header(work / "reader" / WEIGHTS), compact=True)


def segmenter(work: Path, minutes: float, start: str) -> None:
    """The segmenter, on phantoms of its own: as varied as can be, with room around the heart."""
    weights = trained(work / "segmenter", work / "segmenter-phantoms", KINDS, start, minutes)
    shutil.copy(weights, SHIPPED / FILES["segmenter"])


def phantoms(folder: Path, subjects: int, seed: int) -> Cohort:
    """The people to learn from."""
    finished = (folder / "cohort.json").exists()
    return Cohort.open(folder) if finished else make_phantoms(folder, PRESET, subjects, seed=seed)


def main() -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=["anatomy", "segmenter", "reader", "flow"])
    parser.add_argument("--run", type=Path, help="with --only refine or refine-once: its run folder")
    parser.add_argument("--data", type=Path, help="with --only refine: the cohort that it learned from")
    parser.add_argument("--steps", type=int, default=7800, help="of the flow")
    parser.add_argument("--minutes", type=float, default=180.0, help="of the segmenter's training")
    parser.add_argument("--start", default="", help="weights that the segmenter begins from; 'shipped': those before")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    SHIPPED.mkdir(exist_ok=True)
    if options.only == ["refine-once"]:
        return store(options.run / WEIGHTS, "refine-once")
    if options.only == ["refine"]:
        return refine(options.run, options.data)
    cohort = phantoms(options.work / PRESET, SUBJECTS, SEED)
    for name in options.only:
        if name == "anatomy":
            AnatomyGenerator.fit(cohort).save(SHIPPED / FILES["anatomy"])
        elif name == "flow":
            flow(cohort, options.work, options.steps)
        elif name == "segmenter":
            segmenter(options.work, options.minutes, options.start)
        else:
            reader(cohort, options.work)
    size = sum(f.stat().st_size for f in SHIPPED.iterdir()) / 1e6
    print(f"{SHIPPED}: {size:.1f} MB of at most {MEGABYTES}")


if __name__ == "__main__":
    main()
