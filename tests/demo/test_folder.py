"""The record of a demo survives, and nothing else is touched."""

from pathlib import Path

import pytest

from synthcmr.demo.folder import DemoFolder
from synthcmr.demo.size import FULL, QUICK
from synthcmr.errors import CohortError
from synthcmr.verbs.outputs import DEMO

STEPS = {"phantom": "digital subjects", "audit": "who is missing?"}


def opened(out: Path, size: object = QUICK, said: list[str] | None = None) -> DemoFolder:
    return DemoFolder(out, size, STEPS, (said if said is not None else []).append)  # type: ignore[arg-type]


def test_steps_and_results_are_there_the_next_time(tmp_path: Path) -> None:
    said: list[str] = []
    first = opened(tmp_path / "d", said=said)
    with first.step("audit"):
        pass
    first.note_results(["one", "two"])
    again = opened(tmp_path / "d")
    assert set(again.seconds) == {"audit"}
    assert again.sentences == ("one", "two")
    assert said == ["2/2 audit: who is missing?"]


def test_a_step_that_is_taken_as_it_is_keeps_the_time_that_it_took_first(tmp_path: Path) -> None:
    folder = opened(tmp_path / "d")
    with folder.step("audit"):
        pass
    folder._record["steps"]["audit"] = 77.0
    with folder.step("audit"):
        pass
    assert folder.seconds == {"audit": 77.0}


def test_a_step_that_fails_is_not_finished(tmp_path: Path) -> None:
    folder = opened(tmp_path / "d")
    with pytest.raises(RuntimeError), folder.step("audit"):
        raise RuntimeError
    assert opened(tmp_path / "d").seconds == {}


def test_a_demo_of_another_size_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "d")
    with pytest.raises(CohortError, match="another size"):
        opened(tmp_path / "d", FULL)


def test_folders_of_somebody_else_are_neither_used_nor_cleared(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CohortError, match="other files"):
        opened(tmp_path)
    assert DEMO.others(tmp_path) == ["thesis.txt"]
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_demo_knows_its_own_files_from_those_of_somebody_else(tmp_path: Path) -> None:
    opened(tmp_path)
    for name in (
        "cohort/cohort.json",
        "plan/plan.html",
        "scores/parts/fidelity.json",
        "index.html",
        "notes.txt",
        "dicom/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    assert DEMO.is_at(tmp_path)
    assert sorted(DEMO.others(tmp_path)) == ["dicom/x", "notes.txt"]


def test_splits_of_a_demo_add_up() -> None:
    for size in (FULL, QUICK, QUICK.model_copy(update={"subjects": 21})):
        assert sum(size.splits.values()) == size.subjects


@pytest.mark.parametrize("text", ['{"settings": [', "[1]", "[" * 100_000, "\x00"])
def test_a_damaged_record_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/demo.json").write_text(text)
    with pytest.raises(CohortError, match=r"d/demo\.json: expected"):
        opened(tmp_path / "d")
