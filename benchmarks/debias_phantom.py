"""Do planned images make a fairer model than cheap remedies do, where the truth is known?

    python -m benchmarks.debias_phantom [--work FOLDER] [--train 100] [--validation 40] [--test 1200] [--seed 2]
        [--target TARGET] [--run RUN] [--repeats 5] [--min-group 20]

A small unfair cohort: the sick are mostly obese men on one scanner (`biased` preset). The test split is balanced and large, so
that groups can be told apart. Compared are all remedies of `synthcmr debias`, then the closed loop of `synthcmr balance` with at
most 60 % of the plan's images. The images come from RUN, or from the generator that ships, which learned from other phantoms: a
balanced cohort that the classifier never sees.
"""

import argparse
from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.experiments.settings import BalanceSettings, DebiasSettings
from synthcmr.fairness.closed_loop import balance
from synthcmr.fairness.debias.experiment import run_experiment
from synthcmr.fairness.debias.scores import RemedyScores, Results
from synthcmr.fairness.debias.synthetic_sets import make_sets
from synthcmr.fairness.debias.verdict import verdict
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.report.balance_page import write_balance
from synthcmr.report.debias_page import write_debias
from synthcmr.statistics.intervals import Estimate
from synthcmr.verbs.progress import progress_bar

PRESET = "biased"
SENSITIVE = ("sex", "bmi")
TARGET = "equal:diagnosis,sex,bmi,vendor"  # the audit says that the scanner is tangled with the diagnosis as well
SHARE = 0.6  # of the plan's images, for the loop


def people(out: Path, wanted: dict[str, int], seed: int) -> Cohort:
    """The first subjects of the preset that fill each split."""
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    with progress_bar("phantoms") as report:
        return make_phantoms(out, PRESET, seed=seed, progress=report, splits=wanted)


def row(one: RemedyScores, main: str) -> str:
    """One line of the table: everyone, worst group and gap, each also less what doing nothing has, and the gap by chance."""
    worst, gap = f"worst group, {main}", f"equal opportunity gap, {main}"
    cells = [told(one.scores["balanced accuracy"])]
    for key in (worst, gap):
        cells += [told(one.scores[key]), told(one.to_nothing[key], "+") if key in one.to_nothing else "–"]
    return f"| {one.remedy.name} | {' | '.join(cells)} | {one.chance[gap].mean:.3f} |"


def told(e: Estimate, sign: str = "") -> str:
    return f"{e.value:{sign}.3f} ({e.low:{sign}.2f} to {e.high:{sign}.2f})"


def table(results: Results) -> str:
    """All remedies, and the groups that are compared."""
    main = results.main
    head = [
        "remedy",
        "balanced accuracy",
        f"worst group of {main}",
        "less nothing",
        "equal-opportunity gap",
        "less nothing",
    ]
    lines = [f"| {' | '.join([*head, 'gap by chance'])} |", "|" + " --- |" * (len(head) + 1)]
    lines += [row(one, main) for one in results.remedies]
    groups = next(g for g in results.groupings if g.name == main).groups
    return "\n".join(
        [
            *lines,
            "; ".join(
                f"{g.name}: {g.sick} sick, {g.healthy} healthy{' (not compared)' if g.refused else ''}" for g in groups
            ),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/debias"))
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--validation", type=int, default=40)
    parser.add_argument("--test", type=int, default=1200)
    parser.add_argument(
        "--seed", type=int, default=2, help="of the people; what the images shall reach was chosen on those of seed 0"
    )
    parser.add_argument("--target", default=TARGET)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--min-group", type=int, default=20, help="sick, and healthy, that a compared group has at least"
    )
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    wanted = {"train": given.train, "validation": given.validation, "test": given.test}
    cohort = people(given.work / "people", wanted, given.seed)
    settings = DebiasSettings(
        sensitive=SENSITIVE, target=given.target, repeats=given.repeats, min_group=given.min_group
    )
    with progress_bar("generate") as report:
        sets = make_sets(cohort, given.work / "synthetic", settings, given.run, cores(), report)
    with progress_bar("debias") as report:
        results = run_experiment(cohort, given.work / "debiased", settings, sets, cores(), report)
    write_debias(results, cohort, settings, given.work / "debiased")
    print(table(results), "\n", "\n".join(verdict(results)), sep="")
    planned = len(Cohort.open(sets["planned"]).subjects)
    budget = int(SHARE * planned)
    loop = BalanceSettings(
        sensitive=SENSITIVE,
        repeats=given.repeats,
        budget=budget,
        round_images=-(-budget // 3),
        min_group=given.min_group,
    )
    with progress_bar("balance") as report:
        found = balance(cohort, given.work / "balanced", loop, given.run, cores(), report)
    write_balance(found, cohort, loop, given.work / "balanced")
    print(
        f"closed loop: {found.rounds[found.best].images} images, of {planned} planned ones",
        table(found.results),
        sep="\n",
    )


if __name__ == "__main__":
    main()
