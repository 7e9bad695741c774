"""Do generated hearts measure what hearts of such people measure?

    python benchmarks/anatomy_numbers.py --cohort COHORT [--anatomy FILE] [--per-cell 200]

For every sex and diagnosis, EDV, EF and mass are counted on generated masks and on the cohort's own, the same way. Goal: group
means within 5 %, spreads within 20 %. `mean_noise_percent` is the standard error of the cohort's own mean: a generator that was
fitted to other subjects cannot be expected any closer. A severity sweep and asked numbers are checked too.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.generators.anatomy.anatomy import real_anatomies
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.training.shipped_weights import shipped

MEASURES = ("lv_edv_ml", "lv_ef_percent", "lv_mass_g", "rv_edv_ml", "wall_max_mm")
MIN_REAL = 15
JUDGED = MEASURES[:3]
SWEEP = (0.0, 0.5, 1.0, 1.5, 2.0)
ASKED: tuple[tuple[dict[str, object], dict[str, float]], ...] = (
    ({"diagnosis": "DCM"}, {"lv_edv_ml": 240.0, "lv_ef_percent": 22.0, "wall_max_mm": 16.0}),
    ({"diagnosis": "HCM"}, {"lv_mass_g": 200.0, "wall_max_mm": 20.0}),
    ({"sex": "female"}, {"lv_esv_ml": 60.0, "rv_ef_percent": 45.0}),
)


def real_numbers(cohort: Cohort) -> dict[tuple[str, str], list[dict[str, float]]]:
    """What every subject of a cohort measures, by sex and diagnosis."""
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for anatomy in real_anatomies(cohort):
        key = (str(anatomy.attributes.get("sex", "")), str(anatomy.attributes.get("diagnosis", "")))
        found.setdefault(key, []).append(anatomy.numbers())
    return found


def compare(real: list[dict[str, float]], made: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Means and spreads of each measure, and how far apart they are."""
    rows = {}
    for name in MEASURES:
        a, b = np.array([r[name] for r in real]), np.array([m[name] for m in made])
        rows[name] = {
            "real_mean": float(a.mean()),
            "made_mean": float(b.mean()),
            "real_sd": float(a.std(ddof=1)),
            "made_sd": float(b.std(ddof=1)),
            "mean_off_percent": float(100 * (b.mean() / a.mean() - 1)),
            "sd_off_percent": float(100 * (b.std(ddof=1) / a.std(ddof=1) - 1)),
            "mean_noise_percent": float(100 * a.std(ddof=1) / np.sqrt(len(a)) / a.mean()),
        }
    return rows


def sweep(generator: AnatomyGenerator, seeds: int) -> list[dict[str, float]]:
    """Mean measures along severity of DCM, everything else held."""
    rows = []
    for severity in SWEEP:
        drawn = [
            generator.sample({"diagnosis": "DCM", "sex": "male", "age": 60}, s, severity=severity) for s in range(seeds)
        ]
        numbers = [d.numbers() for d in drawn]
        rows.append({"severity": severity} | {k: float(np.mean([n[k] for n in numbers])) for k in MEASURES})
    return rows


def asked(generator: AnatomyGenerator, seeds: int) -> list[dict[str, object]]:
    """How far masks are from the numbers that were asked for, percent."""
    rows: list[dict[str, object]] = []
    for who, wanted in ASKED:
        found = [generator.sample(who, s, numbers=wanted).numbers() for s in range(seeds)]
        off = {k: [100 * abs(n[k] / v - 1) for n in found] for k, v in wanted.items()}
        rows.append(
            {
                "who": who,
                "asked": wanted,
                "median_off_percent": {k: float(np.median(v)) for k, v in off.items()},
                "worst_off_percent": {k: float(max(v)) for k, v in off.items()},
            }
        )
    return rows


def cells(generator: AnatomyGenerator, cohort: Cohort, per_cell: int) -> dict[str, dict[str, dict[str, float]]]:
    """Compare generated and the cohort's own hearts for every sex and diagnosis with enough subjects."""
    found = {}
    for number, ((sex, diagnosis), real) in enumerate(sorted(real_numbers(cohort).items())):
        if len(real) < MIN_REAL:
            continue
        seeds = range(100_000 * number, 100_000 * number + per_cell)  # a cell's luck is its own
        made = [generator.sample({"sex": sex, "diagnosis": diagnosis}, s).numbers() for s in seeds]
        found[f"{sex} {diagnosis}"] = rows = compare(real, made)
        for name in MEASURES:
            row = rows[name]
            print(
                f"{sex:7s}{diagnosis:6s} n={len(real):3d} {name:14s} mean {row['real_mean']:6.1f} -> {row['made_mean']:6.1f} "
                f"({row['mean_off_percent']:+.1f} %)  sd {row['real_sd']:5.1f} -> {row['made_sd']:5.1f} ({row['sd_off_percent']:+.0f} %)",
                flush=True,
            )
    return found


def summary(found: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """How many cells keep to the goals, and the worst."""
    means, spreads = (
        np.abs([rows[name][key] for rows in found.values() for name in JUDGED])
        for key in ("mean_off_percent", "sd_off_percent")
    )
    return {
        "means_within_5_percent": float(np.mean(means <= 5)),
        "spreads_within_20_percent": float(np.mean(spreads <= 20)),
        "worst_mean_percent": float(means.max()),
        "worst_spread_percent": float(spreads.max()),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--anatomy", type=Path)
    parser.add_argument("--per-cell", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/anatomy_numbers.json"))
    options = parser.parse_args()
    generator = AnatomyGenerator.load(options.anatomy or shipped("anatomy"))
    found = cells(generator, Cohort.open(options.cohort), options.per_cell)
    short, swept, told = summary(found), sweep(generator, 20), asked(generator, 20)
    print(short)
    for row in swept:
        print({k: round(v, 1) for k, v in row.items()})
    print(*told, sep="\n")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result = {"summary": short, "cells": found, "severity_dcm": swept, "asked": told}
    options.out.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
