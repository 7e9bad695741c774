"""How well segmenters outline patients that they never saw: Dice on native pixels, the heart found from the image alone.

    python -m benchmarks.segmentation_on_patients --acdc FOLDER ... --sunnybrook FOLDER ... \\
        --weights shipped=shipped mine=RUN/weights.safetensors [--every 4] [--only patient015 ...] [--out FOLDER]

Dice is that of a structure's volume, per phase, averaged over the phases of a patient and then over patients, with 95 %
intervals over patients. Slice levels are thirds of the slices in which annotators drew the left ventricle; "beyond" are slices in
which they drew nothing. A slice failed for a structure if its Dice there is below 0.5. Several weights stand side by side.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, binary_erosion

from benchmarks.segment_volume import Outliner, segment_stack
from synthcmr.cohort.labels import STRUCTURES, Label, Mask
from synthcmr.cohort.preprocess.heart import mask_centre
from synthcmr.cohort.preprocess.orient import base_first, slice_levels
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.readers import get_reader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.training.shipped_weights import shipped

FAILED = 0.5
DRAWS = 2000
COUNTS = ["both", "outlined", "drawn"]  # pixels


def subjects(reader_name: str, folders: Sequence[Path], every: int, only: Sequence[str]) -> Iterator[RawSubject]:
    """Every k-th subject of some folders, in the order of their names."""
    reader = get_reader(reader_name)
    listed = [(folder, case) for folder in folders for case in reader.cases(folder)]
    listed.sort(key=lambda one: one[1].case_id)
    wanted = [one for one in listed if not only or Path(one[1].case_id).name in only]
    for folder, case in wanted[::every]:
        yield reader.read(folder, case)


def cached(
    folder: Path | None, reader_name: str, sources: Sequence[Path], every: int, only: Sequence[str]
) -> list[RawSubject]:
    """The subjects, read once and kept."""
    file = None if folder is None else folder / f"{reader_name}-{every}-{len(only)}.pickle"
    if file is not None and file.exists():
        kept: list[RawSubject] = pickle.loads(file.read_bytes())
        return kept
    read = list(subjects(reader_name, sources, every, only))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(read))
    return read


def scores(name: str, outliner: Outliner, cohort: str, patient: RawSubject, turns: Sequence[float]) -> pd.DataFrame:
    """Pixels that network and annotator drew, per stack, frame, slice and structure."""
    rows = []
    for k, given in enumerate(patient.stacks):
        stack = base_first(given)
        if stack.mask is None:
            continue
        labels, centre = segment_stack(outliner, stack, turns)
        away = _away_mm(stack, stack.mask, centre)
        levels = [level or "beyond" for level, _ in slice_levels(stack.mask)]
        for frame in range(stack.frame_count):
            drawn = stack.labelled_in(frame)
            for z in range(stack.slice_count):
                where = {"stack": k, "frame": frame, "slice": z, "level": levels[z], "phase": stack.phases[frame]}
                for structure in drawn:
                    value = STRUCTURES[structure]
                    counts = _counts(labels[frame, z] == value, stack.mask[frame, z] == value)
                    rows.append(where | {"structure": structure, "away_mm": away} | counts)
    table = pd.DataFrame(rows)
    who = {
        "weights": name,
        "cohort": cohort,
        "patient": patient.subject_id,
        "group": patient.attributes.get("diagnosis", ""),
    }
    return table.assign(**who)


def _counts(outlined: np.ndarray, drawn: np.ndarray) -> dict[str, int]:
    """Pixels of both, of each, and of errors within a pixel of the annotator's border."""
    band = binary_dilation(drawn) & ~binary_erosion(drawn)
    return {
        "both": int((outlined & drawn).sum()),
        "outlined": int(outlined.sum()),
        "drawn": int(drawn.sum()),
        "added_at_border": int((outlined & ~drawn & band).sum()),
        "missed_at_border": int((~outlined & drawn & band).sum()),
    }


def _away_mm(stack: Stack, mask: Mask, centre: tuple[float, float]) -> float:
    true = mask_centre(np.where(mask == Label.UNLABELLED, 0, mask).astype(np.uint8))
    spacing = stack.spacing_mm or (1.5, 1.5)
    if true is None:
        return float("nan")
    return float(np.hypot((true[0] - centre[0]) * spacing[0], (true[1] - centre[1]) * spacing[1]))


