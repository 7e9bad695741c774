"""Fit the quality and the uncertainty of `label` on phantoms, whose truth is known, and write labelling/fitted.json.

    python -m benchmarks.label_calibration --phantoms 160 --write

Phantoms are spoiled first (noise, shading, blur, slices shifted or covered, other poses, wrong pixel sizes), because a judge hardly fails
on clean ones. Half of the subjects is fitted on; the other half says what the formula is worth, and no patient takes part.
Run it again when another judge ships.
"""

import argparse
import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize

from benchmarks.label_study import FAILED, Studied, study
from synthcmr.cohort.parallel import cores, ordered_map
from synthcmr.cohort.raw_subject import Stack
from synthcmr.labelling.label import judge_weights
from synthcmr.labelling.labeller import loaded
from synthcmr.labelling.measures import MEASURES
from synthcmr.labelling.quality import FITTED, SIGNS
from synthcmr.phantom.population import draw_subject
from synthcmr.phantom.render import render_subject
from synthcmr.statistics.roc import auc_of_labels

SEED = 9001  # of phantoms that no shipped network was trained on
PRESETS = ("everyone", "acdc-like", "vendors")
FALSE_ALARMS = 0.15  # share of good slices that may be called doubtful
PENALTY = 1e-3
INTERVAL = 1.645  # standard deviations on either side that hold 90 %

Numbers = npt.NDArray[np.float64]


def phantom(index: int) -> tuple[str, Stack]:
    """A phantom in its whole field of view, with its masks."""
    subject = draw_subject(PRESETS[index % len(PRESETS)], index, SEED)
    made = render_subject(subject, 2, None)
    stack = Stack(
        image=made.image,
        mask=made.mask,
        spacing_mm=made.spacing_mm,
        slice_step_mm=made.slice_step_mm,
        phases=made.phases,
        slices_ordered=True,
    )
    return f"phantom {index}", stack


def spoiled(stack: Stack, rng: np.random.Generator) -> Stack:
    """A stack as a bad day makes it; one in four stays as it is."""
    if rng.random() < 0.25:
        return stack
    image = stack.image.astype(np.float32) / float(np.percentile(stack.image, 99.5))
    shape = image.shape[-2:]
    image = np.clip(image, 0, 2) ** np.exp(rng.normal(0, 0.35))
    image = image * np.exp(_field(shape, 60.0, rng) * rng.uniform(0, 0.7))
    if rng.random() < 0.4:
        image = gaussian_filter(image, (0, 0, *([rng.uniform(0.3, 2.2)] * 2)))
    if rng.random() < 0.3:
        image = image + rng.uniform(0.1, 0.4) * np.roll(image, int(rng.integers(20, 90)), axis=-2)
    mask = stack.mask
    assert mask is not None
    for z in range(image.shape[1]):
        if rng.random() < 0.2:
            image[:, z], mask = _bad_slice(image[:, z], mask, z, rng)
    image = np.abs(image + rng.normal(0, rng.uniform(0, 0.12), image.shape))
    image, mask = _posed(image, mask, rng)
    spacing = stack.spacing_mm
    if spacing is not None and rng.random() < 0.2:
        factor = float(np.exp(rng.normal(0, 0.25)))
        spacing = (spacing[0] * factor, spacing[1] * factor)
    return replace(stack, image=image.astype(np.float32), mask=mask, spacing_mm=spacing)


def _bad_slice(
    image: Numbers, mask: npt.NDArray[np.uint8], z: int, rng: np.random.Generator
) -> tuple[Numbers, npt.NDArray[np.uint8]]:
    """One slice shifted, covered, or drowned in noise."""
    kind = rng.integers(3)
    if kind == 0:
        by = (int(rng.integers(-15, 16)), int(rng.integers(-15, 16)))
        moved = mask.copy()
        moved[:, z] = np.roll(mask[:, z], by, axis=(-2, -1))
        return np.roll(image, by, axis=(-2, -1)), moved
    if kind == 1:
        cover = 1.0 / (1.0 + np.exp(-8.0 * (_field(image.shape[-2:], 18.0, rng) - 1.0)))
        return image * (1 - cover) + rng.uniform(0, 1) * cover, mask
    return image * rng.uniform(0.2, 0.7) + np.abs(rng.normal(0, rng.uniform(0.1, 0.4), image.shape)), mask


