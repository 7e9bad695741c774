"""Can the refining network draw in one evaluation what takes it eight? A student learns from the weights that ship, detail from people.

    python -m benchmarks.one_evaluation DATA RUN [--steps 4000]      trains, or goes on; DATA: `both` of benchmarks.refine_data
        [--free-from 2300]                                           from this step on, light is free, as in family refine-once
    python -m benchmarks.one_evaluation DATA RUN --measure           distances to people it never saw, beside its teacher and phantoms
    python -m benchmarks.one_evaluation DATA RUN --export WEIGHTS    as weights that `synthcmr train refine-once --init-from` begins with

The student starts as its teacher and sees what the teacher sees: a phantom, noised. Its coarse structure must be that of the image that
the teacher draws from the same noise; what detail looks like, a discriminator says that compares it with windows of people's images.
Batches are windows with random quarter turns, mirrored, with random contrast, alike for both sides. RUN/sheet.png shows phantoms, the
teacher, the student and people.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import LOOK, Condition, Neighbour
from synthcmr.evaluation.sample_scores import frame_descriptors, ring_powers
from synthcmr.generators.conditional.condition_batch import around, batch_of
from synthcmr.generators.conditional.render import noise, render
from synthcmr.generators.family_settings import RefineOnceSettings
from synthcmr.generators.refine.discriminator import PatchDiscriminator, blurred, unlike
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.network import RefineNetwork
from synthcmr.generators.refine.once_network import RefineOnceNetwork
from synthcmr.generators.refine.training_task import PHANTOM, load_frames
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.scores import mean_dice
from synthcmr.judges.segmenter import Segmenter
from synthcmr.statistics.energy import distance
from synthcmr.training.images import TrainingImages
from synthcmr.training.shipped_weights import shipped
from synthcmr.training.training_task import Frames
from synthcmr.training.weights import read_header, save_weights

BATCH, WINDOW, TEACHER_STEPS = 8, 96, 8
COARSE, CLOSE, ADVERSARIAL = 20.0, 0.3, 0.1  # weights of the three losses of the student
COARSE_PX = 1.5  # standard deviation of what is coarse
PENALTY, PENALTY_EVERY = 20.0, 8  # on the discriminator's gradient at real images (Mescheder et al. 2018)
BESIDE = 0.6  # share of examples that see the adjacent slice
FRAMES = 1400  # of phantoms that the teacher draws once, before the training
WIDTH = 48  # of the discriminator
SHAPES, LIGHT, WIDE = 1.5, 0.2, 8.0  # the same where light is free
QUICK_EMA = 0.995
EMA, SAVE_EVERY, MEASURED, ACROSS = 0.998, 100, 96, 9
Images = npt.NDArray[np.float32]


@dataclass
class Pairs:
    """Frames of phantoms, and what the teacher makes of them: alone, and beside its own image of the adjacent slice."""

    images: TrainingImages
    rows: list[int]
    alone: Images
    beside: dict[int, Images]  # by place in `rows`
    adjacent: dict[int, int]  # place of the adjacent slice

    @classmethod
    def of(cls, generator: RefineGenerator, images: TrainingImages, file: Path) -> Pairs:
        """Drawn once, and kept in a file."""
        simulated = [i for i, row in enumerate(images.attributes) if row[LOOK] == PHANTOM]
        rng = np.random.default_rng(0)
        rows = sorted(rng.choice(simulated, min(FRAMES, len(simulated)), replace=False).tolist())
        place = {row: k for k, row in enumerate(rows)}
        found = {k: next((place[j] for j in images.neighbours[row] if j in place), None) for k, row in enumerate(rows)}
        adjacent = {k: other for k, other in found.items() if other is not None}
        if not file.exists():
            settings = SamplerSettings(steps=TEACHER_STEPS)
            conditions = [condition(generator, images, row) for row in rows]
            alone = render(generator.network, conditions, rows, settings)
            seen = [
                condition(generator, images, rows[k], Neighbour(alone[o], images.mask[rows[o]]))
                for k, o in adjacent.items()
            ]
            beside = render(generator.network, seen, [rows[k] for k in adjacent], settings)
            np.savez(file, alone=alone.astype(np.float16), beside=beside.astype(np.float16))
        kept = np.load(file)
        drawn = dict(zip(adjacent, kept["beside"].astype(np.float32), strict=True))
        return cls(images, rows, kept["alone"].astype(np.float32), drawn, adjacent)

    def examples(
        self, generator: RefineGenerator, rng: np.random.Generator
    ) -> tuple[list[Condition], list[int], Tensor]:
        """Conditions, seeds of their noise, and what the teacher drew, -1 to 1."""
        conditions, seeds, wanted = [], [], []
        with_neighbour = list(self.adjacent)
        for _ in range(BATCH):
            shown = rng.random() < BESIDE
            k = int(rng.choice(with_neighbour if shown else len(self.rows)))
            other = self.adjacent.get(k, 0)
            beside = Neighbour(self.alone[other], self.images.mask[self.rows[other]]) if shown else None
            conditions.append(condition(generator, self.images, self.rows[k], beside))
            seeds.append(self.rows[k])
            wanted.append(self.beside[k] if shown else self.alone[k])
        return conditions, seeds, torch.from_numpy(np.stack(wanted)) * 2 - 1


def condition(
    generator: RefineGenerator, images: TrainingImages, row: int, neighbour: Neighbour | None = None
) -> Condition:
    """A phantom that is to become a person's image."""
    known = {k: v for k, v in images.attributes[row].items() if generator.vocabulary.knows(k, v)}
    start = images.image[row].astype(np.float32)
    return Condition(images.mask[row], {**known, LOOK: generator.usual_look}, neighbour, start)


