"""Does it teach? Segmenters that learned from phantoms, from refined phantoms, from patients, and from mixtures, tested on other patients.

    python -m benchmarks.teaching --patients ACDC --made phantoms=P refined=R \\
        --acdc ../shared/data/acdc/training ../shared/more/acdc/training --sunnybrook ../shared/data/sunnybrook ../shared/more/sunnybrook \\
        --out FOLDER [--steps 2400] [--seeds 0 1] [--only phantoms patients+refined]

Every set in `--made` is learned from alone and together with the patients; in a mixture each source gives half of every batch on
average. Patients are ACDC's without the 30 that `benchmarks.supervised_segmenter` keeps away, and those 30 and Sunnybrook, another
hospital's, are what everything is tested on, on native pixels with the heart found from the image alone
(`benchmarks.segmentation_on_patients`). All arms have one network, one augmentation and as many steps; five watched patients show
whether a network still learns: the table says by how much their loss fell in the last quarter of the steps. Everything is resumable:
arms that are finished are not trained again, and further sets, seeds or arms can be added to a folder.

Generated images must have learned their looks from none of the 30: make them with a generator that was trained on the other patients.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmarks.segmentation_on_patients import cached, scores, summary
from benchmarks.supervised_segmenter import (
    BATCH,
    SIZE,
    TEST_PATIENTS,
    Augment,
    SupervisedTrainee,
    augment_real,
    observe,
    patient_name,
    planar,
    split_patients,
)
from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input
from synthcmr.judges.augment import augment
from synthcmr.judges.segmenter import Segmenter, build
from synthcmr.judges.settings import SEGMENTER_LOOP, SegmenterSettings
from synthcmr.training.images import TrainingImages, joined, load_images
from synthcmr.training.loop import Loop
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.weights import save_weights

PATIENTS = "patients"
LAST_PART = 0.25  # of the steps, in which a network that has learned gets hardly better
AUGMENTATIONS: dict[str, Augment] = {"strong": augment, "real": augment_real}


@dataclass(frozen=True)
class Arm:
    """What one network learns from."""

    sources: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "patients+refined"."""
        return "+".join(self.sources)


def arms(made: Sequence[str]) -> list[Arm]:
    """Every made set alone, the patients alone, and the patients with each set."""
    return [*(Arm((name,)) for name in made), Arm((PATIENTS,)), *(Arm((PATIENTS, name)) for name in made)]


def even_weights(parts: Sequence[TrainingImages]) -> npt.NDArray[np.float64]:
    """Weight of every frame with which each source is drawn as often as any other."""
    frames = [len(part) * part.image.shape[1] for part in parts]
    return np.repeat([1 / n for n in frames], frames)


