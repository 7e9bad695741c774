"""What does privacy cost? A segmenter that learned from released images alone, at several epsilons, tested on patients nobody learned from.

    python -m benchmarks.privacy_utility --cohort ACDC --work FOLDER [--epsilons 1 3 10] [--seeds 0 1] [--minutes 70] [--arms phantoms ...]

COHORT has a training split, whose patients are protected, and a test split, whose patients judge. Arms, each once per seed:

- phantoms: simulated images alone
- public: images of the generator and the anatomies that ship; no patient was looked at
- epsilon E: weights begun from those that ship, anatomies and recalibration, all learned privately from the patients and all within
  epsilon E, as `synthcmr release` states it; the segmenter sees the released folder
- no privacy: the same steps, anatomies and recalibration without a promise
- patients: the training patients themselves

Every arm is tested with one network, as many steps and the same augmentation. Dice is that of volumes: pooled over the slices of a phase,
averaged over phases, structures and then patients. Differences to the arm `public` have paired 95 % intervals over test patients and
seeds. Every stage that is finished is kept: a killed call goes on where it was, and further seeds can be added. With --minutes no
stage is begun after that time.

The clip is what about half of the gradients of phantoms reach; everything else was set without looking at patients, but for one thing:
that a private recalibration moves images only as far as its noise allows was built after the arm epsilon 1 had been tested once.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import STRUCTURES
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.frequency.model_folder import MODEL_FILE
from synthcmr.judges.segmenter import Segmenter
from synthcmr.privacy.accountant import epsilons
from synthcmr.training.images import load_images
from synthcmr.training.privacy import promise
from synthcmr.training.private_sums import SumPromise
from synthcmr.training.run_folder import WEIGHTS
from synthcmr.training.settings import PrivacySettings

SHARES = {"weights": 0.4, "anatomy": 0.3, "recalibration": 0.3}  # of epsilon
DELTA = 1e-3
STEPS, CLIP, RANK, RATE = 40, 0.02, 4, 2e-3
SUBJECTS, SAMPLER_STEPS = 30, 6  # of a generated cohort
SEGMENTER = ("model.filters=[16,32,64,96,128]", "model.size=96", "loop.batch=12", "loop.warmup=20", "loop.ema=0.98")
SEGMENTER_STEPS = 1200
SELDOM = 10**6
DRAWS = 4000
ACROSS = 10  # images of a sheet
REFERENCE = "public"
Floats = npt.NDArray[np.float64]
Metric = dict[str, float]


class OutOfTimeError(Exception):
    """No further stage is begun."""


@dataclass(frozen=True)
class Chain:
    """The stages of one arm and seed."""

    cohort: Cohort
    arm: str
    seed: int
    folder: Path
    ends: float  # no stage is begun later

    @property
    def epsilon(self) -> float | None:
        """Of a private arm."""
        return float(self.arm.split()[1]) if self.arm.startswith("epsilon") else None

    @property
    def people(self) -> int:
        """Training patients, a public number here."""
        return int((self.cohort.subjects["split"] == "train").sum())

    def stage(self, name: str, made: Path, make: Callable[[], object]) -> Path:
        """Do one stage unless its output is there; of a cohort, its last file."""
        if not (made / COHORT_FILE).exists() and not made.is_file():
            if time.monotonic() > self.ends:
                raise OutOfTimeError
            begun = time.process_time()
            make()
            self.note(name, {"core_seconds": round(time.process_time() - begun, 1)})
        return made

    def note(self, name: str, values: dict[str, object]) -> None:
        """Keep what was measured of a stage."""
        file = self.folder / "stages.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | {name: values}, indent=1) + "\n")

    def dp(self, part: str) -> str:
        """The --dp of a part of the chain."""
        asked = shares_of(self.epsilon or 0.0, self.people)[part]
        return f"epsilon={asked:.4f},delta={DELTA},subjects_in_cohort={self.people}"

    def learned_from(self) -> Cohort:
        """The images that the segmenter learns from."""
        if self.arm == "patients":
            return self.cohort.select(split="train")
        if self.arm == "phantoms":
            return Cohort.open(self.stage("phantom", self.folder / "phantoms", self._phantoms))
        run = self.stage("train", self.folder / "run" / WEIGHTS, self._train).parent if self.arm != REFERENCE else None
        anatomy = None if run is None else self.stage("anatomy", self.folder / "anatomy.npz", self._anatomy)
        images = self.stage("generate", self.folder / "generated", partial(self._generate, run, anatomy))
        if run is None:
            return Cohort.open(images)
        truth = self.stage("recalibrate fit", self.folder / "truth" / MODEL_FILE, self._recalibration).parent
        apply = partial(synthcmr.recalibrate, images, truth, self.folder / "recalibrated")
        images = self.stage("recalibrate", self.folder / "recalibrated", apply)
        if self.epsilon is None:
            return Cohort.open(images)
        release = partial(synthcmr.release, images, self.folder / "released", epsilon=self.epsilon)
        return Cohort.open(self.stage("release", self.folder / "released", release))

    def _phantoms(self) -> None:
        synthcmr.make_phantoms(self.folder / "phantoms", subjects=SUBJECTS, preset="everyone", seed=1000 + self.seed)

    def _train(self) -> None:
        settings = {
            "loop.steps": STEPS,
            "loop.learning_rate": RATE,
            "loop.warmup": 5,
            "loop.ema": 0.9,
            "loop.seed": self.seed,
            "loop.scored_frames": 0,
            "loop.threads": torch.get_num_threads(),
            "loop.checkpoint_every": 10,
        } | dict.fromkeys(("loop.sheet_every", "loop.held_out_every"), SELDOM)
        if self.epsilon is None:
            settings |= {"loop.batch": self.people, "loop.accumulate": 5}
            dp = None
        else:
            dp = f"{self.dp('weights')},subjects={self.people},slices=1,clip={CLIP}"
        synthcmr.train("refine", self.cohort, self.folder / "run", init_from="phantom", rank=RANK, dp=dp, set=settings)

    def _anatomy(self) -> None:
        dp = None if self.epsilon is None else self.dp("anatomy")
        synthcmr.train("anatomy", self.cohort, self.folder / "anatomy.npz", dp=dp)

    def _generate(self, run: Path | None, anatomy: Path | None) -> None:
        asked = {"subjects": SUBJECTS, "steps": SAMPLER_STEPS, "seed": 100 * self.seed, "screen": False}
        synthcmr.generate(self.folder / "generated", run=run, anatomy=anatomy, **asked)

    def _recalibration(self) -> None:
        dp = f"epsilon=1000,delta={DELTA},subjects_in_cohort={self.people}"  # the same four numbers, all but without noise
        synthcmr.fit_recalibration(
            self.cohort, self.folder / "truth", dp=dp if self.epsilon is None else self.dp("recalibration")
        )

    def dice(self) -> Metric:
        """Dice of every test patient."""
        learned = self.learned_from()
        run = self.folder / "segmenter"
        settings = (
            *SEGMENTER,
            f"loop.steps={SEGMENTER_STEPS}",
            f"loop.seed={self.seed}",
            f"loop.threads={torch.get_num_threads()}",
            *(f"loop.{name}={SELDOM}" for name in ("held_out_every", "sheet_every")),
            "loop.checkpoint_every=100",
        )
        fit = partial(synthcmr.Judge("segmenter").fit, learned, run, set=settings)
        weights = self.stage("segmenter", run / WEIGHTS, fit)
        file = self.folder / "dice.json"
        self.stage("test", file, lambda: file.write_text(json.dumps(tested(weights, self.cohort), indent=1) + "\n"))
        known: Metric = json.loads(file.read_text())
        return known


def shares_of(epsilon: float, people: int) -> dict[str, float]:
    """What each part asks for so that all together cost this epsilon: more than it in sum, as noisy uses compose."""

    def together(factor: float) -> float:
        asked = {part: factor * share * epsilon for part, share in SHARES.items()}
        sums = [SumPromise(asked[part], DELTA, people) for part in ("anatomy", "recalibration")]
        settings = PrivacySettings(epsilon=asked["weights"], delta=DELTA, subjects=people, subjects_in_cohort=people)
        entries = [
            *promise(settings, people, STEPS).entries(""),
            *(sums[0].entries("", "", "") + sums[1].entries("", "", "")),
        ]
        return max(epsilons([e.mechanism for e in entries if e.mechanism], DELTA).values())

    low, high = 0.9, 3.0
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if together(middle) <= 0.995 * epsilon else (low, middle)
    return {part: low * share * epsilon for part, share in SHARES.items()}


def tested(weights: Path, cohort: Cohort) -> Metric:
    """Dice by test patient: of volumes, averaged over phases and structures."""
    segmenter, images = Segmenter.load(weights), load_images(cohort, "test", 2)
    drawn = segmenter.segment(images.image.astype(np.float32))
    who = np.array(images.subject)
    return {name: volume_dice(drawn[who == name], images.mask[who == name]) for name in dict.fromkeys(images.subject)}


def volume_dice(drawn: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> float:
    """Of (slices, phases, rows, columns)."""
    scores = []
    for label in STRUCTURES.values():
        a, b = drawn == label, truth == label
        both, total = (a & b).sum(axis=(0, 2, 3)), a.sum(axis=(0, 2, 3)) + b.sum(axis=(0, 2, 3))
        scores += [2 * both[phase] / total[phase] for phase in range(a.shape[1]) if b[:, phase].any()]
    return float(np.mean(scores))


def interval(table: Floats, seed: int = 0) -> tuple[float, float, float]:
    """Mean of (seeds, patients) and its 95 % interval, both resampled."""
    rng = np.random.default_rng(seed)
    seeds, patients = table.shape
    drawn = [
        table[rng.integers(seeds, size=seeds)][:, rng.integers(patients, size=patients)].mean() for _ in range(DRAWS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(table.mean()), float(low), float(high)


def result(measured: dict[str, dict[int, Metric]], statements: dict[str, float]) -> list[dict[str, object]]:
    """A row per arm: Dice, and the paired difference to the arm that looked at no patient."""
    rows: list[dict[str, object]] = []
    for arm, by_seed in measured.items():
        seeds = sorted(by_seed)
        table = np.array([list(by_seed[seed].values()) for seed in seeds])
        row: dict[str, object] = {"arm": arm, "seeds": seeds, "patients": table.shape[1], "dice": interval(table)}
        row |= {"dice_by_seed": table.mean(axis=1).tolist(), "stated_epsilon": statements.get(arm)}
        shared = [seed for seed in seeds if seed in measured.get(REFERENCE, {})]
        if arm != REFERENCE and shared:
            pairs = [
                [by_seed[seed][name] - measured[REFERENCE][seed][name] for name in by_seed[seed]] for seed in shared
            ]
            row["difference_to_public"] = interval(np.array(pairs))
        rows.append(row)
    return rows


def markdown(rows: Sequence[dict[str, object]]) -> str:
    """The table of the docs."""
    lines = ["| learned from | stated ε | Dice | difference to `public` | seeds |", "| --- | --- | --- | --- | --- |"]

    def shown(values: object, sign: str = "") -> str:
        return "" if not isinstance(values, tuple) else "{:{s}.3f} [{:{s}.3f}, {:{s}.3f}]".format(*values, s=sign)

    for row in rows:
        stated = row["stated_epsilon"]
        cells = (row["arm"], "" if stated is None else stated, shown(row["dice"]))
        lines.append(
            f"| {' | '.join(map(str, cells))} | {shown(row.get('difference_to_public'), '+')} | {row['seeds']} |"
        )
    return "\n".join(lines)


def write_sheet(images: dict[str, Cohort], file: Path) -> None:
    """A row of end-diastolic slices from the middle of stacks for every arm."""
    from matplotlib import image

    rows = [np.concatenate(middles(cohort)[:ACROSS], axis=1) for cohort in images.values()]
    image.imsave(file, np.concatenate(rows).clip(0, 1), cmap="gray")


def middles(cohort: Cohort) -> list[Floats]:
    """The middle slice of every subject at end-diastole."""
    learned = load_images(cohort, "train", 2)
    who = np.array(learned.subject)
    places = [np.flatnonzero(who == name) for name in dict.fromkeys(learned.subject)]
    return [learned.image[own[len(own) // 2], 0].astype(np.float64) for own in places]


def main() -> None:
    """Do what is not there yet, and write the table of all that is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True, help="patients with a training and a test split")
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/privacy_utility"))
    parser.add_argument("--epsilons", type=float, nargs="*", default=[1.0, 3.0, 10.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--arms", nargs="*", default=[], help="such as phantoms; default: all")
    parser.add_argument("--minutes", type=float, default=np.inf, help="no stage is begun after so many")
    options = parser.parse_args()
    ends = time.monotonic() + 60 * options.minutes
    cohort = Cohort.open(options.cohort)
    arms = ["phantoms", REFERENCE, "no privacy", *(f"epsilon {e:g}" for e in options.epsilons), "patients"]
    measured: dict[str, dict[int, Metric]] = {}
    statements: dict[str, float] = {}
    images: dict[str, Cohort] = {}
    for seed in options.seeds:
        for arm in (one for one in arms if not options.arms or one in options.arms):
            folder = options.work / f"{arm.replace(' ', '-')}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            print(f"== {arm}, seed {seed}", flush=True)
            chain = Chain(cohort, arm, seed, folder, ends)
            try:
                measured.setdefault(arm, {})[seed] = chain.dice()
            except OutOfTimeError:
                print("out of time; the same call goes on", flush=True)
                return
            stated = folder / "released" / "statement.json"
            if stated.exists():
                statements[arm] = json.loads(stated.read_text())["epsilon"]
            rows = result(measured, statements)
            (options.work / "result.json").write_text(json.dumps(rows, indent=1) + "\n")
            (options.work / "result.md").write_text(markdown(rows) + "\n")
            images.setdefault(arm, chain.learned_from())
            write_sheet(images, options.work / "sheet.png")
            print(markdown(rows), flush=True)


if __name__ == "__main__":
    main()
