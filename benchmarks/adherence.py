"""Do generated stacks show what was asked, and do their slices belong together?

    python -m benchmarks.adherence --cohort COHORT [--run RUN] [--subjects 100]

Takes the people of a cohort's test split, asks for their attributes (anatomies are generated), and lets the judges look at the
results and at the real images of the same split. Every figure is given for both, and as a share:

- mask: Dice of re-segmentation with the asked mask
- sex, diagnosis: AUC of the reader; age, BMI, fat thickness: correlation of asked and read
- EDV, EF, mass: correlation of asked and measured by re-segmentation
- age from sizes: a ridge regression from volumes, mass and wall to age, fitted on the real masks of the training split, applied to what
  is measured by re-segmentation; in phantoms age shows in these alone
- similarity of adjacent slices inside and outside the heart, where the anatomy itself does not change
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.measures import measure
from synthcmr.cohort.subject_stack import SubjectStack
from synthcmr.conditioning.vocabulary import FOLLOWED
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_dice, score_readings
from synthcmr.judges.segmenter import Segmenter
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import Request, like_cohort
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file

NUMBERS = ("lv_edv_ml", "lv_ef_percent", "lv_mass_g")
SIZES = ("lv_edv_ml", "lv_esv_ml", "lv_mass_g", "rv_edv_ml", "rv_esv_ml", "wall_max_mm")
RIDGE = 5.0
AgeJudge = Callable[[Sequence[Mapping[str, float]]], npt.NDArray[np.float64]]


def judge_paths(judges: Path | None) -> tuple[Path, Path]:
    """Weights of the segmenter and of the reader."""
    if judges is None:
        return shipped("segmenter"), shipped("reader")
    return weights_file(judges / "segmenter"), weights_file(judges / "reader")


def people(cohort: Cohort, split: str, count: int) -> list[Request]:
    """Requests for the people of a split: their attributes, with anatomies to be generated."""
    images = load_images(cohort, split)
    seen: dict[str, dict[str, object]] = {}
    for name, attributes in zip(images.subject, images.attributes, strict=True):
        seen.setdefault(name, {k: v for k, v in attributes.items() if k in FOLLOWED})
    return like_cohort(list(seen.items()), min(count, len(seen)), 0, {}, "whole")  # type: ignore[arg-type]


def stacks(cohort: Cohort, limit: int | None) -> list[SubjectStack]:
    """ED+ES stacks with masks; all of them without a limit."""
    found = []
    for _, stack in cohort.iter_stacks():
        if set(stack.phases) == {"ED", "ES"} and stack.spacing_mm is not None:
            found.append(stack)
        if len(found) == limit:
            break
    return found


def similarity(stack: SubjectStack) -> tuple[list[float], list[float]]:
    """Correlation of adjacent ED slices, inside and outside the heart, over pixels whose label does not change."""
    inside, outside = [], []
    image, mask = stack.image[0], stack.mask[0]
    for z in range(image.shape[0] - 1):
        same = mask[z] == mask[z + 1]
        heart = same & (mask[z] > 0)
        if heart.sum() > 200:
            inside.append(_correlation(image[z][heart], image[z + 1][heart]))
        outside.append(_correlation(image[z][same & (mask[z] == 0)], image[z + 1][same & (mask[z] == 0)]))
    return inside, outside


def _correlation(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    return float(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1])


def sizes(stack: SubjectStack, mask: Mask) -> dict[str, float]:
    """What a mask of a stack measures."""
    return measure(mask, stack.spacing_mm or (1.0, 1.0), stack.slice_step_mm or 1.0)


def _logs(measured: Sequence[Mapping[str, float]]) -> npt.NDArray[np.float64]:
    return np.log(np.maximum([[m[name] for name in SIZES] for m in measured], 1.0))


def ages(cohort: Cohort, chosen: list[SubjectStack]) -> npt.NDArray[np.float64]:
    """Of the subjects of some stacks."""
    return np.array([float(str(cohort.attributes(stack.subject_id)["age"])) for stack in chosen])


def age_judge(cohort: Cohort) -> AgeJudge:
    """Age from sizes, as the real masks of the training split tell it."""
    learned = stacks(cohort.select(split="train"), None)
    x, y = _logs([sizes(s, s.mask) for s in learned]), ages(cohort, learned)
    mean, sd = x.mean(0), x.std(0)
    z = (x - mean) / sd
    weights = np.linalg.solve(z.T @ z + RIDGE * np.eye(len(SIZES)), z.T @ (y - y.mean()))
    return lambda measured: ((_logs(measured) - mean) / sd) @ weights + y.mean()


def look(cohort: Cohort, limit: int, segmenter: Segmenter, old: AgeJudge | None) -> dict[str, float]:
    """Dice, adjacent similarity, and correlation of mask and re-segmentation numbers."""
    chosen = stacks(cohort, limit)
    dice, inside, outside = [], [], []
    truth: list[dict[str, float]] = []
    read: list[dict[str, float]] = []
    for stack in chosen:
        found: Mask = segmenter.segment(stack.image)
        dice.append(mean_dice(found, stack.mask))
        a, b = similarity(stack)
        inside += a
        outside += b
        truth.append(sizes(stack, stack.mask))
        read.append(sizes(stack, found))
    scores = {
        "mask dice": float(np.nanmean(dice)),
        "similarity inside": float(np.nanmean(inside)),
        "similarity outside": float(np.nanmean(outside)),
    }
    for name in NUMBERS:
        pairs = np.array([(t[name], r[name]) for t, r in zip(truth, read, strict=True) if name in t and name in r])
        scores[f"{name} correlation"] = float(np.corrcoef(pairs.T)[0, 1])
    if old is not None:
        scores["age from sizes correlation"] = float(np.corrcoef(ages(cohort, chosen), old(read))[0, 1])
    return scores


def readings(images: TrainingImages, reader: AttributeReader) -> dict[str, float]:
    """AUC and correlation of what is read, by subject."""
    return score_readings(reader.read(images.image.astype(np.float32)), images).scores


def main() -> None:
    """Generate, judge, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--anatomy", type=Path)
    parser.add_argument("--judges", type=Path)
    parser.add_argument("--subjects", type=int, default=100)
    usual = SamplerSettings()
    parser.add_argument("--steps", type=int, default=usual.steps)
    parser.add_argument("--guidance", type=float, default=usual.guidance)
    parser.add_argument("--until", type=float, default=usual.until)
    parser.add_argument("--shift", type=float, default=usual.shift)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/adherence"))
    options = parser.parse_args()
    cohort = Cohort.open(options.cohort)
    sampler = SamplerSettings(steps=options.steps, guidance=options.guidance, until=options.until, shift=options.shift)
    settings = GenerateSettings(sampler=sampler, screen=ScreenSettings(enabled=False))
    started = time.monotonic()
    made = generate(
        options.out / f"stacks-{options.steps}-{options.guidance:g}-{options.until:g}-{options.shift:g}",
        people(cohort, options.split, options.subjects),
        Sources(run=options.run, anatomy=options.anatomy),
        settings,
        progress=lambda done, total, _: print(f"{done}/{total}", flush=True) if done % 8 == 0 else None,
    )
    seconds = time.monotonic() - started
    segmenter, reader = judge_paths(options.judges)
    outlines, reads = Segmenter.load(segmenter), AttributeReader.load(reader)
    real = cohort.select(split=options.split)
    old = age_judge(cohort) if cohort.subjects.get("age", pd.Series([None])).notna().all() else None
    scores = {}
    for name, chosen, split in (("real", real, options.split), ("generated", made, None)):
        images = load_images(chosen, split)
        scores[name] = look(chosen, options.subjects, outlines, old) | readings(images, reads)
    shares = {k: v / scores["real"][k] for k, v in scores["generated"].items() if scores["real"].get(k)}
    for k, share in shares.items():
        print(
            f"{k:28s} real {scores['real'][k]:.3f}  generated {scores['generated'][k]:.3f}  share {100 * share:.0f} %"
        )
    print(f"{len(made)} images in {seconds:.0f} s: {seconds / len(made):.3f} s an image")
    record = {
        "scores": scores,
        "shares": shares,
        "subjects": len(made.subjects),
        "images": len(made),
        "steps": options.steps,
    }
    (options.out / "adherence.json").write_text(json.dumps(record | {"guidance": options.guidance}, indent=2))


if __name__ == "__main__":
    main()
