"""Do generated hearts measure what hearts of such people measure?

    python benchmarks/anatomy_numbers.py --cohort COHORT [--anatomy FILE] [--per-cell 100]

For every sex and diagnosis, EDV, EF and mass are counted on generated masks and on the cohort's own, the same way. Goal: group
means within 5 %, spreads within 20 %. A severity sweep and asked numbers are checked too.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from synthcmr.cohort import Cohort
from synthcmr.generators.anatomy import AnatomyGenerator, real_anatomies
from synthcmr.training.shipped import shipped

MEASURES = ("lv_edv_ml", "lv_ef_percent", "lv_mass_g", "rv_edv_ml", "wall_max_mm")
MIN_REAL = 15
SWEEP = (0.0, 0.5, 1.0, 1.5, 2.0)


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


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohort", type=Path, required=True)
    parser.add_argument("--anatomy", type=Path)
    parser.add_argument("--per-cell", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/anatomy_numbers.json"))
    options = parser.parse_args()
    generator = AnatomyGenerator.load(options.anatomy or shipped("anatomy"))
    result: dict[str, object] = {"cells": {}}
    cells: dict[str, object] = {}
    worst = {"mean": 0.0, "sd": 0.0}
    pooled_mean, pooled_sd = [], []
    for (sex, diagnosis), real in sorted(real_numbers(Cohort.open(options.cohort)).items()):
        if len(real) < MIN_REAL:
            continue
        asked = {"sex": sex, "diagnosis": diagnosis}
        made = [generator.sample(asked, 1000 + s).numbers() for s in range(options.per_cell)]
        rows = compare(real, made)
        cells[f"{sex} {diagnosis}"] = {"n_real": len(real), **rows}
        for name in ("lv_edv_ml", "lv_ef_percent", "lv_mass_g"):
            row = rows[name]
            pooled_mean.append(row["mean_off_percent"])
            pooled_sd.append(row["sd_off_percent"])
            worst["mean"] = max(worst["mean"], abs(row["mean_off_percent"]))
            worst["sd"] = max(worst["sd"], abs(row["sd_off_percent"]))
            print(
                f"{sex:7s}{diagnosis:6s} n={len(real):3d} {name:14s} mean {row['real_mean']:6.1f} -> {row['made_mean']:6.1f} "
                f"({row['mean_off_percent']:+.1f} %)  sd {row['real_sd']:5.1f} -> {row['made_sd']:5.1f} ({row['sd_off_percent']:+.0f} %)",
                flush=True,
            )
    within = {
        "means_within_5_percent": float(np.mean(np.abs(pooled_mean) <= 5)),
        "spreads_within_20_percent": float(np.mean(np.abs(pooled_sd) <= 20)),
    }
    result |= {"cells": cells, "worst_percent": worst, "within": within, "severity_dcm": sweep(generator, 20)}
    print(worst, within)
    for row in result["severity_dcm"]:
        print({k: round(v, 1) for k, v in row.items()})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
