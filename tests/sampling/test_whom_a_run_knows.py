"""People are drawn as the generator of images knows them."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.flow.generator import FlowGenerator
from tests.generators.making import LOOP, TINY
from tests.journeys.typing_in import run


@pytest.fixture(scope="module")
def narrow(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that has seen one diagnosis alone."""
    only = str(phantom_cohort.subjects.loc[phantom_cohort.subjects["split"] == "train", "diagnosis"].mode()[0])
    folder = tmp_path_factory.mktemp("narrow") / "flow"
    FlowGenerator.fit(phantom_cohort.select(diagnosis=[only]), folder, TINY, LOOP)
    return folder, only


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
