"""Does the phantom teach what real hearts look like? Trains the segmenter on phantoms alone, for a given time.

    python -m benchmarks.phantom_to_real --out FOLDER --phantoms acdc-like:500 varied:500 --minutes 60 [--start shipped] [--refined]
    python -m benchmarks.segmentation_on_patients --weights phantoms=FOLDER/weights.safetensors ...

Pose, contrast, surroundings, resolution and noise are varied in training (`synthcmr.judges.augment`). A run that was cut
short goes on from its checkpoint. The second script says how the weights do on patients.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.config import PreprocessSettings
from synthcmr.generators.families import load_generator
from synthcmr.generators.interface import Generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.augment import Convention, augment
from synthcmr.judges.scores import segmenter_limits
from synthcmr.judges.segmenter import Segmenter, SegmenterNetwork, build
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.images import load_images
from synthcmr.training.kept_weights import Ema
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.weights import file_hash, load_weights, save_weights

BATCH, SIZE, RATE, DECAY, WARM_UP_S = 8, 112, 5e-4, 0.995, 60.0
KINDS = ("acdc-like:500", "varied:500")
# In pixels of 1.5 mm. Of patients, the wall is drawn 1 mm inside its visible edge, and the cavity up to where the last blood is
# seen among the trabeculae; of phantoms, where grey values change most.
DRAWN = Convention(epicardium_in=0.67, endocardium_out=0.5)
CROP = 184  # pixels of 1.5 mm that are stored: pose and size are varied within
CHECKPOINT_EVERY_S = 90.0
REFINE_STEPS, AT_ONCE, SIDE = 4, 16, 16  # of the generator; images at once; its images' sides are multiples of this
BEGINS = (0.35, 0.6)  # where on the way from noise to image phantoms begin, when they are refined for training
STRANGERS = (
    "everyone",
    24,
    77,
)  # preset, subjects and seed of the phantoms whose Dice the weights state as their limits
Slices = tuple[torch.Tensor, torch.Tensor]


def phantoms(folder: Path, kinds: Sequence[str], seed: int) -> list[Cohort]:
    """The training cohorts, made once: `preset:subjects` each, both phases, with room around the heart."""
    cohorts = []
    for k, kind in enumerate(kinds):
        preset, _, subjects = kind.partition(":")
        path = folder / f"{preset}-{subjects}-{seed + k}"
        settings = PreprocessSettings(size=CROP, frames="pair")
        finished = (path / "cohort.json").exists()
        cohorts.append(
            Cohort.open(path) if finished else make_phantoms(path, preset, int(subjects), 2, seed + k, settings)
        )
    return cohorts


def load_slices(cohorts: Sequence[Cohort]) -> Slices:
    """All frames in memory as bytes: images (n, rows, columns) scaled to 0..255, and masks."""
    images, masks = [], []
    for cohort in cohorts:
        for i in range(len(cohort)):
            images.append(torch.from_numpy(np.rint(cohort.image(i).astype(np.float32) * 255).astype(np.uint8)))
            masks.append(torch.from_numpy(cohort.mask(i)))
    return torch.cat(images), torch.cat(masks)


def refined(folder: Path, cohort: Cohort, seed: int) -> torch.Tensor:
    """The frames of a cohort as the shipped generator finishes them, 0..255, as `load_slices` orders them; made once, in parts."""
    generator = load_generator(shipped("refine"))
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for first in range(0, len(cohort), AT_ONCE):
        file = folder / f"{cohort.path.name}-{first:05d}.npy"
        if not file.exists():
            rows = range(first, min(first + AT_ONCE, len(cohort)))
            made = _finished(generator, cohort, rows, seed)
            np.save(file.with_suffix(".part.npy"), np.rint(made * 255).astype(np.uint8))
            file.with_suffix(".part.npy").replace(file)
            print(f"{cohort.path.name}: {rows[-1] + 1} of {len(cohort)} images refined", flush=True)
        parts.append(torch.from_numpy(np.load(file)))
    return torch.cat(parts).flatten(0, 1)


def known_attributes(attributes: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """What a generator can be told of somebody."""
    return {k: v for k, v in attributes.items() if vocabulary.knows(k, v)}


def _finished(generator: Generator, cohort: Cohort, rows: Sequence[int], seed: int) -> npt.NDArray[np.float32]:
    begin = np.random.default_rng([seed, rows[0]]).uniform(*BEGINS)
    edge = tuple((n % SIDE) // -2 % (SIDE // 2) for n in cohort.image(rows[0]).shape[1:])
    around = ((0, 0), *((n, n) for n in edge))
    conditions = [
        Condition(
            np.pad(np.where(cohort.mask(i) > Label.RV, 0, cohort.mask(i)), around),
            known_attributes(cohort.attributes(cohort.images["subject_id"].iloc[i]), generator.vocabulary),
            start=np.pad(cohort.image(i).astype(np.float32), around, mode="reflect"),
        )
        for i in rows
    ]
    settings = SamplerSettings(steps=REFINE_STEPS, begin=float(begin), batch=len(rows))
    made = generator.sample(conditions, [int(seed * 1_000_003 + i) for i in rows], settings)
    tall, wide = cohort.image(rows[0]).shape[1:]
    return made[:, :, edge[0] : edge[0] + tall, edge[1] : edge[1] + wide]


class Training:
    """A run for a given time, with averaged weights; it continues from its checkpoint where there is one."""

    def __init__(self, slices: Slices, model: SegmenterSettings, start: Path | None, folder: Path, seed: int) -> None:
        torch.manual_seed(seed)
        self.images, self.masks = slices
        self.model, self.checkpoint = model, folder / "checkpoint.pt"
        self.network = build(model)
        if start is not None:
            load_weights(self.network, start)
        self.average = Ema(self.network, DECAY)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), weight_decay=1e-3)
        self.generator = torch.Generator().manual_seed(seed)
        self.spent, self.steps = 0.0, 0
        if self.checkpoint.exists():
            self._resume()

    def go(self, minutes: float, rate: float) -> SegmenterNetwork:
        """Train until that much time was spent, over all calls.

        Returns:
            The network with averaged weights.
        """
        total, last, saved, running = minutes * 60.0, time.monotonic(), time.monotonic(), math.nan
        while self.spent < total:
            for group in self.optimiser.param_groups:
                group["lr"] = rate * _share_of_rate(self.spent, total)
            loss = self._step()
            running = loss if math.isnan(running) else running + 0.02 * (loss - running)
            now = time.monotonic()
            self.spent, last = self.spent + now - last, now
            if self.steps % 25 == 0:
                print(f"step {self.steps}, {self.spent / 60:.1f} of {minutes:g} min, loss {running:.3f}", flush=True)
            if now - saved > CHECKPOINT_EVERY_S or self.spent >= total:
                saved = now
                self._save()
        return self.average.network.eval()  # type: ignore[return-value]

    def _step(self) -> float:
        pick = torch.randint(len(self.images), (BATCH,), generator=self.generator)
        mask = self.masks[pick].long()
        mask = torch.where(mask > 3, 0, mask)
        image = self.images[pick][:, None].float() / 255
        image, mask = augment(image, mask, self.model.size, self.generator, DRAWN)
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = self.network("segment", {"image": image, "mask": mask})
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.steps += 1
        self.average.update(self.network, self.steps)
        return float(loss.detach())

    def _save(self) -> None:
        state: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "spent": self.spent,
            "steps": self.steps,
        }
        partial = self.checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.spent, self.steps = state["spent"], state["steps"]


def _share_of_rate(spent: float, total: float) -> float:
    return min(1.0, (spent + 1) / WARM_UP_S) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, spent / total))))


def write_weights(network: SegmenterNetwork, file: Path, record: dict[str, Any], folder: Path) -> None:
    """Write weights in 8 bits, with the Dice that they reach on phantoms they never saw; these are made in a folder."""
    preset, subjects, seed = STRANGERS
    path = folder / "strangers"
    there = (path / "cohort.json").exists()
    strangers = Cohort.open(path) if there else make_phantoms(path, preset, subjects, seed=seed)
    plain = {"family": Segmenter.kind, **record}
    save_weights(network, file, plain, compact=True)
    limits = segmenter_limits(Segmenter.load(file), load_images(strangers, None, 2))
    save_weights(network, file, plain | {"limits": limits}, compact=True)


def trained(
    out: Path,
    folder: Path,
    kinds: Sequence[str],
    start: str,
    minutes: float,
    rate: float = RATE,
    size: int = SIZE,
    seed: int = 0,
    also_refined: bool = False,
) -> Path:
    """Make or take phantoms, train on them, write the weights.

    Args:
        out: the run's folder.
        folder: where phantoms lie or are made.
        kinds: `preset:subjects` each.
        start: weights to begin from; 'shipped' for those of the package; empty for random ones.
        minutes: training time.
        rate: highest learning rate.
        size: rows and columns that the network sees in training.
        seed: of phantoms and training.
        also_refined: learn from every phantom as the shipped generator finishes it, too.

    Returns:
        The weights file.
    """
    out.mkdir(parents=True, exist_ok=True)
    cohorts = phantoms(folder, kinds, seed)
    slices = load_slices(cohorts)
    if also_refined:
        finished = [refined(folder / "refined", cohort, seed) for cohort in cohorts]
        slices = torch.cat([slices[0], *finished]), torch.cat([slices[1], slices[1]])
    print(f"{len(slices[0])} phantom slices of {sum(len(c.subjects) for c in cohorts)} subjects", flush=True)
    model = SegmenterSettings(size=size)
    first = None if not start else shipped("segmenter") if start == "shipped" else Path(start)
    training = Training(slices, model, first, out, seed)
    network = training.fit(minutes, rate)
    record = {
        "model": model.model_dump(mode="json"),
        "phantoms": list(kinds),
        "start": start,
        "refined_by": file_hash(shipped("refine")) if also_refined else "",
        "steps": training.steps,
        "batch": BATCH,
        "cohort_hash": "+".join(cohort.hash for cohort in cohorts),
    }
    write_weights(network, out / "weights.safetensors", record, folder)
    print(f"{out / 'weights.safetensors'}: {training.steps} steps of {BATCH}")
    return out / "weights.safetensors"


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/phantom_to_real"))
    parser.add_argument("--phantoms", nargs="+", default=list(KINDS), help="preset:subjects")
    parser.add_argument("--folder", type=Path, help="where phantoms lie or are made; default: in --out")
    parser.add_argument("--start", default="", help="weights to begin from; 'shipped' for those of the package")
    parser.add_argument("--minutes", type=float, default=90.0, help="training time")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--size", type=int, default=SIZE, help="rows and columns that the network sees in training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--refined", action="store_true", help="learn from phantoms finished by the shipped generator, too"
    )
    given = parser.parse_args()
    folder = given.folder or given.out / "phantoms"
    trained(
        given.out,
        folder,
        given.phantoms,
        given.start,
        given.minutes,
        given.rate,
        given.size,
        given.seed,
        given.refined,
    )


if __name__ == "__main__":
    main()
