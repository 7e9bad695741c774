"""What a demo has finished survives, and nothing else is touched."""

from pathlib import Path

import pytest

from synthcmr.demo.record import RECORD, Record, clear
from synthcmr.demo.settings import FULL, QUICK
from synthcmr.errors import CohortError


def test_steps_and_sentences_are_there_the_next_time(tmp_path: Path) -> None:
    first = Record(tmp_path / "d", QUICK)
    first.finish("phantom", 12.34)
    first.tell(["one", "two"])
    again = Record(tmp_path / "d", QUICK)
    assert again.seconds == {"phantom": 12.3}
    assert again.sentences == ("one", "two")


def test_a_demo_of_another_size_is_refused(tmp_path: Path) -> None:
    Record(tmp_path / "d", QUICK)
    with pytest.raises(CohortError, match="another size"):
        Record(tmp_path / "d", FULL)


def test_folders_of_somebody_else_are_neither_used_nor_cleared(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(CohortError, match="other files"):
        Record(tmp_path, QUICK)
    with pytest.raises(CohortError, match="other files"):
        clear(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_clearing_removes_what_the_demo_made_alone(tmp_path: Path) -> None:
    Record(tmp_path, QUICK)
    (tmp_path / "cohort").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    clear(tmp_path)
    assert not (tmp_path / RECORD).exists()
    assert not (tmp_path / "cohort").exists()
    assert (tmp_path / "notes.txt").exists()


def test_splits_of_a_demo_add_up() -> None:
    for size in (FULL, QUICK, QUICK.model_copy(update={"subjects": 21})):
        assert sum(size.splits.values()) == size.subjects
