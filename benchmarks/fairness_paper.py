"""The table of Skorupko et al. in shape: balanced accuracy of each group of sex, age and BMI, by what the classifier learned from.

    python -m benchmarks.fairness_paper [--work FOLDER] [--people COHORT] [--run RUN] [--network small|resnet18] [--steps 300]
        [--batch 32] [--rate 1e-3] [--repeats 8]

The protocol is examples/fairness_paper.yaml: prevalences, central slices, repeats and remedies are as it says. Its ResNet18 and its 3000
steps of 64 images are for a GPU; by default a network and a number of steps that two CPU cores can train stand in, and what was used is
printed. The share of the sick in the test split is left as it is unless --rare: one in a hundred would leave too few sick subjects for any
group to be scored, and balanced accuracy does not depend on it.
"""

import argparse
from pathlib import Path

from benchmarks.debias_phantom import people
from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores
from synthcmr.config import settings_from_yaml
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.fairness.debias.experiment import run_experiment
from synthcmr.fairness.debias.scores import Results
from synthcmr.fairness.debias.synthetic_sets import make_sets
from synthcmr.report.debias_page import write_debias
from synthcmr.statistics.intervals import Estimate
from synthcmr.verbs.progress import progress_bar

PROTOCOL = Path(__file__).parents[1] / "examples" / "fairness_paper.yaml"
ROWS = {
    "nothing": "real",
    "oversampling": "balanced sampling",
    "synthetic only": "synthetic",
    "real + copy": "real + synthetic (copy)",
    "real + planned": "real + synthetic (planned)",
}


def protocol(given: argparse.Namespace) -> DebiasSettings:
    """The paper's settings, with a network and steps that the machine can train."""
    told = settings_from_yaml(PROTOCOL, DebiasSettings)
    loop = told.loop.model_copy(update={"steps": given.steps, "batch": given.batch, "learning_rate": given.rate})
    changed = {
        "sensitive": ("sex", "age", "bmi"),
        "loop": loop,
        "classifier": told.classifier.model_copy(update={"network": given.network}),
        "repeats": given.repeats,
        "prevalence": told.prevalence if given.rare else told.prevalence.model_copy(update={"test": None}),
    }
    return told.model_copy(update=changed)


def table(results: Results) -> str:
    """Rows as in the paper, a column for each group that can be scored."""
    groups = [(g.name, one) for g in results.groupings if " x " not in g.name for one in g.scored]
    head = ["learned from", "everyone", *(f"{one.name} ({one.sick} sick, {one.healthy} healthy)" for _, one in groups)]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name, title in ROWS.items():
        row = results.of(name)
        each = [row.groups[attribute][one.name]["balanced accuracy"] for attribute, one in groups]
        told = [row.scores["balanced accuracy"], *(e for e in each if isinstance(e, Estimate))]
        lines.append(f"| {title} | " + " | ".join(f"{e.value:.3f} ({e.low:.2f} to {e.high:.2f})" for e in told) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/fairness_paper"))
    parser.add_argument("--people", type=Path, help="a cohort that is there already")
    parser.add_argument("--run", type=Path, help="generator; otherwise the one that ships")
    parser.add_argument("--network", choices=["small", "resnet18"], default="small")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument(
        "--rare", action="store_true", help="one in a hundred of the test subjects is sick, as in the paper"
    )
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    wanted = {"train": 100, "validation": 40, "test": 1200}
    cohort = Cohort.open(given.people) if given.people else people(given.work / "people", wanted, seed=2)
    settings = protocol(given)
    with progress_bar("generate") as report:
        sets = make_sets(cohort, given.work / "synthetic", settings, given.run, cores(), report)
    with progress_bar("debias") as report:
        results = run_experiment(cohort, given.work / "debiased", settings, sets, cores(), report)
    write_debias(results, cohort, settings, given.work / "debiased")
    print(
        f"{settings.classifier.network}, {settings.loop.steps} steps of {settings.loop.batch}, {settings.repeats} repeats"
    )
    print(table(results))


if __name__ == "__main__":
    main()