def inputs(network: RefineNetwork, conditions: Sequence[Condition], seeds: Sequence[int]) -> tuple[Tensor, Tensor, Any]:
    """The noised phantoms, what is seen around, and the texts."""
    batch = batch_of(conditions, torch.device("cpu"))
    begin = network.settings.begin
    assert batch.start is not None  # every condition has a phantom
    drawn = torch.stack([noise(seed, conditions[0].mask.shape) for seed in seeds])
    seen = around(batch.mask, batch.neighbour, batch.neighbour_mask, batch.shown)
    return (1 - begin) * drawn + begin * batch.start, seen, batch.texts


def one_evaluation(network: RefineNetwork, x: Tensor, seen: Tensor, texts: Any) -> Tensor:
    """The image that the network expects, from where phantoms begin."""
    return network.image(x, torch.full((len(x),), network.settings.begin), seen, network.tokens(texts)).float()


def changed(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Turned, mirrored, with another contrast: what neither side may be known by."""
    gamma = torch.from_numpy(np.exp(rng.normal(0, 0.1, (len(image), 1, 1, 1))).astype(np.float32))
    bright = ((image + 1) / 2).clamp(1e-4, 1) ** gamma * 2 - 1
    turned = torch.rot90(bright, int(rng.integers(4)), (2, 3))
    return turned.flip(3) if rng.random() < 0.5 else turned


class Training:
    """Student, its average, and discriminator; all of it lies in a checkpoint."""

    def __init__(self, generator: RefineGenerator, run: Path) -> None:
        self.student = copy.deepcopy(generator.network).train().requires_grad_(True)
        self.average, self.judge, self.step = copy.deepcopy(generator.network), PatchDiscriminator(WIDTH), 0
        self.of_student = torch.optim.Adam(self.student.parameters(), 1e-4, betas=(0.0, 0.99))
        self.of_judge = torch.optim.Adam(self.judge.parameters(), 2e-4, betas=(0.0, 0.99))
        self.file = run / "checkpoint.pt"
        if self.file.exists():
            kept = torch.load(self.file, weights_only=True)
            for name, part in self._parts().items():
                part.load_state_dict(kept[name])
            self.step = kept["step"]

    def _parts(self) -> dict[str, Any]:
        names = ("student", "average", "judge", "of_student", "of_judge")
        return {name: getattr(self, name) for name in names}

    def save(self) -> None:
        """Write the checkpoint in one step."""
        partial = self.file.with_suffix(".part")
        torch.save({"step": self.step, **{name: part.state_dict() for name, part in self._parts().items()}}, partial)
        partial.replace(self.file)

    def one_step(
        self, given: tuple[Tensor, Tensor, Any], wanted: Tensor, real: Tensor, rng: np.random.Generator, free: bool
    ) -> str:
        """Both turns; returns what to print. With free light shapes alone must be the teacher's."""
        with torch.autocast("cpu", torch.bfloat16):
            drawn = one_evaluation(self.student, *given)
        judged = self._judge_turn(drawn.detach().clamp(-1, 1), real, rng)
        self.of_student.zero_grad(set_to_none=True)
        self.judge.requires_grad_(False)
        praise = torch.stack([verdict.mean() for verdict in self.judge(changed(drawn, rng))]).sum()
        if free:
            light = (blurred(drawn, WIDE) - blurred(wanted, WIDE)).square().mean()
            off = SHAPES * unlike(drawn, wanted) + LIGHT * light
        else:
            apart = (blurred(drawn, COARSE_PX) - blurred(wanted, COARSE_PX)).square().mean()
            off = COARSE * apart + CLOSE * (drawn - wanted).abs().mean()
        warm = min(1.0, self.step / 300)  # the discriminator knows nothing yet
        (off - warm * ADVERSARIAL * praise).backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.of_student.step()
        self.judge.requires_grad_(True)
        self.step += 1
        decay = min(QUICK_EMA if free else EMA, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.student.parameters()), 1 - decay)
        return f"off by {off:.4f}, discriminator {judged:.3f}"

    def _judge_turn(self, drawn: Tensor, real: Tensor, rng: np.random.Generator) -> float:
        self.of_judge.zero_grad(set_to_none=True)
        shown = changed(real, rng).requires_grad_(self.step % PENALTY_EVERY == 0)
        pairs = list(zip(self.judge(shown), self.judge(changed(drawn, rng)), strict=True))
        loss = torch.stack([relu(1 - r).mean() + relu(1 + f).mean() for r, f in pairs]).sum()
        if shown.requires_grad:
            verdict = torch.stack([r.mean(dim=(1, 2, 3)).sum() for r, _ in pairs]).sum()
            (gradient,) = torch.autograd.grad(verdict, shown, create_graph=True)
            loss = loss + PENALTY_EVERY / 2 * PENALTY * gradient.square().sum(dim=(1, 2, 3)).mean()
        loss.backward()
        self.of_judge.step()
        return float(loss)


