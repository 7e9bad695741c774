"""Ways to break the promise of a private run, each put back through commands: the ledger refuses, and names what broke it."""

import shutil
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import PrivacyError
from synthcmr.fairness.planning.plan_folder import Plan
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.generators.family_settings import FewStepSettings
from synthcmr.generators.few_step import FewStepGenerator
from synthcmr.generators.fingerprints import NAME as FINGERPRINTS
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.judges.reader import AttributeReader
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import ReaderSettings, SegmenterSettings
from synthcmr.privacy.ledger import Ledger
from synthcmr.sampling import generate as sampling
from synthcmr.sampling.requests import from_prompt
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources
from synthcmr.training.shipped_weights import shipped
from tests.generators.making import TINY
from tests.journeys.typing_in import run
from tests.privacy.making import FEW, LOOP, PRIVATE, UNSCREENED, refused


def ledger(cohort: Path) -> Ledger:
    return Ledger.in_record(Cohort.open(cohort).info)


def test_a_private_run_does_not_begin_from_patients_that_nothing_protects(
    patients: Cohort, open_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    kept = tmp_path / "run" / "run.json"
    kept.write_text("{}")
    words = ("--init-from", open_run, "--dp", "epsilon=8", "--overwrite")
    said = run("train", "flow", patients.path, tmp_path / "run", *words, ok=False).stderr
    assert "expected weights that have seen no patient, or that are private themselves" in said
    assert "--init-from phantom" in said
    assert kept.exists()  # refused before anything is replaced
    with pytest.raises(PrivacyError, match="noise on what comes after would protect nobody"):
        FlowGenerator.fit(patients, tmp_path / "other", TINY.model_copy(update={"start": str(open_run)}), PRIVATE)
    assert not (tmp_path / "other").exists()


def test_a_private_run_that_begins_from_a_private_run_counts_both(
    patients: Cohort, private_run: Path, tmp_path: Path
) -> None:
    settings = TINY.model_copy(update={"start": str(private_run)})
    second = FlowGenerator.fit(patients, tmp_path / "second", settings, PRIVATE)
    first = FlowGenerator.load(private_run / "weights.safetensors")
    assert len(second.facts["ledger"]) == 2  # type: ignore[arg-type]
    assert first.facts["ledger"][0] in second.facts["ledger"]  # type: ignore[index,operator]


def test_a_student_has_seen_whom_its_teacher_saw(
    phantom_cohort: Cohort, patients: Cohort, open_run: Path, tmp_path: Path
) -> None:
    student = FewStepSettings(**{**TINY.model_dump(), "start": str(open_run), "leaps": 1, "teacher_steps": 1})
    FewStepGenerator.fit(phantom_cohort, tmp_path / "few", student, LOOP)
    run("generate", tmp_path / "out", "--run", tmp_path / "few", *UNSCREENED)
    assert "1. few: its weights were learned from patients" in refused(tmp_path / "out", tmp_path / "given")
    with pytest.raises(PrivacyError, match="private themselves"):
        FewStepGenerator.fit(patients, tmp_path / "private", student, PRIVATE)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--masks", "real"), "its masks are those of patients."),
        (("--masks", "deformed"), "its masks are those of patients, deformed."),
        ((), "its subjects have the attributes of patients."),
    ],
)
def test_following_patients_is_no_part_of_a_private_release(
    patients: Cohort, private_run: Path, tmp_path: Path, flags: tuple[str, ...], reason: str
) -> None:
    run("generate", tmp_path / "out", "--run", private_run, "--follow", patients.path, *flags, *UNSCREENED)
    assert f"1. {patients.path.name}: {reason}" in refused(tmp_path / "out", tmp_path / "given")
    assert not any(name.startswith("dp_") for name in Cohort.open(tmp_path / "out").images)