def patient_dice(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Volume Dice per patient: pooled over the slices of a phase, averaged over phases in which the annotator drew something."""
    keys = ["weights", "cohort", "structure", "patient", *by]
    volumes = table.groupby(list(dict.fromkeys([*keys, "phase"])))[COUNTS].sum().reset_index()
    volumes = volumes[volumes["drawn"] > 0]
    volumes["dice"] = 2 * volumes["both"] / (volumes["outlined"] + volumes["drawn"])
    return volumes.groupby(keys)["dice"].mean().reset_index()


def summary(table: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Mean over patients and its interval."""
    per_patient = patient_dice(table, by)
    rows = []
    for key, part in per_patient.groupby(["cohort", "weights", *by, "structure"]):
        dice = part["dice"].to_numpy()
        draws = np.random.default_rng(0).choice(dice, (DRAWS, len(dice))).mean(axis=1)
        low, high = np.percentile(draws, [2.5, 97.5])
        rows.append((*key, len(dice), dice.mean(), low, high))
    return pd.DataFrame(rows, columns=["cohort", "weights", *by, "structure", "patients", "dice", "low", "high"])


def failed_slices(table: pd.DataFrame) -> pd.DataFrame:
    """Slices with a structure that was missed or has a Dice below FAILED, and slices with one that nobody drew."""
    drawn = table["drawn"] > 0
    dice = 2 * table["both"] / (table["outlined"] + table["drawn"]).clip(lower=1)
    marked = table.assign(shown=drawn, failed=drawn & (dice < FAILED), false=~drawn & (table["outlined"] > 0))
    return marked.groupby(["cohort", "weights", "level", "structure"])[["shown", "failed", "false"]].sum().reset_index()


def area_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Pixels outlined over pixels drawn, where both are."""
    shared = table[(table["drawn"] > 0) & (table["outlined"] > 0)]
    sums = shared.groupby(["cohort", "weights", "structure", "phase", "level"])[["outlined", "drawn"]].sum()
    return (sums["outlined"] / sums["drawn"]).rename("ratio").reset_index()


def what_costs(table: pd.DataFrame) -> pd.DataFrame:
    """Dice that would be won if one kind of error were away, everything else as it is."""
    base = patient_dice(table).groupby(["cohort", "weights", "structure"])["dice"].mean()
    none = table["drawn"] == 0
    away = table["away_mm"] > 30
    repairs = {
        "basal slices": (table["level"] == "basal") & ~none,
        "mid slices": (table["level"] == "mid") & ~none,
        "apical slices": (table["level"] == "apical") & ~none,
        "structures nobody drew": none,
        "of these, beyond the ventricle": none & (table["level"] == "beyond"),
        "failed slices": ~none & (2 * table["both"] / (table["outlined"] + table["drawn"]).clip(lower=1) < FAILED),
        "heart not there": away,
    }
    wins = {}
    for name, rows in repairs.items():
        mended = table.copy()
        for column in ("both", "outlined"):
            mended.loc[rows, column] = mended.loc[rows, "drawn"]
        wins[name] = patient_dice(mended).groupby(["cohort", "weights", "structure"])["dice"].mean() - base
    mended = table.copy()
    mended["both"] += mended["missed_at_border"]
    mended["outlined"] += mended["missed_at_border"] - mended["added_at_border"]
    wins["errors within a pixel of the border"] = (
        patient_dice(mended).groupby(["cohort", "weights", "structure"])["dice"].mean() - base
    )
    return pd.DataFrame({"dice": base, **wins}).reset_index()


def report(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Every table, by its title."""
    return {
        "Dice": summary(table),
        "by level": summary(table[table["level"] != "beyond"], ["level"]),
        "by phase": summary(table, ["phase"]),
        "by group": summary(table, ["group"]),
        "failed slices": failed_slices(table),
        "area outlined over area drawn": area_ratios(table),
        "Dice won if it were mended": what_costs(table),
    }


def wide(table: pd.DataFrame) -> str:
    """A table of scores with structures side by side, as text."""
    if "dice" not in table or "low" not in table:
        return table.round(3).to_string(index=False)
    text = [f"{d:.3f} [{a:.3f}, {b:.3f}]" for d, a, b in zip(table["dice"], table["low"], table["high"], strict=True)]
    keys = [c for c in table.columns if c not in ("structure", "dice", "low", "high")]
    return (
        table.assign(score=text)
        .pivot(index=keys, columns="structure", values="score")
        .reset_index()
        .to_string(index=False)
    )


def main() -> None:
    """Segment, count, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--acdc", type=Path, nargs="*", default=[], help="folders of ACDC patients")
    parser.add_argument("--sunnybrook", type=Path, nargs="*", default=[], help="folders with manifest.csv")
    parser.add_argument("--weights", nargs="+", default=["shipped=shipped"], help="NAME=FILE, or NAME=shipped")
    parser.add_argument("--turns", type=float, nargs="+", default=[0.0], help="degrees; votes are averaged")
    parser.add_argument("--every", type=int, default=1, help="take every k-th patient")
    parser.add_argument("--only", nargs="*", default=[], help="names of patients; default: all")
    parser.add_argument("--cache", type=Path, help="folder where what was read is kept")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/segmentation_on_patients"))
    options = parser.parse_args()
    cohorts = {"acdc": ("acdc", options.acdc), "sunnybrook": ("sunnybrook-png", options.sunnybrook)}
    parts = []
    for cohort, (reader, folders) in cohorts.items():
        only = options.only if cohort == "acdc" else []
        patients = cached(options.cache, reader, folders, options.every, only) if folders else []
        for given in options.weights:
            name, _, file = given.partition("=")
            segmenter = Segmenter.load(shipped("segmenter") if file == "shipped" else Path(file))
            parts += [scores(name, segmenter, cohort, patient, options.turns) for patient in patients]
    table = pd.concat(parts, ignore_index=True)
    table["phase"] = table["phase"].replace("", "other")
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_parquet(options.out / "slices.parquet", index=False)
    tables = report(table)
    for title, one in tables.items():
        print(f"\n{title}\n{wide(one)}", flush=True)
    (options.out / "result.json").write_text(
        json.dumps({title: one.to_dict("records") for title, one in tables.items()}, indent=1)
    )


if __name__ == "__main__":
    main()
