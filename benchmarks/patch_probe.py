"""How well a small network tells patches around the heart of one set of images from another's, on subjects it never saw.

    python -m benchmarks.patch_probe --real ACDC --other phantoms=PHANTOMS sunnybrook=SUNNYBROOK [--seeds 0 1] [--out probe.json]

Every set is a cohort folder, `FOLDER:split` for one of its splits. A small CNN learns from standardised 32x32 patches around
the left ventricle of two thirds of the subjects of both sets and is asked about the others, three times, so that everybody is
asked once. Told is the AUC with its 95 % interval over subjects: 0.5 where the sets cannot be told apart, 1 where every patch
gives its set away. It is told twice: of pixels as they are, and of images blurred by 1.2 pixels, where noise, sharpness and
the fingerprints of networks are gone and shapes and textures are left. Every set is set against the same real subjects with the
same number of subjects, patches and steps. The floor sets real subjects against other real subjects; the yardstick is the real
set of another hospital, when one is given.

All sets must have one pixel size: `benchmarks.real_cohorts` reads those whose files name none.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.errors import CohortError

BLURS = {"as they are": 0.0, "blurred": 1.2}  # standard deviation in pixels
ROOM_AROUND = 4  # frames nearer to the border than a patch and this are left out
OTHER_HALF = "real, other half"  # name of the floor
DRAWS = 300  # of subjects, for intervals
LEVEL = (2.5, 97.5)
Names = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProbeSettings:
    """How the network learns and what it is asked."""

    patch: int = 32
    reach: int = 20  # patch centres lie up to so many pixels from the middle of the left ventricle, per axis
    steps: int = 800  # of each fold
    batch: int = 64
    learning_rate: float = 6e-3
    folds: int = 3
    asked: int = 48  # patches of each subject
    least_lv_pixels: int = 60  # of a frame that is looked at


@dataclass(frozen=True)
class HeartFrames:
    """Frames that show the left ventricle, and where it is."""

    image: npt.NDArray[np.float32]  # (frames, rows, columns)
    middle: npt.NDArray[np.int64]  # (frames, 2), row and column
    subject: Names  # (frames,)

    @property
    def subjects(self) -> Names:
        """Everybody, in order."""
        return np.unique(self.subject)

    def among(self, subjects: Names) -> "HeartFrames":
        """The frames of some subjects."""
        keep = np.isin(self.subject, subjects)
        return HeartFrames(self.image[keep], self.middle[keep], self.subject[keep])

    def blurred(self, sigma: float) -> "HeartFrames":
        """The same frames after a Gaussian."""
        if sigma == 0:
            return self
        return HeartFrames(gaussian_filter(self.image, (0, sigma, sigma)), self.middle, self.subject)


@dataclass(frozen=True)
class Auc:
    """An AUC with its 95 % interval over subjects, averaged over seeds."""

    value: float
    low: float
    high: float


def heart_frames(cohort: Cohort, settings: ProbeSettings) -> HeartFrames:
    """Every frame of a cohort whose left ventricle is large enough and far enough from the border.

    Raises:
        CohortError: there is none, as in a cohort without masks.
    """
    images: list[npt.NDArray[np.float32]] = []
    middles: list[tuple[int, int]] = []
    subjects: list[str] = []
    for i, name in enumerate(cohort.images["subject_id"].astype(str)):
        image, mask = cohort.image(i), cohort.mask(i)
        for k in range(len(image)):
            middle = _middle(mask[k] == int(Label.LV), settings)
            if middle is not None:
                images.append(image[k])
                middles.append(middle)
                subjects.append(name)
    if not images:
        raise CohortError(
            f"{cohort.path}: expected masks with at least {settings.least_lv_pixels} pixels of the LV cavity, found none; "
            "ingest with masks, or segment the images first"
        )
    return HeartFrames(np.stack(images), np.array(middles), np.array(subjects))


def _middle(cavity: npt.NDArray[np.bool_], settings: ProbeSettings) -> tuple[int, int] | None:
    if cavity.sum() < settings.least_lv_pixels:
        return None
    row, column = (round(float(places.mean())) for places in np.nonzero(cavity))
    room = settings.patch // 2 + ROOM_AROUND
    rows, columns = cavity.shape
    fits = room <= row < rows - room and room <= column < columns - room
    return (row, column) if fits else None


class PatchNetwork(nn.Module):
    """Four convolutions, and the mean and spread of what they find."""

    def __init__(self, widths: Sequence[int] = (16, 32, 48, 64)) -> None:
        """Build it."""
        super().__init__()
        layers: list[nn.Module] = []
        for k, (before, after) in enumerate(zip((1, *widths), widths, strict=False)):
            layers += [nn.Conv2d(before, after, 3, stride=2 if k else 1, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.features, self.last = nn.Sequential(*layers), nn.Linear(2 * widths[-1], 1)

    def forward(self, patch: Tensor) -> Tensor:
        """Log-odds of the second set, (batch,)."""
        found = self.features(patch).flatten(2).float()
        odds: Tensor = self.last(torch.cat([found.mean(dim=2), found.std(dim=2)], dim=1))[:, 0]
        return odds


def patch_auc(real: HeartFrames, other: HeartFrames, seed: int, settings: ProbeSettings) -> Auc:
    """How well patches of two sets can be told apart; both must have as many subjects as folds."""
    score, label, subject, fold = patch_scores(real, other, seed, settings)
    return auc_over_subjects(score, label, subject, fold, seed)


def patch_scores(
    real: HeartFrames, other: HeartFrames, seed: int, settings: ProbeSettings
) -> tuple[Numbers, npt.NDArray[np.int64], Names, npt.NDArray[np.int64]]:
    """What networks that have not seen a subject say of its patches: score, label (1: other), subject and fold of each."""
    sides = [(real, _folds(real.subjects, settings.folds, seed)), (other, _folds(other.subjects, settings.folds, seed))]
    scores, labels, subjects, folds = [], [], [], []
    for fold in range(settings.folds):
        unseen = [side.among(parts[fold]) for side, parts in sides]
        learned = [side.among(np.setdiff1d(side.subjects, parts[fold])) for side, parts in sides]
        network = _trained(learned, seed * 1000 + fold, settings)
        for label, side in enumerate(unseen):
            score, subject = _asked(network, side, seed * 1000 + fold, settings)
            scores.append(score)
            labels.append(np.full(len(score), label))
            subjects.append(np.char.add(f"{label}/", subject))
            folds.append(np.full(len(score), fold))
    return np.concatenate(scores), np.concatenate(labels), np.concatenate(subjects), np.concatenate(folds)


def auc_over_subjects(
    score: Numbers, label: npt.NDArray[np.int64], subject: Names, fold: npt.NDArray[np.int64], seed: int
) -> Auc:
    """The mean over folds, whose networks are not on one scale, with its interval over subjects of both sides."""
    names, which = np.unique(subject, return_inverse=True)
    rng = np.random.default_rng([seed, 17])
    side = np.array([name.startswith("1/") for name in names])

    def mean_auc(weight: Numbers) -> float:
        each = [roc_auc_score(label[fold == k], score[fold == k], sample_weight=weight[fold == k]) for k in set(fold)]
        return float(np.mean(each))

    drawn = []
    for _ in range(DRAWS):
        taken = np.zeros(len(names))
        for one in (side, ~side):
            taken[one] = rng.multinomial(int(one.sum()), np.full(int(one.sum()), 1 / one.sum()))
        drawn.append(mean_auc(taken[which] + 1e-9))
    low, high = np.percentile(drawn, LEVEL)
    return Auc(mean_auc(np.ones(len(score))), float(low), float(high))


def probe(
    real: HeartFrames, others: dict[str, HeartFrames], seeds: Sequence[int], settings: ProbeSettings, subjects: int = 0
) -> dict[str, dict[str, Auc]]:
    """Set every other set, and further real subjects, against the same real subjects.

    Args:
        real: the reference.
        others: sets by name.
        seeds: of subjects, networks and patches; AUCs are averaged over them.
        settings: of the network.
        subjects: of each side; 0 takes as many as the smallest set has, and at most half of the real ones.

    Returns:
        Name and kind of pixels -> AUC; the floor is called `OTHER_HALF`.
    """
    half = len(real.subjects) // 2
    n = subjects or min(half, *(len(one.subjects) for one in others.values()))
    table: dict[str, dict[str, list[Auc]]] = {}
    for kind, sigma in BLURS.items():
        smooth_real = real.blurred(sigma)
        smooth = {name: one.blurred(sigma) for name, one in others.items()}
        for seed in seeds:
            order = np.random.default_rng([seed, 3]).permutation(real.subjects)
            reference = smooth_real.among(order[:n])
            sides = {OTHER_HALF: smooth_real.among(order[n : 2 * n])}
            sides |= {name: one.among(_some(one.subjects, n, seed)) for name, one in smooth.items()}
            for name, side in sides.items():
                began = time.process_time()
                auc = patch_auc(reference, side, seed, settings)
                spent = time.process_time() - began
                print(
                    f"{name}, {kind}, seed {seed}: {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}), {spent:.0f} s",
                    flush=True,
                )
                table.setdefault(name, {}).setdefault(kind, []).append(auc)
    return {name: {kind: _mean(aucs) for kind, aucs in row.items()} for name, row in table.items()}


def _mean(aucs: Sequence[Auc]) -> Auc:
    return Auc(*(float(np.mean([getattr(a, name) for a in aucs])) for name in ("value", "low", "high")))


def _some(subjects: Names, n: int, seed: int) -> Names:
    return np.sort(np.random.default_rng([seed, 5]).permutation(subjects)[:n])


def _folds(subjects: Names, folds: int, seed: int) -> list[Names]:
    return np.array_split(np.random.default_rng([seed, 11]).permutation(subjects), folds)


class _Drawer:
    """Draws standardised patches of a set: every subject alike, and every frame of a subject."""

    def __init__(self, frames: HeartFrames, settings: ProbeSettings) -> None:
        self._frames, self._settings = frames, settings
        self._of = [np.flatnonzero(frames.subject == name) for name in frames.subjects]

    def draw(self, n: int, rng: np.random.Generator) -> Tensor:
        who = rng.integers(len(self._of), size=n)
        return self.cut(np.array([rng.choice(self._of[k]) for k in who]), rng)

    def cut(self, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> Tensor:
        """One patch of each of some frames."""
        side, reach = self._settings.patch, self._settings.reach
        limit = np.array(self._frames.image.shape[1:]) - side
        corner = self._frames.middle[rows] - side // 2 + rng.integers(-reach, reach + 1, (len(rows), 2))
        corner = np.clip(corner, 0, limit)
        down, right = (corner[:, k, None] + np.arange(side) for k in (0, 1))
        patch = self._frames.image[rows[:, None, None], down[:, :, None], right[:, None, :]]
        patch = patch - patch.mean(axis=(1, 2), keepdims=True)
        return torch.from_numpy(patch / (patch.std(axis=(1, 2), keepdims=True) + 1e-3))[:, None]


def _trained(sides: Sequence[HeartFrames], seed: int, settings: ProbeSettings) -> PatchNetwork:
    """A network after learning from two sets, with averaged weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    network = PatchNetwork()
    slow = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.97), use_buffers=True
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.learning_rate, settings.steps)
    drawers, half = [_Drawer(side, settings) for side in sides], settings.batch // 2
    label = torch.repeat_interleave(torch.tensor([0.0, 1.0]), half)
    for _ in range(settings.steps):
        patch = torch.cat([drawer.draw(half, rng) for drawer in drawers])
        patch = torch.rot90(patch, int(rng.integers(4)), (2, 3))
        patch = patch.flip(3) if rng.random() < 0.5 else patch
        with torch.autocast("cpu", torch.bfloat16):
            odds = network(patch)
        loss = functional.binary_cross_entropy_with_logits(odds.float(), label)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        slow.update_parameters(network)
    averaged: PatchNetwork = slow.module.eval()
    return averaged


