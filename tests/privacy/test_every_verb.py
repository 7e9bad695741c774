"""Every command: what of its input may have seen patients, and that `release` refuses what was made with it, by name."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cli.app import COMMANDS
from synthcmr.cohort import Cohort
from synthcmr.cohort.cohort_ledger import cohort_ledger
from synthcmr.generators.families import FAMILIES as KNOWN_FAMILIES
from synthcmr.generators.families import family as family_named
from synthcmr.generators.flow import FlowGenerator
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import SegmenterSettings
from synthcmr.privacy.ledger import EMPTY, LEDGER, OF_PATIENTS
from synthcmr.privacy.refusal_reasons import REASONS
from synthcmr.training.weights_ledger import weights_ledger
from tests.generators.making import FAMILIES, TINY, stable_diffusion
from tests.journeys.commands import ONE_STEP, all_commands, drawn_discs, parameters_of
from tests.journeys.typing_in import run
from tests.privacy.making import FEW, LOOP, UNSCREENED, refused

SEGMENTS = SegmenterSettings(filters=(4, 4, 4), size=48)
WORDS = {  # parameters in which users state something themselves, or name what to write
    *("out", "dest", "fix", "save_table", "settings", "set", "preset", "family", "dp", "slurm", "format", "size"),
    *("spacing", "splits", "include", "salt", "by", "label", "positive", "sensitive", "target", "prompt", "shard"),
    *("to_scanner", "look", "split", "where", "dataset_name", "parts", "features", "grid", "preprocess_from"),
    "balance",
}


@dataclass(frozen=True)
class World:
    """What breaks a promise, and what keeps it."""

    root: Path
    patients: Path
    open_run: Path
    private_run: Path
    private_images: Path
    phantoms: Path

    def open_images(self) -> Path:
        """One patient changed all of them."""
        return made(self.root / "open-images", lambda out: run("generate", out, "--run", self.open_run, *UNSCREENED))

    def open_judge(self) -> Path:
        """A segmenter that learned from patients."""
        folder = self.root / "open-judges" / "segmenter"
        return made(folder, lambda out: Segmenter.fit(Cohort.open(self.patients), out, SEGMENTS, LOOP))

    def people(self) -> Path:
        """Patients with splits and labels, for experiments with classifiers."""
        ledger = {LEDGER: OF_PATIENTS.to_json()}
        return made(self.root / "people", lambda out: drawn_discs(out, range(20), ledger))

    def public_people(self) -> Path:
        """The same, of whom nobody is a patient."""
        ledger = {LEDGER: EMPTY.to_json()}
        return made(self.root / "public-people", lambda out: drawn_discs(out, range(20), ledger))


def made(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that is made once."""
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        make(folder)
    return folder


