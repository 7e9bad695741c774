"""`label` on patients whose masks are hidden: does it find its failures, and are its volumes right?

    python -m benchmarks.label_patients --acdc ../shared/data/acdc/training --acdc ../shared/more/acdc/training \
        --cines ../shared/data/sunnybrook --cines ../shared/more/sunnybrook

(a) A slice has failed where the mean Dice of the structures that the mask or the judge shows in it is below 0.7. The threshold that ships
comes from phantoms; beside it stands one that half of the patients choose and the other half tests.
(b) Volumes are those of the command, against the same counts on the masks; of cines, also the frames that are called ED and ES.
"""

import argparse
import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.label_calibration import FALSE_ALARMS, detection
from benchmarks.label_study import FAILED, Studied, study
from synthcmr.cohort.labels import Label
from synthcmr.cohort.parallel import cores, ordered_map
from synthcmr.cohort.raw_subject import Case, Stack
from synthcmr.cohort.readers import get_reader
from synthcmr.errors import ReadError
from synthcmr.labelling.label import judge_weights
from synthcmr.labelling.labeller import label_stack, loaded
from synthcmr.labelling.measures import MEASURES, SD, values_of
from synthcmr.labelling.quality import shipped_formula
from synthcmr.statistics.roc import auc_of_labels

INTERVAL = 1.645


def patient(item: tuple[Path, Case, Path]) -> Studied | None:
    """One patient of ACDC."""
    torch.set_num_threads(1)
    source, case, judge = item
    raw = get_reader("acdc").read(source, case)
    return study(loaded(judge), raw.subject_id, raw.stacks[0])


def png_subject(item: tuple[Path, Case, Path]) -> list[tuple[float, float]]:
    """(quality, Dice of the LV cavity) of every slice of a subject given as PNG, whose masks draw only that."""
    torch.set_num_threads(1)
    source, case, judge = item
    found: list[tuple[float, float]] = []
    for stack in get_reader("sunnybrook-png").read(source, case).stacks:
        if stack.mask is None:
            continue
        try:
            seen = label_stack(loaded(judge), replace(stack, mask=None, labelled=(), phases=("",) * stack.frame_count))
        except ReadError:
            continue
        drawn, truth = seen.completed.mask == Label.LV, stack.mask == Label.LV
        both, total = (drawn & truth).sum(axis=(2, 3)), drawn.sum(axis=(2, 3)) + truth.sum(axis=(2, 3))
        known = truth.any(axis=(2, 3))
        found += [
            (float(q), 2.0 * float(b) / float(t))
            for q, b, t in zip(seen.quality[known], both[known], total[known], strict=True)
        ]
    return found


def cine(item: tuple[Path, Case, Path]) -> dict[str, object] | None:
    """A cine against its contours, over the slices that were contoured in both phases."""
    torch.set_num_threads(1)
    source, case, judge = item
    raw = get_reader("sunnybrook").read(source, case)
    stack = raw.stacks[0]
    if stack.mask is None or "ED" not in stack.phases or "ES" not in stack.phases:
        return None
    seen = label_stack(loaded(judge), replace(stack, mask=None, labelled=(), phases=("",) * stack.frame_count))
    told = [stack.phases.index(p) for p in ("ED", "ES")]
    found = [seen.stack.phases.index(p) for p in ("ED", "ES")]
    both = (stack.mask[told] == Label.LV).any(axis=(2, 3)).all(axis=0)
    ml = _ml(stack)
    drawn, truth = (
        _volumes(mask, frames, both, ml) for mask, frames in ((seen.completed.mask, found), (stack.mask, told))
    )
    frames = stack.frame_count
    off = [min((a - b) % frames, (b - a) % frames) for a, b in zip(found, told, strict=True)]
    return {
        "subject": raw.subject_id,
        "frames_off": off,
        "frames": {"contoured": told, "found": found},
        "judge": drawn,
        "contours": truth,
        "whole_stack": {k: v for k, v in seen.measures.items() if k.startswith("lv_e")},
    }


def _volumes(mask: np.ndarray, frames: Sequence[int], slices: np.ndarray, ml: float) -> dict[str, float]:
    areas = (mask[list(frames)][:, slices] == Label.LV).sum(axis=(2, 3)) * ml
    values = values_of({"lv": areas, "rv": np.zeros_like(areas), "myo": np.zeros_like(areas)})
    return {name: round(value, 1) for name, value in values.items()}


