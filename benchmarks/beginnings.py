"""Does a generator that begins from phantoms do better on a small cohort, without and with differential privacy?

    python -m benchmarks.beginnings --cohort ACDC [--steps 300] [--seeds 0 1] [--epsilons 1 3 10] [--work FOLDER]

Trains the flow on the training split with equal steps from random weights and from those that ship (the same network both times), for each
seed, without privacy and at each epsilon. On the subjects of the other splits, whom no run saw:

- held-out loss
- Dice of re-segmentation (by the judge that ships, which learned from phantoms alone) of images drawn for their masks
- Fréchet distance of those images to theirs, in the features of the reader that ships, and what the training images have to theirs
- utility: Dice, on their real images, of a segmenter that was trained on drawn images alone (masks: those of the training split, so under
  privacy this is the utility of the images, with the masks taken as public)

The weights that ship, untouched, are measured as well. A run that is there already is neither trained nor measured again.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.fidelity import FEATURES, features, frechet
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.conditional.training_task import ConditionalTrainee
from synthcmr.generators.conditional.warm_start import started
from synthcmr.generators.family_settings import FlowSettings
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_dice
from synthcmr.judges.segmenter import Segmenter, SegmenterTrainee, build
from synthcmr.judges.settings import SEGMENTER_LOOP, SegmenterSettings
from synthcmr.training.images import TrainingImages, joined, load_images
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings, PrivacySettings
from synthcmr.training.shipped_weights import shipped

RATES = {  # of learning: what has been learned is not to be shaken off by the noise of privacy
    (None, False): 4e-4,
    (None, True): 4e-4,
    ("phantom", False): 2e-4,
    ("phantom", True): 1e-4,
}
Row = dict[str, float | str | None]
WARMUP = 10  # steps; runs are short
SUBJECTS, SLICES = 12, 2  # of a private step
USER = SegmenterSettings(filters=(16, 32, 64, 96, 128))  # the segmenter that learns from drawn images, and its run
USER_LOOP = SEGMENTER_LOOP.model_copy(
    update={
        "steps": 200,
        "batch": 8,
        "ema": 0.98,
        "held_out_every": 10**6,
        "sheet_every": 10**6,
        "checkpoint_every": 10**6,
    }
)


def trained(cohort: Cohort, run: Path, start: str | None, loop: LoopSettings) -> FlowGenerator:
    """The flow of one arm; its network is that of the shipped weights either way."""
    if (run / WEIGHTS).exists():
        return FlowGenerator.load(run / WEIGHTS)
    model, _ = FlowGenerator.settings("cpu")
    values = started({**model.model_dump(), "start": start, "rank": None}, shipped("flow"))
    return FlowGenerator.fit(
        cohort,
        run,
        FlowSettings.model_validate(values),
        loop,
        lambda p: print(f"{run.name}: {p.step} of {p.steps}", flush=True) if p.step % 50 == 0 else None,
    )


def drawn(generator: FlowGenerator, images: TrainingImages) -> TrainingImages:
    """An image for every mask and patient of a set."""
    known = generator.vocabulary
    asked = [
        Condition(m, {k: v for k, v in a.items() if known.knows(k, v)})
        for m, a in zip(images.mask, images.attributes, strict=True)
    ]
    made = generator.sample(asked, list(range(len(asked))), SamplerSettings())
    return replace(images, image=made.astype(np.float16), neighbours=[()] * len(asked))


def utility(learned: TrainingImages, others: TrainingImages, work: Path) -> float:
    """Dice on real images of a segmenter that learned from these alone."""
    torch.manual_seed(0)
    trainee = SegmenterTrainee(build(USER), learned, None, USER.size)
    work.mkdir(parents=True, exist_ok=True)
    network = Loop(trainee, USER_LOOP, RunFolder(work)).fit()
    return resegmented(Segmenter(network, "", {}), others.image.astype(np.float32), others)  # type: ignore[arg-type]


def resegmented(segmenter: Segmenter, images: np.ndarray, wanted: TrainingImages) -> float:
    """Mean Dice with the masks."""
    return float(np.nanmean([mean_dice(segmenter.segment(i), m) for i, m in zip(images, wanted.mask, strict=True)]))


def held_out_loss(generator: FlowGenerator, others: TrainingImages, work: Path) -> float:
    """As training computes it, on the subjects of the other splits."""
    trainee = ConditionalTrainee(
        generator.network.requires_grad_(True), others, others
    )  # a loop wants to be able to learn
    work.mkdir(parents=True, exist_ok=True)
    found = Loop(trainee, LoopSettings(held_out_images=len(others)), RunFolder(work))._held_out_loss()
    generator.network.requires_grad_(False)
    return float(found)


def measured(
    generator: FlowGenerator,
    training: TrainingImages,
    others: TrainingImages,
    judges: tuple[Segmenter, AttributeReader],
    work: Path,
) -> Row:
    """All four figures of a generator."""
    known = work.with_name(f"{work.name}.json")
    if known.exists():
        found: Row = json.loads(known.read_text())
        return found
    segmenter, reader = judges
    again = drawn(generator, others)
    found = {
        "held_out": held_out_loss(generator, others, work.with_name(f"{work.name}-loss")),
        "dice": resegmented(segmenter, again.image.astype(np.float32), again),
        "frechet": frechet(features(reader, again.image), features(reader, others.image)),
        "utility": utility(drawn(generator, training), others, work.with_name(f"{work.name}-use")),
    }
    known.write_text(json.dumps(found))
    return found


def main() -> None:
    """Train every arm, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1])
    parser.add_argument("--epsilons", type=float, nargs="*", default=[1.0, 3.0, 10.0])
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/beginnings"))
    options = parser.parse_args()
    cohort = Cohort.open(options.cohort)
    training = load_images(cohort, "train")
    others = joined([load_images(cohort, split) for split in ("validation", "test")])
    judges = Segmenter.load(shipped("segmenter")), AttributeReader.load(shipped("reader"))
    floor = {
        "frechet": frechet(features(judges[1], training.image), features(judges[1], others.image)),
        "dice": resegmented(judges[0], others.image.astype(np.float32), others),
        "utility": utility(training, others, options.work / "real-use"),
    }
    print("real", floor, flush=True)
    untouched = measured(FlowGenerator.load(shipped("flow")), training, others, judges, options.work / "shipped")
    table: list[Row] = [{"start": "phantom", "epsilon": 0.0, "seed": None, **untouched}]
    print(table, flush=True)
    for seed in options.seeds:
        for epsilon in (None, *options.epsilons):
            for start in ("phantom", None):
                privacy = epsilon and PrivacySettings(
                    epsilon=epsilon, subjects=SUBJECTS, slices=SLICES, subjects_in_cohort=len(set(training.subject))
                )
                loop = FlowGenerator.settings("cpu")[1].model_copy(
                    update={
                        "steps": options.steps,
                        "seed": seed,
                        "dp": privacy,
                        "held_out_every": 10**6,
                        "warmup": WARMUP,
                    }
                    | {"sheet_every": 10**6, "ema": 0.99, "learning_rate": RATES[start, epsilon is not None]}
                )
                name = f"{start or 'random'}-{epsilon or 'open'}-{seed}"
                generator = trained(cohort, options.work / name, start, loop)
                row: Row = {"start": start, "epsilon": epsilon, "seed": seed}
                table.append(row | measured(generator, training, others, judges, options.work / name))
                row = table[-1]
                print(row, flush=True)
                record = {"steps": options.steps, "features": FEATURES, "real": floor, "table": table}
                (options.work.parent / "beginnings.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
