"""What recalibration does to every family: the tables in docs/explanation/frequency.md.

    python -m benchmarks.recalibration --cohort COHORT --runs FOLDER [--images 80] [--reference test] [--families vae,gan]
        [--learn 400] [--steps 400] [--detail] [--out benchmarks/out/recalibration]

FOLDER holds one run per family. Each draws images for masks and patients of the reference split; recalibrations learn from the
training split alone; both are compared with the real images of the reference split (`all` where a cohort is too small to
spare any: then part of what is compared was learned from). The small RHM networks are trained once, on real images alone: one from
images perturbed by SHR, as in the paper, one from images with random gains over frequency.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft
from skimage.metrics import structural_similarity

from benchmarks.fidelity import FEATURES, features
from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.frequency.detail_leak import attack
from synthcmr.frequency.images import ImageBatch, batch_of
from synthcmr.frequency.recalibration import Change, Recalibration
from synthcmr.frequency.settings import (
    MappingSettings,
    RecalibrationSettings,
    ReplacementSettings,
    RingSettings,
    SpectrumSettings,
    preset,
)
from synthcmr.frequency.sources import ArrayImages
from synthcmr.frequency.spectrum.compare import DETAIL, DISTANCE, PROBE, ComparedSpectra, compare
from synthcmr.generators.families import load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_dice
from synthcmr.judges.segmenter import Segmenter
from synthcmr.statistics.bootstrap import mean_estimate, seeded_counts
from synthcmr.statistics.frechet import fid, fid_draws
from synthcmr.statistics.intervals import Estimate as Interval
from synthcmr.statistics.intervals import normal
from synthcmr.statistics.kernels import Blocks, cubic
from synthcmr.statistics.sample import Sample
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import LoopSettings
from synthcmr.training.shipped_weights import shipped

BY = ("vendor", "field_strength_t")
SECONDS_REPEATS = 3
LOW_PASS = 0.25  # cycles per pixel
BEFORE = "uncalibrated"
LOOKED_AT = (BEFORE, "SHR", "SHR+RHM", "rings")  # by the detail probe, which is a network trained anew for each
DRAWS = 200
FLOORS = 20  # random parts of the real subjects that give the floors of FID and KID
ON_ALL = " on all"
LEVEL = 0.95
ATTACKED = 100  # real images of either side that the attack looks for


def some(images: TrainingImages, count: int) -> TrainingImages:
    """Rows that are spread over the whole."""
    rows = np.unique(np.linspace(0, len(images) - 1, count).astype(int))
    return replace(
        images,
        image=images.image[rows],
        mask=images.mask[rows],
        attributes=[images.attributes[i] for i in rows],
        subject=[images.subject[i] for i in rows],
        neighbours=[()] * len(rows),
    )


@dataclass(frozen=True)
class Ground:
    """Real images, judges, and everything that was learned from them."""

    spacing: tuple[float, float]
    learned: TrainingImages
    reference: TrainingImages
    asked: TrainingImages
    segmenter: Segmenter
    seen: Sample  # features of the reference
    reader: AttributeReader
    models: dict[str, Recalibration]
    settings: SpectrumSettings

    def images(self, pixels: np.ndarray, of: TrainingImages) -> ArrayImages:
        """Pixels as a set, with subjects and attributes."""
        return ArrayImages(pixels.astype(np.float32), self.spacing, of.subject, of.attributes)

    def batch(self, pixels: np.ndarray, of: TrainingImages) -> ImageBatch:
        """Pixels as one batch."""
        return batch_of(list(self.images(pixels, of)), BY)

    def changed(self, change: Change, pixels: np.ndarray, of: TrainingImages) -> np.ndarray:
        """All images through a change, in parts of some dozens."""
        parts = range(0, len(pixels), 32)
        made = [change(self.batch(pixels[k : k + 32], some_rows(of, k, k + 32))) for k in parts]
        return np.concatenate(made).reshape(pixels.shape)


def some_rows(of: TrainingImages, start: int, stop: int) -> TrainingImages:
    return replace(
        of,
        image=of.image[start:stop],
        mask=of.mask[start:stop],
        attributes=of.attributes[start:stop],
        subject=of.subject[start:stop],
        neighbours=of.neighbours[start:stop],
    )


def models(ground_of: ArrayImages, folder: Path, steps: int) -> dict[str, Recalibration]:
    """Everything that is compared, fitted on the same real images."""
    told: dict[str, RecalibrationSettings] = {
        "rings": RecalibrationSettings(by=BY),
        "rings, all bands": RecalibrationSettings(by=BY, untouched_mm=1000),
        "rings, shift": RecalibrationSettings(by=BY, map=RingSettings(target="shift")),
        "rings, sampled": RecalibrationSettings(by=BY, map=RingSettings(target="sampled")),
        "SHR": RecalibrationSettings(method="shr", by=BY),
        "SHR, r 0.5": RecalibrationSettings(method="shr", by=BY, replacement=ReplacementSettings(radius=0.5)),
        "SHR, complex": RecalibrationSettings(method="shr", by=BY, replacement=ReplacementSettings(reading="complex")),
        "SHR, group": RecalibrationSettings(method="shr", by=BY, replacement=ReplacementSettings(retrieval="group")),
    }
    found = {name: Recalibration(settings).fit(ground_of) for name, settings in told.items()}
    for name, kind in {"RHM": "shr", "RHM, gains": "slopes"}.items():
        both = Recalibration(RecalibrationSettings(method="frerec", by=BY))
        both.fit(ground_of, folder / kind, network(steps, kind))
        alone = Recalibration(RecalibrationSettings(method="rhm", by=BY))
        alone._real, alone.mapping = both.real, both.mapping
        found |= {name: alone, f"SHR+{name}": both}
    return found


def network(steps: int, perturbation: str) -> tuple[MappingSettings, LoopSettings]:
    """The small network, trained for so many steps."""
    model, loop = preset("cpu")
    return (
        model.model_copy(update={"perturbation": perturbation}),
        loop.model_copy(update={"steps": steps, "warmup": min(50, steps // 4)}),
    )


def low_pass(batch: ImageBatch) -> np.ndarray:
    """The control: nothing above a frequency."""
    rows, columns = batch.images.shape[1:]
    radius = np.hypot(fft.fftfreq(rows)[:, None], fft.rfftfreq(columns)[None])
    return batch.cut(fft.irfft2(fft.rfft2(batch.images) * (radius < LOW_PASS), s=(rows, columns)))


def drawn(run: Path, ground: Ground) -> tuple[np.ndarray, float]:
    """An image for every mask and patient, and seconds an image."""
    generator = load_generator(run)
    known = generator.vocabulary
    conditions = [
        Condition(mask, {k: v for k, v in told.items() if known.knows(k, v)})
        for mask, told in zip(ground.asked.mask, ground.asked.attributes, strict=True)
    ]
    started = time.perf_counter()
    made = generator.sample(conditions, list(range(len(conditions))), SamplerSettings())
    return np.asarray(made), (time.perf_counter() - started) / len(conditions)


def changes(ground: Ground, made: np.ndarray) -> dict[str, Change]:
    """Every recalibration, ready for one set."""
    images = ground.images(made, ground.asked)
    found: dict[str, Change] = {name: model.prepare(images) for name, model in ground.models.items()}
    return found | {"low-pass": low_pass}


def quality(ground: Ground, before: np.ndarray, after: np.ndarray) -> dict[str, Interval]:
    """What else may have changed: likeness to the input, masks as they are found again, features."""
    likeness = [
        np.mean([structural_similarity(a, b, data_range=1.0) for a, b in zip(x, y, strict=True)])
        for x, y in zip(before, after, strict=True)
    ]
    dice = [mean_dice(ground.segmenter.segment(x), m) for x, m in zip(after, ground.asked.mask, strict=True)]
    made = sample(ground.reader, after, ground.asked)
    return {
        "ssim": of_people(np.array(likeness), ground.asked),
        "dice": of_people(np.array(dice), ground.asked),
        "fid": around_of(fid(ground.seen, made), fid_draws(ground.seen, made, DRAWS, 0)),
        "kid": kid(ground.seen, made),
    }


def of_people(values: np.ndarray, whose: TrainingImages) -> Interval:
    """Mean over subjects."""
    which = np.unique(whose.subject, return_inverse=True)[1]
    mean = [np.nanmean(values[which == k]) for k in range(which.max() + 1) if np.isfinite(values[which == k]).any()]
    value, ends = mean_estimate(np.array(mean), LEVEL, DRAWS, 0)
    return Interval(value, *ends)


def sample(reader: AttributeReader, pixels: np.ndarray, whose: TrainingImages) -> Sample:
    """Features with their subjects."""
    which = np.unique(whose.subject, return_inverse=True)[1]
    return Sample.of(features(reader, pixels.astype(np.float32)), which.astype(np.intp))


def around_of(value: float, drawn: np.ndarray) -> Interval:
    return Interval(value, *normal(value, drawn, LEVEL))


def kid(a: Sample, b: Sample) -> Interval:
    """KID without pairs within a subject."""
    blocks = Blocks.of(a, b, cubic)
    ones = np.ones(len(a.subjects)), np.ones(len(b.subjects))
    both = zip(*(seeded_counts(len(x), DRAWS, k).astype(float) for k, x in enumerate(ones)), strict=True)
    return around_of(blocks.by_subjects(*ones), np.array([blocks.by_subjects(v, w) for v, w in both]))


def real_floors(seen: Sample, share: float) -> dict[str, Interval]:
    """FID and KID of random parts of the real subjects, as large as a synthetic set, and the rest."""
    rng, found = np.random.default_rng(0), []
    for _ in range(FLOORS):
        order = rng.permutation(seen.subjects)
        part, rest = np.split(order, [max(2, round(min(share, 0.5) * len(order)))])
        a, b = seen.among(rest), seen.among(part)
        found.append((fid(a, b), kid(a, b).value))
    mean, low, high = np.mean(found, axis=0), *np.percentile(found, (2.5, 97.5), axis=0)
    return {k: Interval(float(mean[i]), float(low[i]), float(high[i])) for i, k in enumerate(("fid", "kid"))}


def seconds(change: Change, batch: ImageBatch) -> float:
    """Of an image, the best of some."""
    best = np.inf
    for _ in range(SECONDS_REPEATS):
        started = time.perf_counter()
        change(batch)
        best = min(best, time.perf_counter() - started)
    return best / len(batch.images)


def family(name: str, run: Path, ground: Ground) -> dict[str, Any]:
    """The rows of one family."""
    before, generating = drawn(run, ground)
    ready = changes(ground, before)
    made = {BEFORE: before} | {k: ground.changed(c, before, ground.asked) for k, c in ready.items()}
    sets = {k: ground.images(v, ground.asked) for k, v in made.items()}
    real = ground.images(ground.reference.image, ground.reference)
    found = compare(real, sets, {}, ground.settings.model_copy(update={"detail": False}))
    rows = {one.name: row_of(one.name, found) for one in found.sets}
    known = floors(found) | {k: asdict(v) for k, v in real_floors(ground.seen, share(ground)).items()}
    if ground.settings.detail:
        looked = compare(real, {k: sets[k] for k in LOOKED_AT}, {}, ground.settings)
        known |= {DETAIL: asdict(looked.floors[DETAIL])}
        for one in looked.sets:
            rows[one.name] |= {DETAIL: asdict(one.scores[DETAIL])}
    seen = (some(t, ATTACKED) for t in (ground.learned, ground.reference))
    members, others = (ground.batch(t.image[:, :1].astype(float), t) for t in seen)
    for k, images in made.items():
        rows[k] |= {name: asdict(v) for name, v in quality(ground, before, images).items()}
        rows[k]["leak"] = asdict(attack(ground.batch(images[:, :1], ground.asked), members, others))
        if k in ready:
            spent = seconds(ready[k], ground.batch(before[:16], some_rows(ground.asked, 0, 16)))
            rows[k] |= {"images_per_second": 1 / spent, "share_of_generating": spent * before.shape[1] / generating}
    return {"generating_seconds": generating, "floors": known, "rows": rows | on_all(ground, ready, made)}


def share(ground: Ground) -> float:
    """How large a synthetic set is beside the reference."""
    return len(set(ground.asked.subject)) / len(set(ground.reference.subject))


def on_all(ground: Ground, ready: Mapping[str, Change], made: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Controls: the same processing of real and synthetic images, as the authors do it."""
    found = {}
    for name in ("SHR+RHM", "RHM", "low-pass"):
        pixels = ground.changed(ready[name], ground.reference.image.astype(float), ground.reference)
        compared = compare(
            ground.images(pixels, ground.reference),
            {name + ON_ALL: ground.images(made[name], ground.asked)},
            {},
            ground.settings.model_copy(update={"detail": False}),
        )
        found[name + ON_ALL] = row_of(name + ON_ALL, compared)
    return found


