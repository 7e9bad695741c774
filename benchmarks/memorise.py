"""A generator made to memorise must be caught: few subjects, long training, and all attacks on what comes out.

    python -m benchmarks.memorise [--family flow] [--members 10] [--others 40] [--steps 2000] [--cohort COHORT] [--seed 0]

Phantoms, or subjects of a cohort, at low resolution. Three small networks learn as long, each from as many subjects of its own: the guilty
one from the members, an innocent one from others, and a reference model from others still, which learned from neither. Both suspects draw
an image for each of the members' masks and attributes, and are judged in the same way, for the same members.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import ImageRecord, SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import Condition
from synthcmr.config import Settings
from synthcmr.evaluation.privacy.attack_target import AttackTarget
from synthcmr.evaluation.privacy.membership.membership_attack import Attacks
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult, judge_privacy
from synthcmr.evaluation.privacy.privacy_part import privacy_scores
from synthcmr.evaluation.privacy.settings import PRIVACY_RULES, PrivacyPartSettings
from synthcmr.evaluation.score import PartResult
from synthcmr.evaluation.verdict import verdict
from synthcmr.generators.families import family
from synthcmr.generators.family_settings import FlowSettings, VaeSettings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.sampling.attack_adapter import Answering
from synthcmr.training.images import load_images
from synthcmr.training.settings import LoopSettings

MODELS_TRAINED = ("guilty", "innocent", "reference")
MODELS: dict[str, Settings] = {
    "flow": FlowSettings(
        patch=2,
        channels=(32, 64),
        attention=(False, True),
        head_channels=16,
        token_width=32,
        neighbour_rate=0.0,
        predict="image",
    ),
    "vae": VaeSettings(channels=(32, 32, 32, 32), encoder=(32, 48, 64), token_width=32, neighbour_rate=0.0),
}


def population(people: Cohort, members: int, seed: int) -> dict[str, Cohort]:
    """The same subjects three times: learned from are the members, others, and others still; the rest is held out."""
    place = np.random.default_rng(seed).permutation(len(people.subjects))
    splits = {}
    for k, name in enumerate(MODELS_TRAINED):
        learned = (place >= k * members) & (place < (k + 1) * members)
        rest = np.where(place < len(MODELS_TRAINED) * members, "left out", "test")
        subjects = people.subjects.assign(split=np.where(learned, "train", rest))
        splits[name] = Cohort(people.path, people.info, subjects, people.images)
    return splits


def small(source: Cohort, out: Path, subjects: int, size: int, slices: int) -> Cohort:
    """The first subjects of a cohort, some middle slices of each, averaged block by block."""
    if (out / "cohort.json").exists():
        return Cohort.open(out)
    with CohortWriter(out, {"step": "memorise", "of": source.hash}, canvas=(size, size)) as writer:
        for name in source.subjects["subject_id"].head(subjects):
            one = source.select(subject_id=name)
            first = max(0, (len(one) - slices) // 2)
            records = tuple(shrunk(one, k, size) for k in range(first, min(first + slices, len(one))))
            told = {k: v for k, v in source.attributes(name).items() if k != "split"}
            writer.add(SubjectRecord(name, name, told, records))
        writer.finish(None, [])
    return Cohort.open(out)


def shrunk(cohort: Cohort, row: int, size: int) -> ImageRecord:
    """One image at low resolution."""
    image, mask = cohort.image(row), cohort.mask(row)
    block = image.shape[1] // size
    blocks = image.reshape(len(image), size, block, size, block).mean(axis=(2, 4))
    middle = slice(block // 2, None, block)
    return record(str(cohort.images["subject_id"].iloc[row]), row, len(cohort), blocks, mask[:, middle, middle])


def drawn(suspect: Answering, people: Cohort, out: Path) -> Cohort:
    """An image for every mask and patient that the members have."""
    if (out / "cohort.json").exists():
        return Cohort.open(out)
    learned = people.select(split="train")
    images = load_images(learned, None, 2)
    knows = suspect.vocabulary.knows
    known = [{k: v for k, v in one.items() if knows(k, v)} for one in images.attributes]
    conditions = [Condition(mask, one) for mask, one in zip(images.mask, known, strict=True)]
    made = suspect.draw(conditions, list(range(len(conditions))))
    with CohortWriter(out, {"step": "memorise", "of": suspect.generator.hash}, canvas=made.shape[2:]) as writer:
        for name in dict.fromkeys(images.subject):
            rows = [k for k, subject in enumerate(images.subject) if subject == name]
            records = tuple(
                record(f"synthetic-{name}", k, len(rows), made[i], images.mask[i]) for k, i in enumerate(rows)
            )
            told = {k: v for k, v in learned.attributes(name).items() if k != "split"}
            writer.add(SubjectRecord(name, f"synthetic-{name}", told, records))
        writer.finish(None, [])
    return Cohort.open(out)


def record(name: str, index: int, count: int, image: np.ndarray, mask: np.ndarray) -> ImageRecord:
    """One drawn image."""
    return ImageRecord(
        image, mask, name, 0, index, count, ("ED", "ES"), ("lv,myo,rv",) * 2, frame_indices=(0, 1), origin="synthetic"
    )


def told(result: PrivacyResult) -> dict[str, Any]:
    """The figures that the claim is about."""
    found: dict[str, Any] = {"split bias": result.split_bias.model_dump(mode="json")}
    copies = result.near_copies.model_dump(mode="json")
    found["near copies"] = {
        k: copies[k] for k in ("threshold", "copied", "false_alarms", "planted", "subjects", "closer")
    }
    for name in ("black_box", "grey_box", "white_box"):
        part = getattr(result, name)
        if not isinstance(part, Attacks):
            found[name] = part.model_dump(mode="json")
            continue
        for a in part.attacks:
            area, of = a.result.auc, a.result.identified
            strict = "" if of is None else f", {of.identified} of {of.members} identified at {of.rate:.1%}"
            print(
                f"{name:10s} {a.name:55s} AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}){strict}", flush=True
            )
        found[name] = {
            a.name: {
                "auc": a.result.auc.model_dump(),
                "identified": None if a.result.identified is None else a.result.identified.model_dump(),
                "control": a.control.model_dump(),
                "planted": a.planted.model_dump(),
            }
            for a in part.attacks
        }
    return found


def words(result: PrivacyResult, settings: PrivacyPartSettings, known: AttackTarget, people: int) -> dict[str, str]:
    """What the rules of the score card make of it."""
    found = verdict(PartResult(scores=privacy_scores(result, settings, known, people)), PRIVACY_RULES)
    for finding in found.findings:
        print(f"{finding.rule}: {finding.sentence}", flush=True)
    return {"": found.word} | {finding.rule: finding.word for finding in found.findings}


def main() -> None:
    """Train, draw, attack, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=sorted(MODELS), default="flow")
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--others", type=int, default=40)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0, help="of who is a member")
    parser.add_argument("--slices", type=int, default=3, help="of each subject, from the middle")
    parser.add_argument("--cohort", type=Path, help="subjects to take instead of making phantoms")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "memorise")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/memorise.json"))
    options = parser.parse_args()
    count = len(MODELS_TRAINED) * options.members + options.others
    source = (
        Cohort.open(options.cohort) if options.cohort else make_phantoms(options.work / "phantoms", "everyone", count)
    )
    people = small(source, options.work / "people", count, options.size, options.slices)
    splits = population(people, options.members, options.seed)
    guilty = splits["guilty"]
    never = options.steps + 1
    loop = LoopSettings(
        steps=options.steps, batch=8, learning_rate=2e-3, warmup=50, weight_decay=0.0, ema=0.99, precision="fp32",
        held_out_every=never, sheet_every=never, checkpoint_every=200,
    )  # fmt: skip
    sampler = SamplerSettings(steps=20, guidance=1.0, precision="fp32")
    runs = {}
    for name, learned in splits.items():
        started = time.monotonic()
        run = options.work / f"{options.family}-{name}"
        made = family(options.family).fit(learned, run, MODELS[options.family], loop)
        runs[name] = Answering(made, sampler)
        print(f"{name}: trained in {time.monotonic() - started:.0f} s", flush=True)
    settings = PrivacyPartSettings(members="train", held_out=("test",), seed=1)
    found = {}
    for name in ("guilty", "innocent"):
        suspect, reference = runs[name], runs["reference"]
        images = drawn(suspect, guilty, options.work / f"{options.family}-{name}-images")
        known = AttackTarget(suspect.generator.hash, suspect, suspect, (reference,))
        print(f"--- {name}")
        judged = judge_privacy(guilty, images, settings, options.work / f"{options.family}-{name}-judged", known)
        found[name] = told(judged) | {"verdict": words(judged, settings, known, options.members)}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"options": {k: str(v) for k, v in vars(options).items()}, **found}, indent=2))


if __name__ == "__main__":
    main()
