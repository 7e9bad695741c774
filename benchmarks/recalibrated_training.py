"""Does recalibration make synthetic images better to learn from? The claim of FreRec, paired over seeds, family by family.

    python -m benchmarks.recalibrated_training --people COHORT --runs FOLDER [--families vae,gan,diffusion,latent,flow]
        [--methods rings,frerec] [--on-all frerec] [--controls frerec,rhm,low-pass] [--images 130] [--repeats 5]
        [--rhm-steps 400] [--rare DCM --keep 5] [--work FOLDER]

COHORT has training, validation and test splits; FOLDER holds one run per family, none of which saw COHORT's test split. All families
draw the same plan. A classifier learns from real and synthetic images together, with and without recalibration that learned from real
training images alone, at equal steps and from equal first weights; differences are paired over test subjects and seeds. `--on-all`
recalibrates real images too, in training and at test, as the authors do. `--controls` does so with no synthetic image at all: with
the whole method, with the network that removes noise alone, with frequencies above a quarter cycle per pixel taken away. Methods are
those of `synthcmr recalibrate`, and all-bands: rings from the longest waves on. With `--rare` only so many real training subjects of
one class are kept, and synthetic images are of that class alone, as where a disease is rare: then whatever tells synthetic images from
real ones tells the classes apart in training, and is of no use at test.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.recalibration import low_pass
from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import records, storage
from synthcmr.cohort.parallel import cores
from synthcmr.cohort.provenance import Input
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import COHORT_FILE, CohortWriter
from synthcmr.experiments.classifier_job import ClassifierJob
from synthcmr.experiments.images import REAL, all_people
from synthcmr.experiments.jobs import Arm, run_jobs
from synthcmr.experiments.settings import DebiasSettings
from synthcmr.experiments.split_leaks import check_synthetic
from synthcmr.fairness.debias.experiment import by_arm, scored
from synthcmr.fairness.debias.remedies import NOTHING
from synthcmr.fairness.debias.scores import RemedyScores
from synthcmr.fairness.debias.synthetic_sets import like_images
from synthcmr.fairness.planning.plan import plan_cohort
from synthcmr.fairness.planning.settings import PlanSettings
from synthcmr.frequency.apply import apply_to_cohort
from synthcmr.frequency.images import Images
from synthcmr.frequency.recalibration import MAPPING, Change, Recalibration
from synthcmr.frequency.settings import RecalibrationSettings, preset
from synthcmr.frequency.sources import open_images
from synthcmr.sampling.generate import generate
from synthcmr.sampling.sources import Sources
from synthcmr.statistics.intervals import Estimate
from synthcmr.verbs.progress import progress_bar

LOW_PASS = "low-pass"
NAMED: dict[str, dict[str, object]] = {  # settings of names that are no methods
    LOW_PASS: {"method": "rings"},
    "all-bands": {"method": "rings", "untouched_mm": 1000},
}
SHOWN = ("balanced accuracy", "AUROC")


@dataclass(frozen=True)
class Mixture:
    """What one classifier learns from."""

    name: str
    real: Cohort
    sets: Mapping[str, Path]


class LowPass(Recalibration):
    """The control that takes high frequencies away."""

    def prepare(self, synthetic: Images) -> Change:
        """Nothing to look at."""
        return low_pass


def models(people: Cohort, folder: Path, methods: Sequence[str], steps: int) -> dict[str, tuple[Recalibration, Path]]:
    """Recalibrations that learned from the training split."""
    found = {}
    for method in dict.fromkeys(methods):
        where = folder / method
        if not (where / "recalibration.json").exists():
            network, loop = preset("cpu")
            given = (network, loop.model_copy(update={"steps": steps})) if method in MAPPING else None
            told = RecalibrationSettings.model_validate(NAMED.get(method, {"method": method}))
            model = Recalibration(told).fit(open_images(people.path, "train"), where / "network", given)
            model.save(where)
        model = Recalibration.load(where)
        if method == LOW_PASS:
            model.__class__ = LowPass
        found[method] = (model, where)
    return found


def recalibrated(model: tuple[Recalibration, Path], cohort: Cohort, out: Path) -> Cohort:
    return Cohort.open(out) if (out / COHORT_FILE).exists() else apply_to_cohort(*model, cohort, out)


def some_of(cohort: Cohort, out: Path, wanted: Callable[[SubjectRecord], SubjectRecord | None]) -> Cohort:
    """A cohort of some of the subjects, or of some of their images."""
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    kind, rows, columns = storage(cohort)
    manifest = {"step": "select", "cohort": cohort.hash, "settings": cohort.info["settings"]}
    with CohortWriter(out, manifest, kind, (rows, columns)) as writer:
        for record in records(cohort):
            if (kept := wanted(record)) is not None:
                writer.add(kept)
        facts = {k: v for k, v in cohort.info.items() if k in ("generated", "phantom")}
        writer.finish(None, [Input(str(cohort.path), "cohort", cohort.hash)], facts)
    return Cohort.open(out)


def with_few(people: Cohort, out: Path, label: str, rare: str, keep: int) -> Cohort:
    """People of whom few training subjects are of the rare class."""
    training = people.subjects[(people.subjects["split"] == "train") & (people.subjects[label] == rare)]
    left_out = set(training["subject_id"][keep:])
    return some_of(people, out, lambda record: None if record.subject_id in left_out else record)


def in_the_middle(people: Cohort, out: Path) -> Cohort:
    """People with the slices that the classifier looks at: there is no need to recalibrate others."""

    def middle(record: SubjectRecord) -> SubjectRecord:
        return replace(record, images=tuple(i for i in record.images if i.slice_level == "mid"))

    return some_of(people, out, middle)


def images(people: Cohort, run: Path, out: Path, target: str, count: int) -> Cohort:
    """One family's images of the plan that all share."""
    if (out / COHORT_FILE).exists():
        return Cohort.open(out)
    requests = plan_cohort(people, target, PlanSettings(budget=count, floor=0)).requests()
    with progress_bar(f"generate, {out.name}") as report:
        return generate(out, requests, Sources(run=run), like_images(people), cores(), report)