@torch.no_grad()
def _asked(network: PatchNetwork, frames: HeartFrames, seed: int, settings: ProbeSettings) -> tuple[Numbers, Names]:
    """What a network says of as many patches of every subject."""
    rng, drawer = np.random.default_rng([seed, 2]), _Drawer(frames, settings)
    scores, subjects = [], []
    for name in frames.subjects:
        rows = np.resize(np.flatnonzero(frames.subject == name), settings.asked)
        scores.append(network(drawer.cut(rows, rng)).double().numpy())
        subjects += [name] * settings.asked
    return np.concatenate(scores), np.array(subjects)


def opened(place: str) -> Cohort:
    """A cohort folder, or one of its splits where `FOLDER:split` is asked for."""
    folder, _, split = place.partition(":")
    cohort = Cohort.open(folder)
    return cohort.select(split=split) if split else cohort


def check_one_pixel_size(cohorts: dict[str, Cohort]) -> None:
    """Refuse sets of several pixel sizes: a network would tell them apart by that alone.

    Raises:
        CohortError: their pixels differ, or nobody knows how large they are.
    """
    sizes = {name: cohort.images["spacing_row_mm"].median() for name, cohort in cohorts.items()}
    if len({round(float(mm), 2) for mm in sizes.values()}) > 1:
        told = ", ".join(f"{name} {mm:.2f} mm" for name, mm in sizes.items())
        raise CohortError(f"expected sets of one pixel size, got {told}; ingest with the same --spacing")


