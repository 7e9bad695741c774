"""`overwrite` replaces what synthcmr wrote, and never anything else."""

import shutil
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import SynthcmrError
from tests.journeys.commands import Bench


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def place(bench: Bench, tmp_path: Path) -> Path:
    """A folder as people have it: a cohort, a text of their own, and a folder that happens to be called synthetic."""
    shutil.copytree(bench.people, tmp_path / "place/cohort")
    (tmp_path / "place/synthetic").mkdir()
    (tmp_path / "place/synthetic/mine.txt").write_text("mine")
    (tmp_path / "place/thesis.txt").write_text("years of work")
    return tmp_path / "place"


@pytest.mark.parametrize("verb", ["debias", "balance"])
def test_an_experiment_never_removes_a_folder_that_merely_holds_one_called_synthetic(place: Path, verb: str) -> None:
    before = files_of(place)
    with pytest.raises(SynthcmrError, match="expected a folder apart from what it is made from, but it holds"):
        getattr(synthcmr, verb)(place / "cohort", place, label="diagnosis", sensitive=("sex",), overwrite=True)
    assert files_of(place) == before
    other = place.parent / "other"
    shutil.copytree(place / "synthetic", other / "synthetic")
    (other / "notes.txt").write_text("mine")
    with pytest.raises(SynthcmrError, match=r"expected an empty or new folder, got .*notes\.txt"):
        getattr(synthcmr, verb)(place / "cohort", other, label="diagnosis", sensitive=("sex",), overwrite=True)
    assert (other / "synthetic/mine.txt").exists()


def test_an_output_that_is_an_input_is_refused_and_stays(place: Path) -> None:
    cohort, before = place / "cohort", files_of(place)
    for call in (
        lambda: synthcmr.join(cohort, [cohort], overwrite=True),
        lambda: synthcmr.label(cohort, cohort, overwrite=True),
        lambda: synthcmr.generate(cohort, follow=cohort, masks="real", count=1, overwrite=True),
        lambda: synthcmr.join(place, [cohort], overwrite=True),
    ):
        with pytest.raises(SynthcmrError):
            call()
        assert files_of(place) == before


def test_a_cohort_with_somebody_elses_file_in_it_is_not_replaced(place: Path) -> None:
    (place / "cohort/notes.txt").write_text("mine")
    before = files_of(place)
    with pytest.raises(SynthcmrError, match=r"--overwrite .*cohort: .*got also notes\.txt"):
        synthcmr.make_phantoms(place / "cohort", subjects=1, overwrite=True)
    assert files_of(place) == before
    (place / "link").symlink_to(place / "cohort")
    (place / "cohort/notes.txt").unlink()
    with pytest.raises(SynthcmrError, match="got a link"):
        synthcmr.make_phantoms(place / "link", subjects=1, overwrite=True)


def test_a_cohort_as_it_was_written_is_replaced(tmp_path: Path) -> None:
    for seed in (1, 2):
        result = synthcmr.make_phantoms(
            tmp_path / "c", subjects=1, seed=seed, size=64, spacing=3.0, workers=1, overwrite=True
        )
    assert Cohort.open(tmp_path / "c").hash == result.hash