def _ml(stack: Stack) -> float:
    assert stack.spacing_mm is not None
    assert stack.slice_step_mm is not None
    return stack.spacing_mm[0] * stack.spacing_mm[1] * stack.slice_step_mm / 1000.0


def failures(found: Sequence[Studied]) -> dict[str, object]:
    """How many failed slices are called doubtful, with the threshold that ships and with one of half the patients."""
    quality = [one.quality[np.isfinite(one.dice)] for one in found]
    dice = [one.dice[np.isfinite(one.dice)] for one in found]
    quality = [np.nan_to_num(q, nan=1.0) for q in quality]  # nothing found, nothing beside it: called right
    halves = [(np.concatenate(quality[k::2]), np.concatenate(dice[k::2])) for k in (0, 1)]
    below = float(np.quantile(halves[0][0][halves[0][1] >= FAILED], FALSE_ALARMS))
    whole = (np.concatenate(quality), np.concatenate(dice))
    return {
        "threshold_of_phantoms": detection(*whole, shipped_formula().doubtful_below),
        "threshold_of_one_half_tested_on_the_other": {"below": below, **detection(*halves[1], below)},
    }


def volumes(found: Sequence[Studied]) -> dict[str, dict[str, float]]:
    """Correlation, bias, mean absolute error, and how often the truth lies within 1.645 standard deviations."""
    told = {}
    for name in MEASURES:
        rows = np.array(
            [
                (one.measures[name], one.truth[name], one.measures[name + SD])
                for one in found
                if name in one.truth and name + SD in one.measures
            ]
        )
        error = rows[:, 0] - rows[:, 1]
        told[name] = {
            "n": len(rows),
            "correlation": float(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1]),
            "bias": float(error.mean()),
            "mean_absolute_error": float(np.abs(error).mean()),
            "within_90": float((np.abs(error) < INTERVAL * rows[:, 2]).mean()),
        }
    return told


def main() -> None:
    """Study, tell, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--acdc", type=Path, action="append", default=[], help="folder of ACDC patients; may be repeated"
    )
    parser.add_argument(
        "--cines", type=Path, action="append", default=[], help="Sunnybrook: dicom/ with contours, and PNGs"
    )
    parser.add_argument("--judge", help="run folder or weights; default the shipped segmenter")
    parser.add_argument("--every", type=int, default=1, help="only every n-th patient")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/label_patients"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    judge = judge_weights(options.judge)
    told: dict[str, object] = {"judge": loaded(judge).hash}
    items = [(s, c, judge) for s in options.acdc for c in get_reader("acdc").cases(s)][:: options.every]
    if items:
        studied = list(ordered_map(patient, items, options.workers))
        (options.out / "acdc.pkl").write_bytes(pickle.dumps(studied))
        found = [one for one in studied if one is not None]
        told["acdc"] = {
            "patients": len(items),
            "no_heart": len(items) - len(found),
            "dice": {k: float(np.mean([one.volume_dice[k] for one in found])) for k in ("lv", "myo", "rv")},
            "failures": failures(found),
            "volumes": volumes(found),
        }
        print(json.dumps(told["acdc"], indent=2), flush=True)
    pngs = [(s, c, judge) for s in options.cines for c in get_reader("sunnybrook-png").cases(s)][:: options.every]
    if pngs:
        pairs = np.array([pair for one in ordered_map(png_subject, pngs, options.workers) for pair in one])
        quality, dice = np.nan_to_num(pairs[:, 0], nan=1.0), pairs[:, 1]
        told["sunnybrook_png"] = {
            "subjects": len(pngs),
            "dice_lv": float(dice.mean()),
            "threshold_of_phantoms": detection(quality, dice, shipped_formula().doubtful_below),
            "auc": auc_of_labels(-quality, (dice < FAILED).astype(np.int64)),
        }
        print(json.dumps(told["sunnybrook_png"], indent=2), flush=True)
    cines = [(s, c, judge) for s in options.cines for c in get_reader("sunnybrook").cases(s)]
    told["cines"] = [one for one in ordered_map(cine, cines, options.workers) if one is not None]
    print(json.dumps(told["cines"], indent=2), flush=True)
    (options.out / "result.json").write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