def row_of(name: str, found: ComparedSpectra) -> dict[str, Any]:
    one = next(s for s in found.sets if s.name == name)
    spread = one.high - one.low, found.real.high - found.real.low
    return {k: asdict(v) for k, v in one.scores.items()} | {"spread": float(np.mean(spread[0] / spread[1]))}


def floors(found: ComparedSpectra) -> dict[str, Any]:
    return {k: asdict(v) for k, v in found.floors.items()}


def markdown(result: Mapping[str, Any]) -> str:
    """The tables as they stand in the docs."""
    lines: list[str] = []
    for name, told in result["families"].items():
        scores = [s for s in (DISTANCE, PROBE, DETAIL) if s in told["floors"]]
        head = ["", *scores, "spread", "FID", "KID", "SSIM to input", "Dice", "leak", "images/s", "share of generating"]
        lines += [f"### {name}", "", f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
        for row, cells in told["rows"].items():
            lines.append(f"| {row} | " + " | ".join([*(_said(cells.get(s)) for s in scores), *_rest(cells)]) + " |")
        lines.append(
            f"| real against real | {' | '.join([*(_said(told['floors'][s]) for s in scores), *_rest(told['floors'])])} |"
        )
        lines.append("")
    return "\n".join(lines)


def _rest(cells: Mapping[str, Any]) -> list[str]:
    formats: dict[str, Callable[[Any], str]] = {
        "spread": "{:.2f}".format,
        "fid": lambda e: _said(e, 2),
        "kid": _said,
        "ssim": _said,
        "dice": _said,
        "leak": lambda leak: _said(leak["pattern"]),
        "images_per_second": "{:.0f}".format,
        "share_of_generating": "{:.1%}".format,
    }
    return [form(cells[k]) if k in cells else "" for k, form in formats.items()]


def _said(e: Mapping[str, float] | None, digits: int = 3) -> str:
    return "" if e is None else f"{e['value']:.{digits}f} ({e['low']:.2f} to {e['high']:.2f})"


def main() -> None:
    """Fit, draw, recalibrate, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--families", default="", help="names of runs, comma-separated; empty: all")
    parser.add_argument("--reference", default="test")
    parser.add_argument("--images", type=int, default=80)
    parser.add_argument("--learn", type=int, default=400)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--detail", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/recalibration"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cohort = Cohort.open(options.cohort)
    spacing = tuple(float(cohort.images[f"spacing_{axis}_mm"].median()) for axis in ("row", "column"))
    reference = load_images(cohort, None if options.reference == "all" else options.reference)
    learned = some(load_images(cohort, "train"), options.learn)
    real = ArrayImages(learned.image.astype(np.float32), spacing, learned.subject, learned.attributes)
    reader, beside = AttributeReader.load(shipped("reader")), some(reference, 4 * options.images)
    ground = Ground(
        spacing,
        learned,
        beside,
        some(reference, options.images),
        Segmenter.load(shipped("segmenter")),
        sample(reader, beside.image, beside),
        reader,
        models(real, options.out, options.steps),
        SpectrumSettings(detail=options.detail, halves=8, by=()),
    )
    wanted = [n for n in options.families.split(",") if n] or sorted(
        p.parent.name for p in options.runs.glob(f"*/{WEIGHTS}")
    )
    told: dict[str, Any] = {}
    for name in wanted:
        told[name] = family(name, options.runs / name, ground)
        result = {"features": FEATURES, "cohort": cohort.path.name, "images": len(ground.asked), "families": told}
        (options.out / "recalibration.json").write_text(json.dumps(result, indent=2))
        (options.out / "table.md").write_text(markdown(result) + "\n")
        print(markdown({"families": {name: told[name]}}), flush=True)


if __name__ == "__main__":
    main()
