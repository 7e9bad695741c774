"""Does recalibration make synthetic images better to learn from? The claim of FreRec, paired over seeds, family by family.

    python -m benchmarks.recalibrated_training --people COHORT --runs FOLDER [--families vae,gan,diffusion,latent,flow]
        [--methods rings,shr] [--on-all shr] [--images 150] [--repeats 5] [--rhm-steps 800] [--work FOLDER]

COHORT has training, validation and test splits; FOLDER holds one run per family, none of which saw COHORT's test split. All families
draw the same plan. A classifier learns from real and synthetic images together, with and without recalibration that learned from real
training images alone, at equal steps and from equal first weights; differences are paired over test subjects and seeds. `--on-all`
recalibrates real images too, in training and at test, as the authors do; its control is the same with no synthetic image at all.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthcmr.cli.progress import progress_bar
from synthcmr.cohort import Cohort
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.fairness.debias.data import REAL, all_people
from synthcmr.fairness.debias.experiment import answers_of, run_jobs, scored
from synthcmr.fairness.debias.job import Job
from synthcmr.fairness.debias.leaks import check_synthetic
from synthcmr.fairness.debias.remedies import NOTHING, Remedy
from synthcmr.fairness.debias.scores import Estimate, RemedyScores
from synthcmr.fairness.debias.sets import like_images
from synthcmr.fairness.debias.settings import DebiasSettings
from synthcmr.fairness.planning.plan import plan_cohort
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.frequency.apply import apply_to_cohort
from synthcmr.frequency.mapping.settings import preset
from synthcmr.frequency.recalibration import MAPPING, Recalibration
from synthcmr.frequency.settings import RecalibrationSettings
from synthcmr.frequency.sources import open_images
from synthcmr.sampling.generate import generate
from synthcmr.sampling.sources import Sources

SHOWN = ("balanced accuracy", "AUROC")


@dataclass(frozen=True)
class Arm:
    """What one classifier learns from."""

    name: str
    real: Cohort
    sets: Mapping[str, Path]


def models(people: Cohort, folder: Path, methods: Sequence[str], steps: int) -> dict[str, tuple[Recalibration, Path]]:
    """Recalibrations that learned from the training split."""
    found = {}
    for method in dict.fromkeys(methods):
        where = folder / method
        if not (where / "recalibration.json").exists():
            network, loop = preset("cpu")
            given = (network, loop.model_copy(update={"steps": steps})) if method in MAPPING else None
            told = RecalibrationSettings(method=method)  # type: ignore[arg-type]
            model = Recalibration(told).fit(open_images(people.path, "train"), where / "network", given)
            model.save(where)
        found[method] = (Recalibration.load(where), where)
    return found


def recalibrated(model: tuple[Recalibration, Path], cohort: Cohort, out: Path) -> Cohort:
    return Cohort.open(out) if (out / COHORT_FILE).exists() else apply_to_cohort(*model, cohort, out)


def images(people: Cohort, run: Path, out: Path, target: str, count: int) -> Cohort:
    """One family's images of the plan that all share."""
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    requests = plan_cohort(people, target, PlanSettings(budget=count, floor=0)).requests()
    with progress_bar(f"generate, {out.name}") as report:
        return generate(out, requests, Sources(run=run), like_images(people), cores(), report)


def arms(people: Cohort, given: argparse.Namespace, target: str) -> list[Arm]:
    """Every family without recalibration, with each method, and with each method on everything."""
    methods, everywhere = given.methods.split(","), [m for m in given.on_all.split(",") if m]
    known = models(people, given.work / "models", [*methods, *everywhere], given.rhm_steps)
    whole = {m: recalibrated(known[m], people, given.work / "real" / m) for m in everywhere}
    found = [Arm(NOTHING, people, {})] + [Arm(f"real, {m} on all", whole[m], {}) for m in everywhere]
    for family in given.families.split(","):
        made = images(people, given.runs / family, given.work / "sets" / family, target, given.images)
        check_synthetic(people, made, family)
        found.append(Arm(family, people, {family: made.path}))
        for m in dict.fromkeys([*methods, *everywhere]):
            better = recalibrated(known[m], made, given.work / "sets" / f"{family}-{m}").path
            found += [Arm(f"{family}, {m}", people, {f"{family}-{m}": better})] if m in methods else []
            found += [Arm(f"{family}, {m} on all", whole[m], {f"{family}-{m}": better})] if m in everywhere else []
    return found


def jobs_of(arm: Arm, settings: DebiasSettings, out: Path) -> list[Job]:
    remedy = Remedy(arm.name, "", "synthetic", sets=tuple(arm.sets))
    return [Job(arm.real.path, dict(arm.sets), settings, remedy, k, out) for k in range(settings.repeats)]


def told(e: Estimate, sign: str = "") -> str:
    return f"{e.value:{sign}.3f} ({e.low:{sign}.3f} to {e.high:{sign}.3f})"


def row(one: RemedyScores, name: str) -> str:
    """Scores, and what they are less those of the arm that it is compared with."""
    less = [told(one.to_nothing[k], "+") if k in one.to_nothing else "–" for k in SHOWN]
    cells = [cell for k, change in zip(SHOWN, less, strict=True) for cell in (told(one.scores[k]), change)]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--families", default="vae,gan,diffusion,latent,flow")
    parser.add_argument("--methods", default="rings,shr")
    parser.add_argument("--on-all", default="shr")
    parser.add_argument("--images", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rhm-steps", type=int, default=800)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/recalibrated_training"))
    given = parser.parse_args()
    people = Cohort.open(given.people)
    settings = DebiasSettings(repeats=given.repeats, min_group=20, draws=2000)
    every = arms(people, given, f"equal:{settings.label},{','.join(settings.sensitive)}")
    todo = [job for arm in every for job in jobs_of(arm, settings, given.work) if not job.file.exists()]
    with progress_bar("train") as report:
        for k, job in enumerate(run_jobs(todo, cores()), 1):
            report(k, len(todo), job.file.stem)
    answers = {arm.name: answers_of(jobs_of(arm, settings, given.work))[arm.name] for arm in every}
    who = all_people({REAL: people}, settings)[REAL]
    print("| learned from | balanced accuracy | less | AUROC | less |\n| --- | --- | --- | --- | --- |")
    for arm in every:
        base = next((f for f in given.families.split(",") if arm.name.startswith(f"{f},")), NOTHING)
        pair = {NOTHING: answers[base], arm.name: answers[arm.name]}
        remedies = [Remedy(name, "", "none" if name == NOTHING else "synthetic") for name in pair]
        found = scored(pair, remedies, who, settings)
        print(row(found.of(arm.name), f"{arm.name} (less {'real alone' if base == NOTHING else base})"))


if __name__ == "__main__":
    main()