def main() -> None:
    """Read the sets, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", required=True, help="cohort of real images, FOLDER or FOLDER:split")
    parser.add_argument("--other", nargs="+", required=True, help="NAME=FOLDER or NAME=FOLDER:split")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--subjects", type=int, default=0, help="of each side; 0: as many as all sets have")
    parser.add_argument("--steps", type=int, default=ProbeSettings.steps, help="of each fold")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/patch_probe.json"))
    options = parser.parse_args()
    settings = ProbeSettings(steps=options.steps)
    cohorts = {"real": opened(options.real)}
    cohorts |= {name: opened(place) for name, _, place in (one.partition("=") for one in options.other)}
    check_one_pixel_size(cohorts)
    frames = {name: heart_frames(cohort, settings) for name, cohort in cohorts.items()}
    for name, one in frames.items():
        print(f"{name}: {len(one.image)} frames of {len(one.subjects)} subjects")
    table = probe(frames.pop("real"), frames, options.seeds, settings, options.subjects)
    record = {
        "settings": asdict(settings),
        "seeds": options.seeds,
        "auc": {name: {kind: asdict(auc) for kind, auc in row.items()} for name, row in table.items()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=2) + "\n")
    print(in_words(table))


def in_words(table: dict[str, dict[str, Auc]]) -> str:
    """The table in Markdown."""
    lines = [f"| told from real | {' | '.join(BLURS)} |", "|" + " --- |" * (1 + len(BLURS))]
    for name, row in table.items():
        cells = " | ".join(f"{a.value:.3f} ({a.low:.3f} to {a.high:.3f})" for a in row.values())
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
