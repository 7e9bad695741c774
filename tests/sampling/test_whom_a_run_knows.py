"""People are drawn as the generator of images knows them."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.flow import FlowGenerator
from tests.generators.making import LOOP, TINY
from tests.journeys.typing_in import run


@pytest.fixture(scope="module")
def narrow(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that has seen one diagnosis alone."""
    only = str(phantom_cohort.subjects.loc[phantom_cohort.subjects["split"] == "train", "diagnosis"].mode()[0])
    folder = tmp_path_factory.mktemp("narrow") / "flow"
    FlowGenerator.fit(phantom_cohort.select(diagnosis=[only]), folder, TINY, LOOP)
    return folder, only


@pytest.fixture(scope="module")
def beginner(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that draws noise: nothing of it passes the screening."""
    folder = tmp_path_factory.mktemp("beginner") / "flow"
    FlowGenerator.fit(phantom_cohort, folder, TINY, LOOP)
    return folder


def test_who_is_not_asked_for_is_somebody_the_run_has_seen(narrow: tuple[Path, str], tmp_path: Path) -> None:
    folder, only = narrow
    run("generate", tmp_path / "out", "--run", folder, "-n", 6, "--size", 64, "--steps", 1, "--no-screen")
    assert set(Cohort.open(tmp_path / "out").subjects["diagnosis"]) == {only}


def test_who_is_asked_for_by_name_must_be_known(narrow: tuple[Path, str], tmp_path: Path) -> None:
    folder, only = narrow
    other = "DCM" if only != "DCM" else "HCM"
    words = ("--prompt", other, "--size", 64, "--no-screen")
    done = run("generate", tmp_path / "out", "--run", folder, "-n", 1, *words, ok=False)
    assert f"diagnosis '{other}': the generator has not seen it; it knows {only}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_made_nothing_fails_and_says_what_to_do(narrow: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = narrow
    done = run("generate", tmp_path / "out", "--run", folder, "-n", 1, "--steps", 1, "--size", 64, ok=False)
    assert "--no-screen" in done.stderr
    assert done.returncode == 1


def _made(out: Path, prompt: str, *more: object) -> tuple[Cohort, str]:
    done = run("generate", out, "--prompt", prompt, "-n", 8, "--size", 64, "--steps", 1, "--no-screen", *more)
    return Cohort.open(out), done.stdout


def test_a_denied_diagnosis_is_not_drawn(tmp_path: Path) -> None:
    made, said = _made(tmp_path / "out", "woman, no heart failure")
    assert not {"DCM", "HFpEF"} & set(made.subjects["diagnosis"])
    assert "'no heart failure': nobody is drawn with" in said
    other, _ = _made(tmp_path / "other", "heart failure, not DCM")
    assert set(other.subjects["diagnosis"]) == {"HFpEF"}


def test_who_has_a_denied_diagnosis_is_not_followed(phantom_cohort: Cohort, tmp_path: Path) -> None:
    there = set(phantom_cohort.subjects["diagnosis"])
    denied = sorted(there & {"DCM", "HCM", "HTN", "MINF"})[0]
    made, _ = _made(tmp_path / "out", f"not {denied}", "--follow", phantom_cohort.path, "--masks", "real")
    assert set(made.subjects["diagnosis"]) <= there - {denied}


def test_nobody_is_left_where_the_only_known_diagnosis_is_denied(narrow: tuple[Path, str], tmp_path: Path) -> None:
    folder, only = narrow
    done = run("generate", tmp_path / "out", "--run", folder, "--prompt", f"man, not {only}", "-n", 1, ok=False)
    assert done.returncode == 2
    assert f"the generator knows {only}" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_diagnosis_that_is_not_understood_is_told_which_are_known(tmp_path: Path) -> None:
    _, said = _made(tmp_path / "out", "man, amyloidosis")
    assert "not understood, left out: amyloidosis" in said
    assert "those that the generator knows are DCM, HCM, HFpEF, HTN, MINF, NOR, RV" in said


@pytest.mark.parametrize(("prompt", "far"), [("DCM, EF 75 %", True), ("DCM, EF 28 %", False)])
def test_where_nothing_passed_numbers_far_from_the_diagnosis_are_told_first(
    prompt: str, far: bool, beginner: Path, tmp_path: Path
) -> None:
    words = ("--run", beginner, "--prompt", prompt, "-n", 1, "--steps", 1, "--size", 64)
    done = run("generate", tmp_path / "out", *words, ok=False)
    assert done.returncode == 1
    assert ("The diagnosis was not seen" in done.stderr) == far
    assert ("LVEF 75 %, where 95 % of such people have" in done.stderr) == far
