"""Every family on the same masks and patients: the table in docs/explanation/families.md.

    python -m benchmarks.families --cohort COHORT --runs FOLDER [--images 256] [--train MINUTES]

FOLDER holds one run per family (any name); with --train, the families that have none are trained there first, for so many minutes of
this machine each, with the `cpu` preset. Images are drawn for masks and patients of the validation and test splits (at most half of
their images); the other half is what they are compared with.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from benchmarks.fidelity import FEATURES, features, frechet, kernel_distance
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.limits import mean_dice
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import score_readings
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import TrainingImages, joined, load_images
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.shipped import shipped

TRAINED = {
    "vae": ("vae", {}),
    "gan": ("gan", {}),
    "diffusion": ("diffusion", {}),
    "controlnet": ("diffusion", {"mask": "controlnet"}),
    "latent": ("latent", {}),
    "flow": ("flow", {}),
}
QUOTED = {
    "VAE": 0.08,
    "GAN": 0.12,
    "diffusion": 2.31,
    "diffusion (unsourced)": 40.0,
}  # s an image, as the review quotes
SHEET, NAMES = 8, 96  # images in a row, and pixels before it


def steps_in(minutes: float, cohort: Cohort, kind: str, changes: Mapping[str, object], work: Path) -> int:
    """How many steps fit into the minutes, by a short trial."""
    model, loop = family(kind).settings("cpu")
    trial = loop.model_copy(update={"steps": 30, "held_out_every": 10**6, "sheet_every": 10**6})
    seen: list[tuple[int, float]] = []
    family(kind).fit(
        cohort,
        work,
        model.model_copy(update=changes),
        trial,
        lambda p: seen.append((p.step, time.perf_counter())),
    )
    first, last = seen[-2], seen[-1]
    per_step = (last[1] - first[1]) / max(last[0] - first[0], 1)
    share = 1.5 if kind == "latent" else 2.0 if changes else 1.0  # a first stage, or a base, takes its part
    return max(50, int(60 * minutes / per_step / share))


def train(cohort: Cohort, runs: Path, minutes: float) -> None:
    """Make the runs that are missing."""
    for name, (kind, changes) in TRAINED.items():
        if (runs / name / WEIGHTS).exists():
            continue
        steps = steps_in(minutes, cohort, kind, changes, runs / f"{name}-trial")
        model, loop = family(kind).settings("cpu")

        def observe(progress: Progress, name: str = name) -> None:
            if progress.step % 100 == 0:
                print(f"{name}: {progress.step} of {progress.steps}", flush=True)

        family(kind).fit(
            cohort,
            runs / name,
            model.model_copy(update=changes),
            loop.model_copy(update={"steps": steps, "held_out_every": 10**6, "sheet_every": 10**6}),
            observe,
        )


def judge(
    run: Path, images: TrainingImages, rows: list[int], judges: tuple[Segmenter, AttributeReader]
) -> dict[str, object]:
    """One row of the table, and the images themselves under 'made'."""
    generator = load_generator(run)
    known = generator.vocabulary
    asked = [
        Condition(images.mask[i], {k: v for k, v in images.attributes[i].items() if known.knows(k, v)}) for i in rows
    ]
    generator.sample(asked[:2], [0, 1], SamplerSettings())
    started = time.perf_counter()
    made = generator.sample(asked, list(range(len(rows))), SamplerSettings())
    seconds = (time.perf_counter() - started) / len(rows)
    return {"made": made, "seconds": seconds, **facts(run, generator)} | quality(made, images, rows, judges)


def facts(run: Path, generator: object) -> dict[str, object]:
    """What the run itself tells."""
    folder = run if run.is_dir() else run.parent
    metrics = RunFolder(folder).metrics() if RunFolder(folder).exists() else []
    inner = list(folder.glob("*/metrics.jsonl")) if metrics else []
    stages = [json.loads(p.read_text().splitlines()[-1])["seconds"] for p in inner]
    loop = RunFolder(folder).record()["loop"] if metrics else {}
    return {
        "parameters": sum(p.numel() for p in generator.network.parameters()),  # type: ignore[attr-defined]
        "training_minutes": (metrics[-1]["seconds"] + sum(stages)) / 60 if metrics else None,
        "threads": loop.get("threads") or torch.get_num_threads(),
        "steps": metrics[-1]["step"] if metrics else None,
        "peak_mb": metrics[-1].get("peak_mb") if metrics else None,
    }


def quality(
    made: np.ndarray, images: TrainingImages, rows: list[int], judges: tuple[Segmenter, AttributeReader]
) -> dict[str, object]:
    """Distance to other real images, re-segmentation, and attributes as they are read back."""
    segmenter, reader = judges
    others = np.setdiff1d(np.arange(len(images)), rows)
    real, drawn = features(reader, images.image[others]), features(reader, made)
    dice = np.nanmean([mean_dice(segmenter.segment(m), images.mask[i]) for m, i in zip(made, rows, strict=True)])
    shown = TrainingImages(
        made.astype(np.float16),
        images.mask[rows],
        [images.attributes[i] for i in rows],
        [images.subject[i] for i in rows],
        [()] * len(rows),
        images.cohort_hash,
    )
    read = score_readings(reader.read(made), shown).scores
    return {
        "fid": frechet(drawn, real),
        "kid": kernel_distance(drawn, real),
        "dice": float(dice),
        "read": {k: round(float(v), 3) for k, v in read.items()},
    }


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
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/families"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cohort = Cohort.open(options.cohort)
    if options.train:
        train(cohort, options.runs, options.train)
    images = joined([load_images(cohort, split) for split in ("validation", "test")])
    rows = np.linspace(0, len(images) - 1, min(options.images, len(images) // 2)).astype(int).tolist()
    judges = Segmenter.load(shipped("segmenter")), AttributeReader.load(shipped("reader"))
    real = quality(images.image[rows].astype(np.float32), images, rows, judges)
    shown = [rows.index(row) for row in rows[:: max(1, len(rows) // SHEET)][:SHEET]]
    table, pictures = {"real": real}, {"real": images.image[rows][shown, 0].astype(np.float32)}
    print(f"{'real':24s} {real}", flush=True)
    runs = sorted(p.parent for p in options.runs.glob(f"*/{WEIGHTS}") if not p.parent.name.endswith("-trial"))
    for run in [*runs, shipped("flow")]:
        row = judge(run, images, rows, judges)
        made = row.pop("made")
        name = run.name if run.is_dir() else "flow (shipped)"
        pictures[name] = made[shown, 0]  # type: ignore[index]
        table[name] = row
        print(f"{name:24s} {row}", flush=True)
    sheet(pictures).save(options.out / "families.png")
    record = {"features": FEATURES, "images": len(rows), "quoted_seconds": QUOTED, "table": table}
    (options.out.parent / f"{options.out.name}.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