def test_patients_redrawn_as_another_scanner_shows_them_stay_patients(
    patients: Cohort, private_run: Path, tmp_path: Path
) -> None:
    asked = ("--to-scanner", "vendor=GE", "--subjects", 1, "--size", 64, "--steps", 1, "--no-screen")
    run("generate", tmp_path / "out", "--run", private_run, "--follow", patients.path, *asked)
    assert "its images are those of patients, redrawn" in refused(tmp_path / "out", tmp_path / "given")


def test_a_plan_counts_patients_and_lends_their_attributes(patients: Cohort, private_run: Path, tmp_path: Path) -> None:
    run("plan", patients.path, tmp_path / "plan", "--target", "make:diagnosis=1")
    run("generate", tmp_path / "out", "--run", private_run, "--plan", tmp_path / "plan", *UNSCREENED[2:])
    said = refused(tmp_path / "out", tmp_path / "given")
    assert "1. plan: its plan counts patients" in said
    assert "--prompt" in said


def test_a_plan_for_phantoms_asks_for_what_the_user_wants(
    phantom_cohort: Cohort, private_run: Path, tmp_path: Path
) -> None:
    run("plan", phantom_cohort.path, tmp_path / "plan", "--target", "make:sex=1")
    run("generate", tmp_path / "out", "--run", private_run, "--plan", tmp_path / "plan", *UNSCREENED[2:])
    assert [entry.artefact for entry in ledger(tmp_path / "out").entries] == ["weights"]
    asked = Plan.read(tmp_path / "plan")
    quick = GenerateSettings(size=64, sampler=SamplerSettings(steps=1), screen=ScreenSettings(enabled=False))
    sampling.generate(tmp_path / "untold", asked.requests(), Sources(private_run), quick)
    assert [e.reason for e in ledger(tmp_path / "untold").broken] == [
        "not-kept"
    ]  # who says nothing of a plan is not believed


def test_fingerprints_of_training_images_choose_by_patients(private_run: Path, tmp_path: Path) -> None:
    shutil.copytree(private_run, tmp_path / "run")
    shutil.copy(shipped("fingerprints"), tmp_path / "run" / FINGERPRINTS)
    asked = from_prompt(1, 0, {}, {}, None, "mid", "")
    quick = GenerateSettings(size=64, sampler=SamplerSettings(steps=1), screen=ScreenSettings(tries=1))
    sampling.generate(tmp_path / "out", asked, Sources(tmp_path / "run"), quick)
    said = refused(tmp_path / "out", tmp_path / "given")
    assert f"1. {FINGERPRINTS}: images were screened against fingerprints" in said


