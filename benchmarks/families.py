"""Every family on the same masks and patients: the table in docs/explanation/families.md.

    python -m benchmarks.families --cohort COHORT --runs FOLDER [--images 256] [--train MINUTES]

FOLDER holds one run per family (any name); with --train, the families that have none are trained there first, for so many minutes of
this machine each, with the `cpu` preset. The GAN begins from the VAE, diffusions from the flow that ships. Images are drawn for masks
and patients of the test split, and compared with the real images of the validation split; so are the real ones of the test split,
which gives the floor.
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image, ImageDraw

from benchmarks.fidelity import FEATURES, Features, features, frechet, kernel_distance
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.conditional.warm_start import PHANTOM, start_file, started
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.interface import Generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_dice, score_readings
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped

TRAINED: dict[str, tuple[str, dict[str, str]]] = {
    "vae": ("vae", {}),
    "gan": ("gan", {"start": "vae"}),
    "latent": ("latent", {}),
    "controlnet": ("diffusion", {"start": PHANTOM, "mask": "controlnet"}),
    "diffusion": ("diffusion", {"start": PHANTOM}),
    "flow": ("flow", {}),
}
PARTS = ("trial", "base")  # runs beside a run: not families of their own
QUOTED = {
    "VAE": 0.08,
    "GAN": 0.12,
    "diffusion": 2.31,
    "diffusion (unsourced)": 40.0,
}  # s an image, as the review quotes
TRIAL = 30  # steps, to see how many fit into the minutes
SHEET, NAMES = 8, 96  # images in a row, and pixels before it


def chosen(name: str, runs: Path) -> tuple[type[Any], Any, LoopSettings]:
    """Family, settings of the network and of the loop."""
    kind, changes = TRAINED[name]
    model, loop = family(kind).settings("cpu")
    values = model.model_dump() | changes
    if "start" in changes:
        start = changes["start"] if changes["start"] == PHANTOM else str(runs / changes["start"])
        begun = family(kind).begins_from(model)
        values = started(values | {"start": start}, start_file(start, begun)) | changes | {"start": start}
    return family(kind), type(model).model_validate(values), loop


def train(cohort: Cohort, runs: Path, names: Sequence[str], minutes: float | None, steps: int | None) -> None:
    """Make the runs that are missing, for so many minutes each, or so many steps."""
    for name in names:
        if (runs / name / WEIGHTS).exists():
            continue
        kind, model, loop = chosen(name, runs)
        quiet = loop.model_copy(update={"held_out_every": 10**6, "sheet_every": 10**6})
        wanted = (
            steps if steps is not None else fitting(cohort, runs / f"{name}-trial", kind, model, quiet, minutes or 1)
        )

        def observe(progress: Progress, name: str = name) -> None:
            if progress.step % 100 == 0:
                print(f"{name}: {progress.step} of {progress.steps}", flush=True)

        kind.fit(cohort, runs / name, model, quiet.model_copy(update={"steps": wanted}), observe)


def fitting(cohort: Cohort, trial: Path, kind: type[Any], model: Any, quiet: LoopSettings, minutes: float) -> int:
    """How many steps fit into some minutes of this machine."""
    seen: list[tuple[int, float]] = []
    short = quiet.model_copy(update={"steps": TRIAL})
    kind.fit(cohort, trial, model, short, lambda p: seen.append((p.step, time.perf_counter())))
    (first, before), (last, after) = seen[-2:]
    # a first stage, or a base, takes its part
    parts = 2 if trial.name.removesuffix("-trial") in ("latent", "controlnet") else 1
    return max(50, int(60 * minutes / (after - before) * (last - first) / parts))


@dataclass(frozen=True)
class Ground:
    """What generators are asked for, what their images are compared with, and who judges."""

    asked: TrainingImages
    others: Features | None  # too few for a distance: None
    segmenter: Segmenter
    reader: AttributeReader

    @classmethod
    def of(cls, cohort: Cohort, count: int) -> Self:
        """Some images of the test split against the validation split."""
        reader = AttributeReader.load(shipped("reader"))
        test, others = load_images(cohort, "test"), features(reader, load_images(cohort, "validation").image)
        rows = np.unique(np.linspace(0, len(test) - 1, count).astype(int))
        asked = replace(
            test,
            image=test.image[rows],
            mask=test.mask[rows],
            attributes=[test.attributes[i] for i in rows],
            subject=[test.subject[i] for i in rows],
            neighbours=[()] * len(rows),
        )
        enough = min(len(rows), len(others)) > 2 * others.shape[1]
        return cls(asked, others if enough else None, Segmenter.load(shipped("segmenter")), reader)

    @property
    def real(self) -> np.ndarray:
        """The images that masks and patients were taken from."""
        return self.asked.image.astype(np.float32)

    def drawn(self, generator: Generator, settings: SamplerSettings) -> tuple[np.ndarray, float]:
        """An image for every mask and patient, and seconds an image."""
        known = generator.vocabulary
        conditions = [
            Condition(mask, {k: v for k, v in told.items() if known.knows(k, v)})
            for mask, told in zip(self.asked.mask, self.asked.attributes, strict=True)
        ]
        generator.sample(conditions[:16], list(range(16)), settings)
        started = time.perf_counter()
        made = generator.sample(conditions, list(range(len(conditions))), settings)
        return made, (time.perf_counter() - started) / len(conditions)

    def quality(self, made: np.ndarray) -> dict[str, Any]:
        """Distance to other real images, re-segmentation, and attributes as they are read back."""
        pairs = zip(made, self.asked.mask, strict=True)
        shown = replace(self.asked, image=made.astype(np.float16))
        found: dict[str, Any] = {
            "dice": float(np.nanmean([mean_dice(self.segmenter.segment(image), mask) for image, mask in pairs])),
            "read": {k: round(float(v), 3) for k, v in score_readings(self.reader.read(made), shown).scores.items()},
        }
        if self.others is not None:
            drawn = features(self.reader, made)
            found |= {"fid": frechet(drawn, self.others), "kid": kernel_distance(drawn, self.others)}
        return found


def spent(metrics: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of a run; they begin anew where it was cut short and went on."""
    told = [entry["seconds"] for entry in metrics]
    return told[-1] + sum(before for before, after in pairwise(told) if after < before)