def train(
    parts: Sequence[TrainingImages], watched: TrainingImages, run: Path, steps: int, seed: int, augmentation: str
) -> Path:
    """Train one network, or go on, or take the weights that are there."""
    settings = SegmenterSettings(size=SIZE)
    loop = SEGMENTER_LOOP.model_copy(
        update={
            "steps": steps,
            "batch": BATCH,
            "seed": seed,
            "held_out_every": max(1, steps // 16),
            "held_out_images": 90,
            "checkpoint_every": 100,
            "threads": torch.get_num_threads(),
        }
    )
    hashes = [part.cohort_hash for part in parts]
    record = {
        "family": Segmenter.kind,
        "model": settings.model_dump(mode="json"),
        "loop": loop.model_dump(mode="json"),
        "learned_from": hashes,
        "augmentation": augmentation,
    }
    folder, inputs = RunFolder(run), [Input(one, "cohort", one) for one in hashes]
    folder.start(record, inputs)
    if folder.record()["finished"]:
        return run / WEIGHTS
    torch.manual_seed(seed)
    trainee = SupervisedTrainee(planar(build(settings)), joined(parts), watched, SIZE, AUGMENTATIONS[augmentation])
    weights = even_weights(parts) if len(parts) > 1 else None
    network = Loop(trainee, loop, folder, observe, weights=weights).fit()
    folder.finish(save_weights(network, run / WEIGHTS, record | {"steps": steps}), inputs)
    return run / WEIGHTS


def still_falling(run: Path) -> float:
    """Share by which the loss of the watched patients fell in the last part of a run."""
    looks = [(one["step"], one["held_out"]) for one in RunFolder(run).metrics() if "held_out" in one]
    last, end = looks[-1][1], looks[-1][0]
    before = next(loss for step, loss in looks if step >= end * (1 - LAST_PART))
    return float((before - last) / before)


def tested(
    name: str, weights: Path, acdc: Sequence[Path], sunnybrook: Sequence[Path], kept: Path, every: int
) -> pd.DataFrame:
    """Pixels outlined and drawn, of every slice of the test patients and of another hospital's."""
    segmenter = Segmenter.load(weights)
    hidden = [patient_name(n) for n in TEST_PATIENTS]
    sets = {
        "home": cached(kept, "acdc", acdc, every, hidden),
        "abroad": cached(kept, "sunnybrook-png", sunnybrook, every, []) if sunnybrook else [],
    }
    parts = [scores(name, segmenter, cohort, who, [0.0]) for cohort, people in sets.items() for who in people]
    table = pd.concat(parts, ignore_index=True)
    table["phase"] = table["phase"].replace("", "other")
    return table


def in_words(table: pd.DataFrame, falling: dict[str, float]) -> str:
    """Dice by arm in Markdown: the mean over seeds, and the seeds' range where there are several."""
    dice = summary(table)
    dice[["arm", "seed"]] = dice["weights"].str.rsplit(" seed ", n=1, expand=True)
    columns = [
        (cohort, structure)
        for cohort in ("home", "abroad")
        for structure in ("lv", "myo", "rv")
        if ((dice["cohort"] == cohort) & (dice["structure"] == structure)).any()
    ]
    lines = [f"| learned from | {' | '.join(f'{c} {s}' for c, s in columns)} | loss still falling | seeds |"]
    lines.append("|" + " --- |" * (3 + len(columns)))
    for arm in dict.fromkeys(dice["arm"]):
        mine = dice[dice["arm"] == arm]
        cells = []
        for cohort, structure in columns:
            values = mine[(mine["cohort"] == cohort) & (mine["structure"] == structure)]["dice"]
            spread = f" ({values.min():.3f} to {values.max():.3f})" if len(values) > 1 else ""
            cells.append(f"{values.mean():.3f}{spread}")
        seeds = sorted(set(mine["seed"]))
        falls = np.mean([falling[f"{arm} seed {seed}"] for seed in seeds])
        lines.append(f"| {arm} | {' | '.join(cells)} | {falls:.0%} | {', '.join(seeds)} |")
    return "\n".join(lines)


def main() -> None:
    """Train and test what is not there yet, and write the table of everything that is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=Path, required=True, help="cohort of all ACDC patients")
    parser.add_argument("--made", nargs="*", default=[], help="NAME=COHORT of phantoms or generated images")
    parser.add_argument("--acdc", type=Path, nargs="+", required=True, help="folders of ACDC patients, to test on")
    parser.add_argument("--sunnybrook", type=Path, nargs="*", default=[], help="folders with manifest.csv, to test on")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--augmentation", choices=sorted(AUGMENTATIONS), default="strong")
    parser.add_argument("--only", nargs="*", default=[], help="arms, such as patients+refined; default: all")
    parser.add_argument("--every", type=int, default=1, help="test on every k-th patient")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/teaching"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    learned, watched = (load_images(part, None, 2) for part in split_patients(Cohort.open(options.patients)))
    made = {name: Path(folder) for name, _, folder in (one.partition("=") for one in options.made)}
    sources = {PATIENTS: learned} | {name: load_images(Cohort.open(path), None, 2) for name, path in made.items()}
    falling: dict[str, float] = {}
    tables: list[pd.DataFrame] = []
    for seed in options.seeds:
        for arm in arms(list(made)):
            if options.only and arm.name not in options.only:
                continue
            name = f"{arm.name} seed {seed}"
            run = options.out / name.replace(" ", "-")
            print(f"== {name}", flush=True)
            parts = [sources[one] for one in arm.sources]
            weights = train(parts, watched, run, options.steps, seed, options.augmentation)
            falling[name] = still_falling(run)
            file = run / f"slices-{options.every}.parquet"
            if not file.exists():
                found = tested(name, weights, options.acdc, options.sunnybrook, options.out / "read", options.every)
                found.to_parquet(file, index=False)
            tables.append(pd.read_parquet(file))
            table = in_words(pd.concat(tables, ignore_index=True), falling)
            (options.out / "result.md").write_text(table + "\n")
            print(table, flush=True)
    (options.out / "still_falling.json").write_text(json.dumps(falling, indent=1) + "\n")


if __name__ == "__main__":
    main()