def test_anatomies_of_patients_are_theirs(patients: Cohort, private_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "anatomy.npz"
    run("train", "anatomy", patients.path, file)
    run("generate", tmp_path / "out", "--run", private_run, "--anatomy", file, *UNSCREENED)
    said = refused(tmp_path / "out", tmp_path / "given")
    assert f"1. {file.name}: its anatomies were learned from patients" in said
    assert "leave --anatomy out" in said
    AnatomyGenerator.load(file).save(tmp_path / "again.npz")  # what is saved again still knows
    run("generate", tmp_path / "more", "--run", private_run, "--anatomy", tmp_path / "again.npz", *UNSCREENED)
    assert ledger(tmp_path / "more").broken


def test_judges_of_patients_choose_by_what_they_saw(patients: Cohort, private_run: Path, tmp_path: Path) -> None:
    judges = tmp_path / "judges"
    Segmenter.fit(patients, judges / "segmenter", SegmenterSettings(filters=(4, 4, 4), size=48), LOOP)
    reads = ReaderSettings(filters=(4, 4, 4, 4), features=8, attributes=("diagnosis",))
    AttributeReader.fit(patients, judges / "reader", reads, LOOP)
    run("generate", tmp_path / "out", "--run", private_run, "--judges", judges, *FEW)
    said = refused(tmp_path / "out", tmp_path / "given")
    assert "1. segmenter: a judge that was trained on patients" in said
    assert "2. reader: a judge" in said
    run("generate", tmp_path / "unseen", "--run", private_run, "--judges", judges, *UNSCREENED)
    assert not ledger(tmp_path / "unseen").broken  # they looked at nothing


def test_frequencies_of_patients_need_a_mechanism_and_theirs_is_added(
    patients: Cohort, private_images: Path, tmp_path: Path
) -> None:
    run("recalibrate", "fit", patients.path, tmp_path / "open")
    run("recalibrate", "apply", private_images, tmp_path / "open", tmp_path / "out")
    said = refused(tmp_path / "out", tmp_path / "given")
    assert "1. open: frequencies of patients' images were measured" in said
    run("recalibrate", "fit", patients.path, tmp_path / "private", "--dp", "epsilon=4")
    run("recalibrate", "apply", private_images, tmp_path / "private", tmp_path / "better")
    kinds = [entry.artefact for entry in ledger(tmp_path / "better").mechanisms]
    assert kinds == ["weights", "number of real subjects", "recalibration"]
    alone = run("release", private_images, tmp_path / "alone", "--delta", 1e-3).stdout
    both = run("release", tmp_path / "better", tmp_path / "both", "--delta", 1e-3).stdout
    run("recalibrate", "apply", tmp_path / "alone", tmp_path / "open", tmp_path / "stamped")
    assert "dp_epsilon" in Cohort.open(tmp_path / "alone").images
    assert "dp_epsilon" not in Cohort.open(tmp_path / "stamped").images  # what was stated holds no longer
    assert epsilon_of(both) > epsilon_of(alone) + 0.5


def epsilon_of(said: str) -> float:
    return float(said.split("(", 1)[1].split(",")[0])


def test_joined_images_have_the_ledgers_of_all(
    private_images: Path, patients: Cohort, private_run: Path, tmp_path: Path
) -> None:
    run("join", tmp_path / "mixed", private_images, patients.path)
    assert f"1. {patients.path.name}: it holds images of patients" in refused(tmp_path / "mixed", tmp_path / "given")
    run("generate", tmp_path / "more", "--run", private_run, "--seed", 5, *UNSCREENED)
    run("join", tmp_path / "shards", private_images, tmp_path / "more")
    assert len(ledger(tmp_path / "shards").mechanisms) == 1  # one run, whatever is drawn from it


def test_images_of_a_run_on_patients_are_refused_however_they_are_labelled(open_run: Path, tmp_path: Path) -> None:
    run("generate", tmp_path / "out", "--run", open_run, *UNSCREENED)
    assert f"1. {open_run.name}: its weights were learned from patients" in refused(
        tmp_path / "out", tmp_path / "given"
    )
    assert "its weights were learned" in refused(open_run, tmp_path / "given")
    run("label", tmp_path / "out", tmp_path / "labelled")
    assert "its weights were learned" in refused(tmp_path / "labelled", tmp_path / "given")
    with pytest.raises(PrivacyError, match="noise that hides one of its subjects would hide no patient"):
        FlowGenerator.fit(Cohort.open(tmp_path / "out"), tmp_path / "laundered", TINY, PRIVATE)


def test_what_was_made_before_ledgers_were_kept_is_refused_unless_it_is_phantoms_or_ships(
    patients: Cohort, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    from synthcmr.cohort.cohort_ledger import cohort_ledger
    from synthcmr.training.weights_ledger import weights_ledger

    def without(cohort: Cohort) -> Cohort:
        return Cohort(cohort.path, {name: value for name, value in cohort.info.items() if name != "ledger"})

    assert not cohort_ledger(without(phantom_cohort)).entries
    assert [entry.reason for entry in cohort_ledger(without(patients)).broken] == ["not-kept"]
    assert not weights_ledger(shipped("flow")).entries
    old = Path(__file__).parents[1] / "release" / "written_by_0_1_0"
    kept = sorted(old.rglob("weights.safetensors"))
    assert kept
    assert [entry.reason for entry in weights_ledger(kept[0].parent).broken] == ["not-kept"]
