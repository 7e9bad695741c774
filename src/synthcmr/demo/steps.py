"""The steps of the demo, one small function each. What a step finds finished, it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import Input, write_json
from synthcmr.cohort.writer import COHORT_FILE
from synthcmr.cohort.writers import get_writer
from synthcmr.demo.demo_paths import Demo, Report
from synthcmr.demo.settings import LABEL, PRESET, TARGET

GENERATED, RECALIBRATED = "generated", "recalibrated"  # as spectra call them


@dataclass(frozen=True)
class Step:
    """One step."""

    name: str
    about: str
    makes: str  # below the demo's folder; without it the step is not finished
    run: Callable[[Demo], None]
    spread: bool = False  # over worker processes


def phantom(demo: Demo) -> None:
    """A cohort that is unfair by design, with a balanced test split."""
    from synthcmr.phantom.cohort import make_phantoms

    if (demo.cohort / COHORT_FILE).exists():
        return
    with demo.bar("phantom") as report:
        splits = demo.settings.splits
        make_phantoms(
            demo.cohort, PRESET, seed=demo.settings.seed, workers=demo.workers, progress=report, splits=splits
        )


def audit(demo: Demo) -> None:
    """Whom it leaves out."""
    from synthcmr.fairness.audit import audit_cohort
    from synthcmr.report.audit_page import write_audit_page

    cohort, folder = Cohort.open(demo.cohort), demo.out / "audit"
    found = audit_cohort(cohort, label=LABEL, seed=demo.settings.seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "audit.json", found.to_json())
    write_audit_page(found, cohort, folder / "audit.html")


def plan(demo: Demo) -> None:
    """Whom to make, so that no group tells the disease."""
    from synthcmr.fairness.planning.plan import plan_cohort
    from synthcmr.report.plan_page import write_plan_page

    made = plan_cohort(Cohort.open(demo.cohort), TARGET, demo.settings.plan)
    if not made.is_at(demo.plan):
        made.write(demo.plan)
    write_plan_page(made, demo.plan)


def generate(demo: Demo) -> None:
    """Their images, by the flow that ships: it has seen phantoms alone, as this demo's patients are."""
    from synthcmr.fairness.debias.synthetic_sets import like_images
    from synthcmr.fairness.planning.plan_folder import Plan
    from synthcmr.report.generated_page import write_generated_page
    from synthcmr.sampling.generate import generate as make
    from synthcmr.sampling.sources import Sources
    from synthcmr.training.shipped import shipped

    if not (demo.generated / COHORT_FILE).exists():
        asked, like = Plan.read(demo.plan), like_images(Cohort.open(demo.cohort))
        with demo.bar("generate") as report:
            also = [Input(str(demo.plan), "plan", asked.hash)]
            make(demo.generated, asked.requests(), Sources(shipped("flow")), like, progress=report, also=also)
    write_generated_page(Cohort.open(demo.generated))


def recalibrate(demo: Demo) -> None:
    """Learn fine grain on the real training split, give it to the images, and compare both with real test images."""
    from synthcmr.frequency.apply import apply_to_cohort
    from synthcmr.frequency.model_folder import MODEL_FILE
    from synthcmr.frequency.recalibration import Recalibration
    from synthcmr.frequency.settings import RecalibrationSettings
    from synthcmr.frequency.sources import open_images

    if not (demo.recalibration / MODEL_FILE).exists():
        learned = Recalibration(RecalibrationSettings(seed=demo.settings.seed))
        learned.fit(open_images(demo.cohort, "train")).save(demo.recalibration)
    if not (demo.recalibrated / COHORT_FILE).exists():
        model = Recalibration.load(demo.recalibration)
        with demo.bar("recalibrate") as report:
            apply_to_cohort(model, demo.recalibration, Cohort.open(demo.generated), demo.recalibrated, report)
    _compare_spectra(demo)


def _compare_spectra(demo: Demo) -> None:
    from synthcmr.frequency.sources import open_images
    from synthcmr.frequency.spectrum.compare import compare
    from synthcmr.report.spectrum_page import write_spectrum

    sets = {GENERATED: open_images(demo.generated), RECALIBRATED: open_images(demo.recalibrated)}
    found = compare(open_images(demo.cohort, "test"), sets, {}, demo.settings.spectrum)
    write_spectrum(found, demo.cohort.name, demo.settings.spectrum, demo.out / "spectrum")


def debias(demo: Demo) -> None:
    """The same classifier on real images alone, on the heart alone, and on real and planned images."""
    from synthcmr.fairness.debias.experiment import run_experiment
    from synthcmr.fairness.debias.remedies import PLANNED
    from synthcmr.report.debias_page import write_debias

    cohort, out, settings = Cohort.open(demo.cohort), demo.out / "debiased", demo.settings.debias
    with demo.bar("debias") as report:
        results = run_experiment(cohort, out, settings, {PLANNED: demo.recalibrated}, demo.networks, report)
    write_debias(results, cohort, settings, out)


def evaluate(demo: Demo) -> None:
    """The score card: fidelity, adherence, utility, fairness, privacy."""
    from synthcmr.evaluation.evaluate import evaluate as score
    from synthcmr.report.report_folder import write_report

    real, made, out = Cohort.open(demo.cohort), Cohort.open(demo.recalibrated), demo.out / "scores"
    with demo.bar("evaluate") as report:
        card = score(real, made, out, demo.settings.evaluate, report=report, workers=demo.networks)
    write_report(card, out)


def export(demo: Demo) -> None:
    """Real and recalibrated subjects together for nnU-Net, and some of those made as DICOM."""
    from synthcmr.cohort.joining import join_cohorts

    made = Cohort.open(demo.recalibrated)
    if not (demo.balanced / COHORT_FILE).exists():
        with demo.bar("join") as report:
            join_cohorts(demo.balanced, [Cohort.open(demo.cohort), made], report)
    few = made.subjects["subject_id"].head(demo.settings.dicom).tolist()
    for layout, chosen in (("nnunet", Cohort.open(demo.balanced)), ("dicom", made.select(subject_id=few))):
        with demo.bar(layout) as report:
            get_writer(layout).write(chosen, demo.out / layout, partial(_without_name, report), overwrite=True)


def _without_name(report: Report, done: int, total: int) -> None:
    """Exports do not say whom they write."""
    report(done, total, "")


STEPS = (
    Step("phantom", f"digital subjects, unfair by design (preset '{PRESET}')", f"cohort/{COHORT_FILE}", phantom, True),
    Step("audit", "whom does the cohort leave out?", "audit/audit.html", audit),
    Step("plan", f"whom to make, so that no group tells the disease ({TARGET})", "plan/plan.html", plan),
    Step("generate", "their images, with the weights that ship", f"synthetic/{COHORT_FILE}", generate),
    Step("recalibrate", "the fine grain of real images, learned and given", "spectrum/spectrum.html", recalibrate),
    Step("debias", "does a classifier become fairer?", "debiased/debias.html", debias, True),
    Step("evaluate", "are the images real, as asked, useful, fair, private?", "scores/report.html", evaluate, True),
    Step("export", "ready for nnU-Net, and as DICOM", "dicom", export),
)