def train(generator: RefineGenerator, cohort: Cohort, run: Path, steps: int, free_from: int) -> None:
    """Go on to a number of steps; from one of them on, light is free."""
    images = load_frames(cohort, "train")
    pairs = Pairs.of(generator, images, run / "pairs.npz")
    people = [i for i, row in enumerate(images.attributes) if row[LOOK] != PHANTOM]
    names = [images.subject[i] for i in people]
    often = np.array([names.count(name) ** -0.5 for name in names])
    training, begun = Training(generator, run), time.monotonic()
    first = training.step
    while training.step < steps:
        rng = np.random.default_rng([7, training.step])
        conditions, seeds, wanted = pairs.examples(generator, rng)
        x, seen, texts = inputs(generator.network, conditions, seeds)
        top, left = rng.integers(0, x.shape[2] - WINDOW + 1, 2)
        window = (..., slice(top, top + WINDOW), slice(left, left + WINDOW))
        chosen = rng.choice(people, BATCH, p=often / often.sum())
        real = torch.from_numpy(images.image[chosen].astype(np.float32)).clamp(0, 1) * 2 - 1
        free = training.step >= free_from
        told = training.one_step((x[window], seen[window], texts), wanted[window], real[window], rng, free)
        if training.step % SAVE_EVERY == 0 or training.step == steps:
            training.save()
            each = (time.monotonic() - begun) / (training.step - first)
            left_min = each * (steps - training.step) / 60
            print(f"{training.step}/{steps}: {told}; {each:.2f} s a step, {left_min:.0f} min left", flush=True)


