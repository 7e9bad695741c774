"""Another scanner's look: does a vendor judge believe it, and does the anatomy stay?

    python -m benchmarks.vendor_style --cohort COHORT [--run RUN] [--images 96] [--guidance 2] [--steps 16]

Redraws real images of the test split as every vendor of the cohort but their own, as
`synthcmr generate --follow COHORT --to-scanner vendor=NAME` does, and has them judged beside real images of that vendor:

- AUC: does the judge tell images redrawn as a vendor from images redrawn as others, as well as it tells real ones?
- believed: the share of images that the judge takes for the asked vendor, and the probability it gives it
- Dice of re-segmentation with the mask, before and after, and the Dice between the two re-segmentations
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.scores import mean_auc, mean_dice
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.images import TrainingImages, load_images
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import weights_file
from synthcmr.verbs.requests import REDRAWING

SHOWN = 6
Pictures = npt.NDArray[np.float32]


def believed(reader: AttributeReader, images: Pictures, vendor: str) -> tuple[float, float]:
    """Share of images taken for the vendor, and its mean probability."""
    reading = reader.read(images)
    values = reading.values["vendor"]
    probability = reading.categories["vendor"]
    mine = values.index(vendor)
    return float((probability.argmax(1) == mine).mean()), float(probability[:, mine].mean())


def told_apart(reader: AttributeReader, images: Pictures, vendors: list[str]) -> float:
    """Mean over vendors of the AUC of the judge, image by image."""
    reading = reader.read(images)
    return float(mean_auc(reading.categories["vendor"], vendors, reading.values["vendor"]) or np.nan)


def dice(segmenter: Segmenter, images: Pictures, masks: npt.NDArray[np.uint8]) -> float:
    """Of re-segmentation, mean over images."""
    return float(np.nanmean([mean_dice(segmenter.segment(i), m) for i, m in zip(images, masks, strict=True)]))


def as_vendor(
    generator: FlowGenerator, images: TrainingImages, rows: list[int], vendor: str, settings: SamplerSettings
) -> Pictures:
    """Redraw images of other vendors as this one."""
    known = generator.vocabulary
    shown = [{k: v for k, v in images.attributes[i].items() if known.knows(k, v)} for i in rows]
    before = [Condition(images.mask[i], a) for i, a in zip(rows, shown, strict=True)]
    after = [Condition(images.mask[i], {**a, "vendor": vendor}) for i, a in zip(rows, shown, strict=True)]
    return generator.redraw(images.image[rows], before, after, settings)


def main() -> None:
    """Redraw, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--images", type=int, default=96, help="a vendor")
    parser.add_argument("--guidance", type=float, default=REDRAWING["guidance"])
    parser.add_argument("--steps", type=int, default=SamplerSettings().steps)
    parser.add_argument("--until", type=float, default=REDRAWING["until"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/vendor_style"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    images = load_images(Cohort.open(options.cohort), options.split)
    vendors = np.array([a.get("vendor") for a in images.attributes])
    generator = FlowGenerator.load(weights_file(options.run) if options.run else shipped("flow"))
    segmenter, reader = Segmenter.load(shipped("segmenter")), AttributeReader.load(shipped("reader"))
    settings = SamplerSettings(guidance=options.guidance, steps=options.steps, until=options.until)
    table: dict[str, dict[str, float]] = {}
    redrawn: list[Pictures] = []
    asked: list[str] = []
    sheet: list[Pictures] = []
    for vendor in sorted({v for v in vendors if v and generator.vocabulary.knows("vendor", v)}):
        own, others = np.flatnonzero(vendors == vendor), np.flatnonzero(vendors != vendor)
        rows = others[np.linspace(0, len(others) - 1, options.images).astype(int)].tolist()
        before = images.image[rows].astype(np.float32)
        after = as_vendor(generator, images, rows, vendor, settings)
        redrawn.append(after)
        asked += [vendor] * len(rows)
        real_share, real_probability = believed(reader, images.image[own].astype(np.float32), vendor)
        share, probability = believed(reader, after, vendor)
        masks = images.mask[rows]
        table[vendor] = {
            "believed": share,
            "believed_real": real_share,
            "believed_before": believed(reader, before, vendor)[0],
            "probability": probability,
            "probability_real": real_probability,
            "dice": dice(segmenter, after, masks),
            "dice_before": dice(segmenter, before, masks),
            "dice_between": dice(segmenter, after, np.stack([segmenter.segment(i) for i in before])),
            "mean_change": float(np.abs(after - before).mean()),
        }
        print(vendor, {k: round(v, 3) for k, v in table[vendor].items()}, flush=True)
        pick = slice(None, None, max(1, len(rows) // SHOWN))
        sheet += [np.hstack(list(before[pick][:SHOWN, 0])), np.hstack(list(after[pick][:SHOWN, 0]))]
    Image.fromarray((np.vstack(sheet).clip(0, 1) * 255).astype(np.uint8)).save(options.out / "vendors.png")
    total = {k: float(np.mean([row[k] for row in table.values()])) for k in next(iter(table.values()))}
    named = np.isin(vendors, list(table))
    total |= {
        "auc": told_apart(reader, np.concatenate(redrawn), asked),
        "auc_real": told_apart(reader, images.image[named].astype(np.float32), [str(v) for v in vendors[named]]),
        "believed_as_share_of_real": total["believed"] / total["believed_real"],
        "dice_as_share_of_before": total["dice"] / total["dice_before"],
    }
    print("mean", {k: round(v, 3) for k, v in total.items()})
    record = {"table": table, "mean": total, "images": options.images, "settings": settings.model_dump()}
    (options.out.parent / "vendor_style.json").write_text(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