def _field(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Numbers:
    rough = gaussian_filter(rng.normal(size=shape), sigma)
    return np.asarray(rough / rough.std())


def _posed(
    image: Numbers, mask: npt.NDArray[np.uint8], rng: np.random.Generator
) -> tuple[Numbers, npt.NDArray[np.uint8]]:
    if rng.random() < 0.75:
        return image, mask
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    out = [np.rot90(part[..., ::-1] if mirrored else part, turns, axes=(-2, -1)) for part in (image, mask)]
    return np.ascontiguousarray(out[0]), np.ascontiguousarray(out[1])


def studied(item: tuple[int, bool, Path]) -> Studied | None:
    """One phantom, clean or spoiled."""
    index, spoil, judge = item
    torch.set_num_threads(1)
    name, stack = phantom(index)
    shown = spoiled(stack, np.random.default_rng((SEED, index))) if spoil else stack
    return study(loaded(judge), name, shown)


def rows(found: Sequence[Studied]) -> tuple[Numbers, Numbers, Numbers]:
    """Signs, Dice and end (1: first or last slice) of every slice that has a heart in truth or in the judge's eyes."""
    signs = np.concatenate([one.signs.reshape(-1, len(SIGNS)) for one in found])
    dice = np.concatenate([one.dice.ravel() for one in found])
    missed = np.concatenate([one.empty.ravel() for one in found])
    keep = np.isfinite(dice) & ~missed
    return signs[keep], dice[keep], np.concatenate([one.quality.ravel() for one in found])[keep]


def fit_quality(signs: Numbers, dice: Numbers) -> tuple[float, dict[str, float]]:
    """Constant and weights of the formula; a sign can only lower the quality."""
    target = np.clip(dice, 0.0, 1.0)

    def loss(x: Numbers) -> tuple[float, Numbers]:
        score = x[0] + signs @ x[1:]
        chance = 1.0 / (1.0 + np.exp(-score))
        value = np.mean(np.logaddexp(0, score) - target * score) + PENALTY * float((x[1:] ** 2).sum())
        gap = (chance - target) / len(target)
        slope = np.concatenate([[gap.sum()], signs.T @ gap + 2 * PENALTY * x[1:]])
        return float(value), slope

    bounds = [(None, None), *[(None, 0.0)] * signs.shape[1]]
    best = minimize(loss, np.zeros(1 + signs.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(best[0]), {name: round(float(w), 4) for name, w in zip(SIGNS, best[1:], strict=True)}


def expected(signs: Numbers, constant: float, weights: dict[str, float]) -> Numbers:
    """Expected Dice."""
    return 1.0 / (1.0 + np.exp(-(constant + signs @ np.array([weights[name] for name in SIGNS]))))


def detection(quality: Numbers, dice: Numbers, below: float) -> dict[str, float]:
    """Share of failed slices that are called doubtful, and of the others that are so for nothing."""
    failed, doubtful = dice < FAILED, quality < below
    return {
        "slices": len(dice),
        "failed": int(failed.sum()),
        "found": float(doubtful[failed].mean()) if failed.any() else float("nan"),
        "false_alarms": float(doubtful[~failed].mean()),
        "auc": auc_of_labels(-quality, failed.astype(np.int64)) if failed.any() and not failed.all() else float("nan"),
    }


def fit_uncertainty(found: Sequence[Studied]) -> dict[str, dict[str, float]]:
    """Weights of looks, base and size of each measure: the most likely ones, given how far off phantoms were measured."""
    fitted = {}
    for name in MEASURES:
        values = _errors(found, name)
        error, parts = values[:, 0], values[:, 1:]

        def loss(x: Numbers, error: Numbers = error, parts: Numbers = parts) -> float:
            variance = (parts**2) @ np.exp(2 * x) + 1e-6
            robust = np.log1p(error**2 / variance / 4.0) * 5.0  # of a t distribution: single accidents do not decide
            return float(np.mean(np.log(variance) + robust))

        best = minimize(loss, np.log([0.5, 0.3, 0.05 if name.endswith(("ml", "g")) else 3.0]), method="Nelder-Mead").x
        weights = np.exp(best)
        sd = np.sqrt((parts**2) @ weights**2)
        scale = float(np.quantile(np.abs(error) / sd, 0.9)) / INTERVAL  # 90 % of the errors lie within 1.645
        fitted[name] = dict(zip(("looks", "base", "size"), (float(round(w * scale, 4)) for w in weights), strict=True))
    return fitted


def coverage(found: Sequence[Studied], weights: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Share of truths within 1.645 standard deviations, mean error and its spread."""
    told = {}
    for name in MEASURES:
        values = _errors(found, name)
        own = weights[name]
        sd = np.sqrt((values[:, 1:] ** 2) @ np.array([own["looks"], own["base"], own["size"]]) ** 2)
        told[name] = {
            "n": len(values),
            "within_90": float((np.abs(values[:, 0]) < INTERVAL * sd).mean()),
            "bias": float(values[:, 0].mean()),
            "mean_absolute_error": float(np.abs(values[:, 0]).mean()),
            "median_sd": float(np.median(sd)),
        }
    return told


def _errors(found: Sequence[Studied], name: str) -> Numbers:
    """(n, 4): error, looks, base, size."""
    return np.array(
        [
            [
                one.measures[name] - one.truth[name],
                one.spreads[name].views,
                one.spreads[name].base,
                1.0 if name.endswith("percent") else one.measures[name],
            ]
            for one in found
            if name in one.measures and name in one.truth
        ]
    )


def main() -> None:
    """Study, fit, tell, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phantoms", type=int, default=160)
    parser.add_argument("--judge", help="run folder or weights; default the shipped segmenter")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/label_calibration"))
    parser.add_argument("--write", action="store_true", help="write src/synthcmr/labelling/fitted.json")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    judge = judge_weights(options.judge)
    items = [(i, spoil, judge) for i in range(options.phantoms) for spoil in (False, True)]
    results = []
    for k, one in enumerate(ordered_map(studied, items, options.workers)):
        results.append(one)
        if k % 20 == 0:
            print(f"{k}/{len(items)}", flush=True)
    (options.out / "studied.pkl").write_bytes(pickle.dumps(results))
    clean, spoiled_ones = results[::2], results[1::2]
    half = options.phantoms // 2
    print(
        f"no heart found: {sum(one is None for one in clean)} clean, {sum(one is None for one in spoiled_ones)} spoiled"
    )
    learn = [one for part in (clean[:half], spoiled_ones[:half]) for one in part if one is not None]
    test = [one for part in (clean[half:], spoiled_ones[half:]) for one in part if one is not None]
    signs, dice, _ = rows(learn)
    constant, weights = fit_quality(signs, dice)
    good = expected(signs, constant, weights)[dice >= FAILED]
    below = float(np.quantile(good, FALSE_ALARMS))
    test_signs, test_dice, _ = rows(test)
    told = {"quality": detection(expected(test_signs, constant, weights), test_dice, below)}
    uncertain = fit_uncertainty([one for one in clean[:half] if one is not None])
    told["measures"] = coverage([one for one in clean[half:] if one is not None], uncertain)
    fitted = {
        "judge": loaded(judge).hash,
        "phantoms": options.phantoms,
        "quality": {"constant": round(constant, 4), "weights": weights, "doubtful_below": round(below, 4)},
        "uncertainty": uncertain,
    }
    (options.out / "result.json").write_text(json.dumps({"held_out": told, "fitted": fitted}, indent=2))
    print(json.dumps({"held_out": told, "fitted": fitted}, indent=2))
    if options.write:
        Path("src/synthcmr/labelling", FITTED).write_text(json.dumps(fitted, indent=2) + "\n")


if __name__ == "__main__":
    main()