def measure(generator: RefineGenerator, cohort: Cohort, run: Path) -> None:
    """Frames of people that no network saw, against phantoms of the validation split, what becomes of them, and other people."""
    student = Training(generator, run).average.eval()
    validation, people = load_frames(cohort, "validation"), load_frames(cohort, "test")
    rows, others = _with_hearts(validation, simulated=True), _with_hearts(validation, simulated=False)
    conditions = [condition(generator, validation, row) for row in rows]
    seeds = list(range(len(rows)))
    drawn = [
        one_evaluation(student, *inputs(student, conditions[k : k + BATCH], seeds[k : k + BATCH]))
        for k in range(0, len(rows), BATCH)
    ]
    taught = render(generator.network, conditions, seeds, SamplerSettings(steps=TEACHER_STEPS))
    sets = {
        "phantoms": validation.image[rows, 0],
        f"teacher, {TEACHER_STEPS} evaluations": taught[:, 0],
        "student, 1 evaluation": ((torch.cat(drawn) + 1) / 2).clamp(0, 1).numpy()[:, 0],
    }
    frames = {name: Frames(image.astype(np.float32), validation.mask[rows, 0]) for name, image in sets.items()}
    frames["other people"] = _frames_of(validation, others)
    real = _frames_of(people, _with_hearts(people, simulated=False))
    segmenter = Segmenter.load(shipped("segmenter"))
    print("| set | distance: textures and rings | rings alone | Dice of the mask |\n| --- | --- | --- | --- |")
    for name, shown in frames.items():
        apart = distance(frame_descriptors(real), frame_descriptors(shown))
        rings = distance(ring_powers(real), ring_powers(shown))
        segmented = segmenter.segment(shown.image[:, None])[:, 0]
        dice = np.nanmean([mean_dice(a, b) for a, b in zip(segmented, shown.mask, strict=True)])
        print(f"| {name} | {apart:.3f} | {rings:.3f} | {dice:.3f} |", flush=True)
    _write_sheet([one.image for one in (*list(frames.values())[:-1], real)], run / "sheet.png")


def _frames_of(images: TrainingImages, rows: Sequence[int]) -> Frames:
    return Frames(images.image[rows, 0].astype(np.float32), images.mask[rows, 0])


def export(generator: RefineGenerator, run: Path, file: Path) -> None:
    """Student and discriminator as weights of the family refine-once."""
    trained, header = Training(generator, run), read_header(shipped("refine"))
    model = RefineOnceSettings().model_dump(mode="json") | header["model"] | {"start": None, "phantoms": 0.0}
    network = RefineOnceNetwork(RefineOnceSettings.model_validate(model), generator.vocabulary)
    judged = {f"judge.{name}": value for name, value in trained.judge.state_dict().items()}
    network.load_state_dict(trained.average.state_dict() | judged)
    of_run = {"family": network.family, "model": model, "steps": trained.step, "begun_from": generator.hash}
    save_weights(network, file, header | of_run)


def _with_hearts(images: TrainingImages, simulated: bool) -> list[int]:
    """Some frames that show a left ventricle."""
    rows = [
        i
        for i, row in enumerate(images.attributes)
        if (row[LOOK] == PHANTOM) == simulated and (images.mask[i] > 0).sum() > 300
    ]
    return [rows[k] for k in np.linspace(0, len(rows) - 1, min(MEASURED, len(rows))).astype(int)]


def _write_sheet(sets: Sequence[Images], file: Path) -> None:
    from matplotlib import image

    shown = [one[np.linspace(0, len(one) - 1, ACROSS).astype(int)] for one in sets]
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in shown])
    image.imsave(file, np.kron(sheet, np.ones((2, 2))).clip(0, 1), cmap="gray")


def main() -> None:
    """Train or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--free-from", type=int, default=10**9)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--export", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    asked.run.mkdir(parents=True, exist_ok=True)
    generator = RefineGenerator.load(shipped("refine"))
    generator.network.eval().requires_grad_(False)
    cohort = Cohort.open(asked.data)
    if asked.export:
        export(generator, asked.run, asked.export)
    elif asked.measure:
        with torch.no_grad():
            measure(generator, cohort, asked.run)
    else:
        train(generator, cohort, asked.run, asked.steps, asked.free_from)


if __name__ == "__main__":
    main()