@pytest.fixture(scope="module")
def world(
    patients: Cohort,
    open_run: Path,
    private_run: Path,
    private_images: Path,
    phantom_cohort: Cohort,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    root = tmp_path_factory.mktemp("world")
    return World(root, patients.path, open_run, private_run, private_images, phantom_cohort.path)


@dataclass(frozen=True)
class Break:
    """A command that is given something that saw patients without privacy, beside what is private.

    Attributes:
        make: runs it; returns what somebody would release.
        reason: that the refusal states.
        name: of the input, which the refusal names.
    """

    make: Callable[[World, Path], Path]
    reason: str
    name: Callable[[World], Path]


def ingested(w: World, out: Path) -> Path:
    run("export", w.open_images(), out / "files", "--format", "nifti")
    run("ingest", out / "files", out / "cohort", "--size", 64)
    return out / "cohort"


def ingested_with_judge(w: World, out: Path) -> Path:
    someone = Cohort.open(w.phantoms).subjects["subject_id"].iloc[0]
    run("export", w.phantoms, out / "files", "--format", "acdc", "--where", f"subject_id == '{someone}'")
    run("ingest", out / "files", out / "cohort", "--label", "--judge", w.open_judge(), "--size", 64)
    return out / "cohort"


def labelled(w: World, out: Path) -> Path:
    run("label", w.open_images(), out / "labelled")
    return out / "labelled"


def labelled_by_judge(w: World, out: Path) -> Path:
    run("label", w.private_images, out / "labelled", "--judge", w.open_judge())
    return out / "labelled"


def mended(w: World, out: Path) -> Path:
    run("doctor", w.open_images(), "--fix", out / "mended")
    return out / "mended"


def trained(w: World, out: Path) -> Path:
    FlowGenerator.fit(Cohort.open(w.patients), out / "run", TINY, LOOP)
    return out / "run"


def begun(w: World, out: Path) -> Path:
    start = TINY.model_copy(update={"start": str(w.open_run)})
    FlowGenerator.fit(Cohort.open(w.phantoms), out / "run", start, LOOP)
    return out / "run"


def judged(w: World, out: Path) -> Path:
    """By a judge that learned from patients: of images that a private run makes."""
    run("generate", out / "images", "--run", w.private_run, "--judges", judges(out, w.open_judge()), *FEW)
    return out / "images"


def judge_also(w: World, out: Path) -> Path:
    people = Cohort.open(w.patients)
    Segmenter.fit(Cohort.open(w.phantoms), out / "judge", SEGMENTS, LOOP, also=[people])
    return out / "judge"


def judge_begun(w: World, out: Path) -> Path:
    words = [word for k, v in (("filters", "[4,4,4]"), ("size", 48)) for word in ("--set", f"model.{k}={v}")]
    few = [word for k in ("steps", "batch") for word in ("--set", f"loop.{k}=2")]
    run("judge", "fit", "segmenter", w.phantoms, out / "judge", "--init-from", w.open_judge(), *words, *few)
    return out / "judge"


def judges(out: Path, segmenter: Path) -> Path:
    """A folder of judges; the reader knows nobody."""
    words = [f"--set=model.{k}={v}" for k, v in (("filters", "[4,4,4,4]"), ("features", 8), ("attributes", "[sex]"))]
    run("judge", "fit", "reader", segmenter.parents[1] / "public-people", out / "judges/reader", *words, *QUICK)
    (out / "judges" / "segmenter").symlink_to(segmenter)
    return out / "judges"


QUICK = ("--set=loop.steps=2", "--set=loop.batch=2")


def generated(*words: Callable[[World], object]) -> Callable[[World, Path], Path]:
    """By the private run, with further words."""

    def make(w: World, out: Path) -> Path:
        given = [word(w) for word in words]
        size = UNSCREENED[2:] if "--plan" in given else UNSCREENED
        run("generate", out / "images", "--run", w.private_run, *given, *size)
        return out / "images"

    return make


def said(word: str) -> Callable[[World], object]:
    return lambda w: word


def plan_of(w: World) -> Path:
    words = ("--target", "make:diagnosis=1", "--budget", 2)
    return made(w.root / "open-plan", lambda out: run("plan", w.patients, out, *words))


def anatomy_of(w: World) -> Path:
    return made(w.root / "open-anatomy.npz", lambda out: run("train", "anatomy", w.patients, out))


def recalibration_of(w: World) -> Path:
    return made(w.root / "open-recalibration", lambda out: run("recalibrate", "fit", w.patients, out))


def recalibrated(images: Callable[[World], Path], model: Callable[[World], Path]) -> Callable[[World, Path], Path]:
    def make(w: World, out: Path) -> Path:
        run("recalibrate", "apply", images(w), model(w), out / "better")
        return out / "better"

    return make


def public_recalibration(w: World) -> Path:
    return made(w.root / "public-recalibration", lambda out: run("recalibrate", "fit", w.phantoms, out))


def balanced(people: Callable[[World], Path], generator: Callable[[World], Path]) -> Callable[[World, Path], Path]:
    """The images of the first round, from which the recommended ones are joined."""

    def make(w: World, out: Path) -> Path:
        words = ("--rounds", 1, "--repeats", 1, "--round-images", 2, "--sensitive", "sex", *ONE_STEP)
        run("balance", people(w), out / "balanced", "--run", generator(w), *words)
        assert not list((out / "balanced").rglob("*.csv"))  # tables that another plan could match
        return out / "balanced" / "rounds" / "1"

    return make


def debiased(people: Callable[[World], Path], generator: Callable[[World], Path]) -> Callable[[World, Path], Path]:
    """The images that it plans and makes for its remedies."""

    def make(w: World, out: Path) -> Path:
        words = ("--repeats", 1, "--sensitive", "sex", "--set", 'remedies=["real + planned"]', *ONE_STEP)
        few = ("--set", "target_budget=2", "--set", "copies=2", "--set", "draws=100")
        with suppress(AssertionError):  # screening may leave none of so small a network's images, which ends it
            run("debias", people(w), out / "debiased", "--run", generator(w), *words, *few)
        return out / "debiased" / "synthetic" / "planned"

    return make


def joined(w: World, out: Path) -> Path:
    run("join", out / "both", w.private_images, w.patients)
    return out / "both"


def as_it_is(source: Callable[[World], Path]) -> Callable[[World, Path], Path]:
    return lambda w, out: source(w)


def patients_of(w: World) -> Path:
    return w.patients


def open_run_of(w: World) -> Path:
    return w.open_run


def open_judge_of(w: World) -> Path:
    return w.open_judge()


def public_people_of(w: World) -> Path:
    return w.public_people()


# command, action and parameter -> what happens where it has seen patients
BREAKS: dict[tuple[str, str], Break] = {
    ("ingest", "source"): Break(ingested, "weights", open_run_of),
    ("ingest", "judge"): Break(ingested_with_judge, "judge", open_judge_of),
    ("label", "source"): Break(labelled, "weights", open_run_of),
    ("label", "judge"): Break(labelled_by_judge, "judge", open_judge_of),
    ("doctor", "path"): Break(mended, "weights", open_run_of),
    ("train", "cohort"): Break(trained, "weights", lambda w: Path("run")),
    ("train", "init_from"): Break(begun, "weights", lambda w: Path("run")),
    ("train", "run"): Break(generated(said("--anatomy"), anatomy_of), "anatomy", anatomy_of),
    ("judge fit", "cohort"): Break(as_it_is(open_judge_of), "weights", open_judge_of),
    ("judge fit", "also"): Break(judge_also, "weights", lambda w: Path("judge")),
    ("judge fit", "init_from"): Break(judge_begun, "weights", lambda w: Path("judge")),
    ("judge fit", "run"): Break(judged, "judge", open_judge_of),
    ("plan", "cohort"): Break(generated(said("--plan"), plan_of), "plan", plan_of),
    ("plan", "plan"): Break(generated(said("--plan"), plan_of), "plan", plan_of),
    ("generate", "plan"): Break(generated(said("--plan"), plan_of), "plan", plan_of),
    ("generate", "follow"): Break(generated(said("--follow"), patients_of), "followed", patients_of),
    ("generate", "run"): Break(lambda w, out: w.open_images(), "weights", open_run_of),
    ("generate", "anatomy"): Break(generated(said("--anatomy"), anatomy_of), "anatomy", anatomy_of),
    ("generate", "judges"): Break(judged, "judge", open_judge_of),
    ("generate", "recalibrate"): Break(
        generated(said("--recalibrate"), recalibration_of), "recalibration", recalibration_of
    ),
    ("recalibrate fit", "images"): Break(
        recalibrated(lambda w: w.private_images, recalibration_of), "recalibration", recalibration_of
    ),
    ("recalibrate apply", "images"): Break(
        recalibrated(World.open_images, public_recalibration), "weights", open_run_of
    ),
    ("recalibrate apply", "model"): Break(
        recalibrated(lambda w: w.private_images, recalibration_of), "recalibration", recalibration_of
    ),
    ("debias", "cohort"): Break(debiased(World.people, lambda w: w.private_run), "plan", lambda w: Path("planned")),
    ("debias", "run"): Break(debiased(public_people_of, open_run_of), "weights", open_run_of),
    ("balance", "cohort"): Break(balanced(World.people, lambda w: w.private_run), "plan", lambda w: Path("round-1")),
    ("balance", "run"): Break(balanced(public_people_of, open_run_of), "weights", open_run_of),
    ("join", "cohorts"): Break(joined, "patients", patients_of),
    ("export", "cohort"): Break(ingested, "weights", open_run_of),
    ("release", "source"): Break(as_it_is(patients_of), "patients", patients_of),
}
# what is made anew of what is private alone, and what its ledger then holds
HONEST: dict[str, tuple[Callable[[World, Path], Path], list[str]]] = {
    "balance": (balanced(public_people_of, lambda w: w.private_run), ["weights"]),
    "debias": (debiased(public_people_of, lambda w: w.private_run), ["weights"]),
    "recalibrate apply": (recalibrated(lambda w: w.private_images, public_recalibration), ["weights"]),
}
PAGES = {  # what they write are pages and scores, of which there is no release; their input stays as it is
    *("phantom", "info", "audit", "families", "judge score", "spectrum", "evaluate", "report", "demo"),
}
ONLY_SCORED = {("debias", "synthetic_copy"), ("debias", "planned")}  # given cohorts, which stay where they are


def names() -> Iterator[tuple[str, str]]:
    """Every command with its action."""
    for name, actions in all_commands().items():
        for action in actions or [""]:
            yield name, f"{name} {action}".strip()


def takes_text(annotation: object) -> bool:
    return "Path" in str(annotation) or "str" in str(annotation).split("typer")[0]


def test_every_command_and_every_input_is_in_the_table() -> None:
    listed = {command for command, _ in BREAKS}
    for name, command in names():
        assert (command in listed) != (command in PAGES), f"{command}: say what breaks its promise, or that it has none"
        if command in PAGES:
            continue
        of_command = {parameter for other, parameter in BREAKS if other.split()[0] == name}
        scored = {parameter for other, parameter in ONLY_SCORED if other == name}
        taken = {k for k, p in parameters_of(COMMANDS[name][1]).items() if takes_text(p.annotation)}
        assert taken <= of_command | scored | WORDS, f"{command}: which of these have seen patients?"


def test_every_family_of_generators_is_in_the_table() -> None:
    # which begin from others: tests/privacy/test_breaks.py, tests/generators/test_refine_once.py
    students = {"few-step", "refine-once"}
    assert {name for name, _ in FAMILIES.values()} | {"stable"} | students == set(KNOWN_FAMILIES)


@pytest.mark.parametrize(("command", "parameter"), BREAKS, ids=lambda word: word)
def test_an_input_that_saw_patients_is_named_and_refused(
    command: str, parameter: str, world: World, tmp_path: Path
) -> None:
    one = BREAKS[command, parameter]
    world.public_people()
    (tmp_path / "work").mkdir()
    source = one.make(world, tmp_path / "work")
    refusal = refused(source, tmp_path / "given")
    named = [line for line in refusal.splitlines() if f"{one.name(world).name}: " in line]
    assert any(REASONS[one.reason].sentence in line for line in named), refusal


@pytest.mark.parametrize("command", HONEST)
def test_what_is_private_is_composed(command: str, world: World, tmp_path: Path) -> None:
    make, artefacts = HONEST[command]
    ledger = cohort_ledger(Cohort.open(make(world, tmp_path)))
    assert not ledger.broken
    assert [entry.artefact for entry in ledger.mechanisms] == artefacts


@pytest.mark.parametrize("kind", [*FAMILIES, "stable"])
def test_weights_of_every_family_say_whom_they_learned_from(kind: str, world: World, tmp_path: Path) -> None:
    if kind == "stable":
        base = {"base": str(stable_diffusion(tmp_path / "base")), "resolution": 64}
        name, settings = kind, family_named(kind).settings("cpu")[0].model_copy(update=base)
    else:
        name, settings = FAMILIES[kind]
    family_named(name).fit(Cohort.open(world.patients), tmp_path / "run", settings, LOOP)
    assert "weights" in {entry.reason for entry in weights_ledger(tmp_path / "run").broken}
    assert synthcmr.load_generator(tmp_path / "run").family == name
