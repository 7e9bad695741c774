"""Do the rules catch a generator that memorises, with 10, 30 and 100 members, and leave an innocent one alone? Many runs, in closed form.

    python -m benchmarks.memorise_kernel [--runs 20] [--members 10 30 100] [--share 0.3] [--out benchmarks/out/memorise_kernel.json]

The generator is the flow that training would end at: its velocity at each point follows exactly from the images that it learned from
and from a smooth population, in shares. So a run takes a second where a network takes minutes, and attacks on weights are the real ones.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from synthcmr.conditioning.condition import Condition
from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.evaluation.privacy.attack_target import AttackTarget, ConditionedImages
from synthcmr.evaluation.privacy.interval_estimates import Absent, membership_auc
from synthcmr.evaluation.privacy.membership.membership_attack import Lookalikes
from synthcmr.evaluation.privacy.membership.model_errors import side_errors
from synthcmr.evaluation.privacy.membership.white_box import ErrorSides, attack_errors
from synthcmr.evaluation.privacy.privacy_judgement import PrivacyResult
from synthcmr.evaluation.privacy.privacy_part import privacy_scores
from synthcmr.evaluation.privacy.settings import PRIVACY_RULES, MembershipSettings, PrivacyPartSettings
from synthcmr.evaluation.score import PartResult, PartVerdict
from synthcmr.evaluation.verdict import verdict
from synthcmr.statistics.intervals import exact_share

SIDE, SLICES = 16, 3
WIDTH = 0.05  # of the kernel around each training image, on the scale from -1 to 1
SETTINGS = PrivacyPartSettings(membership=MembershipSettings(times=(0.3, 0.5, 0.7), noises=1), draws=100)
HELD_OUT = {10: 15, 30: 40, 100: 120}  # judged subjects by members; as many calibrate


@dataclass
class KernelGenerator:
    """A flow in closed form: of its estimate of the image, a share comes from the images that it learned, the rest from the population."""

    learned: np.ndarray  # (images, 1, rows, columns), 0 to 1
    share: float
    frames: int = 1
    vocabulary: Vocabulary = field(default_factory=lambda: Vocabulary(()))

    def image_estimate(self, x_t: np.ndarray, t: float) -> np.ndarray:
        """The image that the generator expects at each point of the path."""
        points = self.learned.reshape(len(self.learned), -1) * 2 - 1
        variance = (1 - t) ** 2 + (t * WIDTH) ** 2
        squares = (x_t**2).sum(axis=1)[:, None] - 2 * t * x_t @ points.T + t**2 * (points**2).sum(axis=1)
        weight = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * variance))
        nearest = weight @ points / weight.sum(axis=1, keepdims=True)
        by_heart = nearest + t * WIDTH**2 / variance * (x_t - t * nearest)
        power = points.var()
        anybody = t * power / (t**2 * power + (1 - t) ** 2) * x_t
        estimate: np.ndarray = self.share * by_heart + (1 - self.share) * anybody
        return estimate

    def noise_estimates(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, noise: np.ndarray | None
    ) -> np.ndarray:
        """The noise that it believes to be in images."""
        x_1 = images.reshape(len(images), -1) * 2.0 - 1
        x_t = time * x_1 + (0 if noise is None else (1 - time) * noise.reshape(len(images), -1))
        estimate: np.ndarray = (x_t - time * self.image_estimate(x_t, time)) / (1 - time)
        return estimate.reshape(images.shape).astype(np.float32)

    def errors(
        self, images: np.ndarray, conditions: Sequence[Condition], time: float, seeds: Sequence[int]
    ) -> np.ndarray:
        """Of the velocity."""
        noise = np.stack([np.random.default_rng(seed).normal(size=images.shape[1:]) for seed in seeds])
        return ((noise - self.noise_estimates(images, conditions, time, noise)) / time).astype(np.float32)


def subjects(count: int, rng: np.random.Generator, first: int = 0) -> ConditionedImages:
    """People with textures of their own, some harder than others, in a few slices that are alike."""
    own = gaussian_filter(rng.normal(size=(count, 1, SIDE, SIDE)), (0, 0, 1.5, 1.5))
    each = gaussian_filter(rng.normal(size=(count, SLICES, SIDE, SIDE)), (0, 0, 1.5, 1.5))
    contrast = np.exp(rng.normal(0, 0.3, (count, 1, 1, 1)))
    images = np.clip(0.5 + 0.8 * contrast * (0.8 * own + 0.6 * each), 0, 1).reshape(-1, 1, SIDE, SIDE)
    names = np.repeat([f"s{first + k:04d}" for k in range(count)], SLICES)
    conditions = [Condition(np.zeros((1, SIDE, SIDE), dtype=np.uint8))] * len(images)
    return ConditionedImages(images.astype(np.float32), conditions, names)


@dataclass(frozen=True)
class Population:
    """Members, others whom an innocent generator learned from, those of two reference models, and held-out subjects."""

    members: ConditionedImages
    strangers: ConditionedImages
    references: tuple[ConditionedImages, ...]
    judged: ConditionedImages
    calibrating: ConditionedImages

    @classmethod
    def of(cls, members: int, seed: int) -> "Population":
        """Draw everyone."""
        rng = np.random.default_rng([seed, members])
        held_out = HELD_OUT.get(members, 2 * members)
        return cls(
            subjects(members, rng),
            subjects(members, rng, 1000),
            (subjects(members, rng, 2000), subjects(members, rng, 3000)),
            subjects(held_out, rng, 4000),
            subjects(held_out, rng, 5000),
        )


def judged(people: Population, learned: ConditionedImages, share: float, references: int, seed: int) -> PartVerdict:
    """The verdict on a generator that learned from some images, for the members."""
    target = KernelGenerator(learned.image, share)
    others = [KernelGenerator(one.image, share) for one in people.references[:references]]
    sides = ErrorSides(
        *(
            side_errors(side, [side] * references, target, others, SETTINGS.membership, seed)
            for side in (people.members, people.judged, people.calibrating)
        )
    )
    rng = np.random.default_rng([seed, 1])
    count, held_out = (len(np.unique(side.subject)) for side in (people.members, people.judged))
    alike = Lookalikes(rng.normal(size=count), rng.normal(size=held_out), np.arange(count) < count // 2)
    nothing = Absent(reason="not part of this benchmark")
    result = PrivacyResult(
        members=count, calibrating=held_out, judged=held_out, synthetic=0, near_copies=nothing, black_box=nothing,
        grey_box=nothing, attributes=nothing, audit=nothing,
        split_bias=membership_auc(alike.member, alike.other, SETTINGS.draws, seed),
        white_box=attack_errors(sides, alike, SETTINGS),
    )  # fmt: skip
    scores = privacy_scores(result, SETTINGS, AttackTarget("kernel", errors=target), 1)
    rules = {name: rule for name, rule in PRIVACY_RULES.items() if name.endswith(", weights")}
    return verdict(PartResult(scores=scores), rules)


def main() -> None:
    """Judge many generators of both kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--members", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--share", type=float, default=0.3, help="of the estimate that is learned by heart")
    parser.add_argument("--references", type=int, choices=(0, 1, 2), default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/memorise_kernel.json"))
    options = parser.parse_args()
    rows = {}
    for members in options.members:
        words: dict[str, list[dict[str, str]]] = {"guilty": [], "innocent": []}
        for seed in range(options.runs):
            people = Population.of(members, seed)
            for name, learned in (("guilty", people.members), ("innocent", people.strangers)):
                said = judged(people, learned, options.share, options.references, seed)
                words[name].append({finding.rule: finding.word for finding in said.findings} | {"": said.word})
        rows[members] = words
        for name, each in words.items():
            bad = exact_share(sum(one[""] == "bad" for one in each), len(each))
            by_rule = {rule: sum(one[rule] == "bad" for one in each) for rule in each[0]}
            print(f"{members} members, {name}: bad in {bad} of {len(each)} runs; by rule {by_rule}", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"options": {k: str(v) for k, v in vars(options).items()}, "rows": rows}))


if __name__ == "__main__":
    main()
