"""Whether cines play as steadily as real ones: what changes from phase to phase that motion does not explain.

    python -m benchmarks.cine_flicker --real SUNNYBROOK_CINES --sets refined=R phantoms=P [--out flicker.json]

Told is the flicker of `synthcmr.evaluation.motion.flicker` as a share of what real cines show. 1 is as steady as real ones, 2 flickers
twice as much. Phases must be as many in all sets, because slower sampling alone makes differences larger.

The middle of the left ventricle is that of the masks. Real cines are read by `synthcmr ingest --frames cine`. The score card has the
same measures, with the ventricle found by a segmenter (`synthcmr evaluate REAL SYNTH OUT --parts motion`).
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.patch_probe import check_one_pixel_size, opened
from synthcmr.cohort import Cohort
from synthcmr.cohort.labels import Label
from synthcmr.errors import CohortError
from synthcmr.evaluation.motion.flicker import FLICKERS, LEAST_PHASES, flicker, regions

DRAWS = 1000  # of subjects
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Flicker of a set over that of real cines, with its 95 % interval over subjects of both."""

    value: float
    low: float
    high: float


def cohort_flicker(cohort: Cohort) -> tuple[Rows, npt.NDArray[np.str_], int]:
    """Measures of every slice that shows the left ventricle, whose it is, and the number of phases.

    Raises:
        CohortError: there are no cines, or of several numbers of phases.
    """
    phases = set(cohort.images["n_frames"])
    if len(phases) != 1 or min(phases) < LEAST_PHASES:
        there = ", ".join(map(str, sorted(phases)))
        raise CohortError(
            f"{cohort.path}: expected cines of one number of phases, {LEAST_PHASES} or more, got {there}; "
            "ingest or generate with --frames cine"
        )
    rows, subjects = [], []
    for i, row in enumerate(cohort.images.itertuples()):
        there = regions(cohort.mask(i) == Label.LV, float(row.spacing_row_mm))
        if there is not None:
            rows.append(flicker(cohort.image(i), *there))
            subjects.append(str(row.subject_id))
    if not rows:
        raise CohortError(f"{cohort.path}: expected masks that show the LV cavity in some phase, found none")
    return np.stack(rows), np.array(subjects), int(min(phases))


def shares(made: tuple[Rows, npt.NDArray[np.str_]], real: tuple[Rows, npt.NDArray[np.str_]]) -> dict[str, Share]:
    """Mean flicker of one set over another's, of subjects drawn again on both sides."""
    a, b = (_by_subject(*side) for side in (made, real))
    rng = np.random.default_rng(0)
    drawn = np.stack([_redrawn(a, rng).mean(axis=0) / _redrawn(b, rng).mean(axis=0) for _ in range(DRAWS)])
    low, high = np.percentile(drawn, (2.5, 97.5), axis=0)
    value = a.mean(axis=0) / b.mean(axis=0)
    return {name: Share(float(value[k]), float(low[k]), float(high[k])) for k, name in enumerate(FLICKERS)}


def _by_subject(rows: Rows, subject: npt.NDArray[np.str_]) -> Rows:
    return np.stack([rows[subject == name].mean(axis=0) for name in np.unique(subject)])


def _redrawn(rows: Rows, rng: np.random.Generator) -> Rows:
    return rows[rng.integers(len(rows), size=len(rows))]


def in_words(real: Rows, found: dict[str, dict[str, Share]]) -> str:
    """The table in Markdown."""
    lines = [f"| flicker | real | {' | '.join(f'{name}, share of real' for name in found)} |"]
    lines.append("|" + " --- |" * (2 + len(found)))
    for k, name in enumerate(FLICKERS):
        cells = [f"{s.value:.2f} ({s.low:.2f} to {s.high:.2f})" for s in (row[name] for row in found.values())]
        lines.append(f"| {name} | {real[:, k].mean():.4f} | {' | '.join(cells)} |")
    return "\n".join(lines)


def expect_as_many(phases: dict[str, int]) -> None:
    """Refuse cines of other numbers of phases.

    Raises:
        CohortError: they differ.
    """
    if len(set(phases.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in phases.items())
        raise CohortError(
            f"expected cines with as many phases in all sets, got {told}; generate with --frames {phases['real']}"
        )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", required=True, help="cohort of real cines")
    parser.add_argument("--sets", nargs="+", required=True, help="NAME=FOLDER of cines")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/cine_flicker.json"))
    options = parser.parse_args()
    cohorts = {"real": opened(options.real)}
    cohorts |= {name: opened(place) for name, _, place in (one.partition("=") for one in options.sets)}
    check_one_pixel_size(cohorts)
    measured = {name: cohort_flicker(cohort) for name, cohort in cohorts.items()}
    expect_as_many({name: phases for name, (_, _, phases) in measured.items()})
    for name, (rows, subjects, _) in measured.items():
        print(f"{name}: {len(rows)} slices of {len(set(subjects))} subjects")
    sides = {name: (rows, subjects) for name, (rows, subjects, _) in measured.items()}
    real = sides.pop("real")
    found = {name: shares(one, real) for name, one in sides.items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    record = {name: {m: asdict(s) for m, s in row.items()} for name, row in found.items()}
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(in_words(real[0], found))


if __name__ == "__main__":
    main()