def arms(people: Cohort, given: argparse.Namespace, target: str) -> list[Mixture]:
    """No synthetic image, and every family with and without each method."""
    methods, everywhere, controls = (
        [m for m in told.split(",") if m] for told in (given.methods, given.on_all, given.controls)
    )
    known = models(people, given.work / "models", [*methods, *everywhere, *controls], given.rhm_steps)
    seen = in_the_middle(people, given.work / "seen") if everywhere or controls else people
    whole = {m: recalibrated(known[m], seen, given.work / "real" / m) for m in dict.fromkeys([*everywhere, *controls])}
    found = [Mixture(NOTHING, people, {})] + [Mixture(f"real, {m} on all", whole[m], {}) for m in controls]
    for family in given.families.split(","):
        made = images(people, given.runs / family, given.work / "sets" / family, target, given.images)
        if given.rare:
            label = target.removeprefix("equal:").split(",")[0]
            made = some_of(
                made,
                given.work / "sets" / f"{family}-{given.rare}",
                lambda record, label=label: record if record.attributes[label] == given.rare else None,
            )
        check_synthetic(people, made, family)

        def by(m: str, family: str = family, made: Cohort = made) -> dict[str, Path]:
            return {f"{family}-{m}": recalibrated(known[m], made, given.work / "sets" / f"{family}-{m}").path}

        found.append(Mixture(family, people, {family: made.path}))
        found += [Mixture(f"{family}, {m}", people, by(m)) for m in methods]
        found += [Mixture(f"{family}, {m} on all", whole[m], by(m)) for m in everywhere]
    return found


def jobs_of(arm: Mixture, settings: DebiasSettings, out: Path) -> list[ClassifierJob]:
    remedy = Arm(arm.name, "", "synthetic", sets=tuple(arm.sets))
    return [ClassifierJob(arm.real.path, dict(arm.sets), settings, remedy, k, out) for k in range(settings.repeats)]


def told(e: Estimate, sign: str = "") -> str:
    return f"{e.value:{sign}.3f} ({e.low:{sign}.3f} to {e.high:{sign}.3f})"


def row(one: RemedyScores, name: str) -> str:
    """Scores, and what they are less those of the arm that it is compared with."""
    less = [told(one.to_nothing[k], "+") if k in one.to_nothing else "–" for k in SHOWN]
    cells = [cell for k, change in zip(SHOWN, less, strict=True) for cell in (told(one.scores[k]), change)]
    return f"| {name} | {' | '.join(cells)} |"


def compared_with(name: str) -> str:
    """The same without recalibration; of a family that is not recalibrated, real images alone."""
    first, comma, _ = name.partition(",")
    return first if comma and first != "real" else NOTHING


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--families", default="vae,gan,diffusion,latent,flow")
    parser.add_argument("--methods", default="rings,frerec")
    parser.add_argument("--on-all", default="frerec")
    parser.add_argument("--controls", default="frerec,rhm,low-pass")
    parser.add_argument("--images", type=int, default=130)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rhm-steps", type=int, default=400)
    parser.add_argument("--rare", help="a class of which few real training subjects are kept")
    parser.add_argument("--keep", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("benchmarks/out/recalibrated_training"))
    given = parser.parse_args()
    people = Cohort.open(given.people)
    settings = DebiasSettings(repeats=given.repeats, min_group=20, draws=2000)
    if given.rare:
        people = with_few(people, given.work / "people", settings.label, given.rare, given.keep)
    every = arms(people, given, f"equal:{settings.label},{','.join(settings.sensitive)}")
    jobs = [job for arm in every for job in jobs_of(arm, settings, given.work)]
    with progress_bar("train") as report:
        run_jobs(jobs, cores(), report)
    answers = by_arm(jobs)
    who = all_people({REAL: people}, settings)[REAL]
    print("| learned from | balanced accuracy | less | AUROC | less |\n| --- | --- | --- | --- | --- |")
    for arm in every:
        base = compared_with(arm.name)
        pair = {NOTHING: answers[base], arm.name: answers[arm.name]}
        remedies = [Arm(name, "", "none" if name == NOTHING else "synthetic") for name in pair]
        found = scored(pair, remedies, who, settings)
        print(row(found.of(arm.name), f"{arm.name} (less {'real alone' if base == NOTHING else base})"))


if __name__ == "__main__":
    main()