def facts(run: Path, generator: object) -> dict[str, object]:
    """What the run itself tells."""
    folder = run if run.is_dir() else run.parent
    metrics = RunFolder(folder).metrics() if RunFolder(folder).exists() else []
    inner = (
        [*folder.glob("*/metrics.jsonl"), *folder.parent.glob(f"{folder.name}-base/metrics.jsonl")] if metrics else []
    )
    stages = [spent([json.loads(line) for line in p.read_text().splitlines()]) for p in inner]
    loop = RunFolder(folder).record()["loop"] if metrics else {}
    return {
        "parameters": sum(p.numel() for p in generator.network.parameters()),  # type: ignore[attr-defined]
        "training_minutes": (spent(metrics) + sum(stages)) / 60 if metrics else None,
        "threads": loop.get("threads") or torch.get_num_threads(),
        "steps": metrics[-1]["step"] if metrics else None,
        "peak_mb": metrics[-1].get("peak_mb") if metrics else None,
    }


def markdown(table: Mapping[str, Mapping[str, Any]]) -> str:
    """The table as it stands in the docs."""
    reads = list(table["real"]["read"])
    head = [
        "family",
        "FID",
        "KID",
        "Dice",
        *reads,
        "s an image",
        "core minutes",
        "steps",
        "M parameters",
        "peak MB",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for name, row in table.items():
        minutes = row.get("training_minutes")
        spent = f"{minutes * row['threads']:.0f}" if minutes else ""
        cells = [name, f"{row['fid']:.1f}" if "fid" in row else "", f"{row['kid']:.2f}" if "kid" in row else ""]
        cells += [f"{row['dice']:.3f}"]
        cells += [f"{row['read'][k]:.2f}" for k in reads]
        cells += [f"{row['seconds']:.3f}" if "seconds" in row else "", spent, str(row.get("steps") or "")]
        cells += [f"{row['parameters'] / 1e6:.1f}" if "parameters" in row else "", str(row.get("peak_mb") or "")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sheet(pictures: Mapping[str, np.ndarray]) -> Image.Image:
    """A row for each family, with its name in front."""
    side = next(iter(pictures.values())).shape[1]
    page = Image.new("L", (NAMES + SHEET * side, len(pictures) * side), 255)
    for k, (name, images) in enumerate(pictures.items()):
        ImageDraw.Draw(page).text((4, k * side + side // 2), name, fill=0)
        row = np.hstack(list(images)).clip(0, 1) * 255
        page.paste(Image.fromarray(row.astype(np.uint8)), (NAMES, k * side))
    return page


def main() -> None:
    """Train what is missing, draw, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--train", type=float, help="minutes for each family that has no run yet")
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--only", default=",".join(TRAINED), help="families to train; with --steps no table is made")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/families"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cohort = Cohort.open(options.cohort)
    if options.train or options.steps:
        train(cohort, options.runs, options.only.split(","), options.train, options.steps)
    if options.steps:
        return
    ground = Ground.of(cohort, options.images)
    shown = np.linspace(0, len(ground.asked) - 1, SHEET + 2).astype(int)[1:-1]
    table = {"real": ground.quality(ground.real)}
    pictures = {"real": ground.real[shown, 0]}
    print(f"{'real':24s} {table['real']}", flush=True)
    found = {p.parent.name: p.parent for p in options.runs.glob(f"*/{WEIGHTS}")}
    order = [*TRAINED, *sorted(name for name in found if name.split("-")[-1] not in PARTS and name not in TRAINED)]
    runs = [found[name] for name in order if name in found]
    for run in [*runs, shipped("flow")]:
        name, generator = run.name if run.is_dir() else "flow (shipped)", load_generator(run)
        made, seconds = ground.drawn(generator, SamplerSettings())
        pictures[name] = made[shown, 0]
        table[name] = {"seconds": seconds, **facts(run, generator), **ground.quality(made)}
        print(f"{name:24s} {table[name]}", flush=True)
    sheet(pictures).save(options.out / "families.png")
    record = {"features": FEATURES, "images": len(ground.asked), "quoted_seconds": QUOTED, "table": table}
    (options.out.parent / f"{options.out.name}.json").write_text(json.dumps(record, indent=2))
    (options.out / "table.md").write_text(markdown(table) + "\n")


if __name__ == "__main__":
    main()
