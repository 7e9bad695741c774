"""With `overwrite` the new result is built beside the old one, which stays as it is until the new one is whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from unittest.mock import patch

import pytest

import synthcmr
from synthcmr.cohort import Cohort, output_place
from synthcmr.errors import SynthcmrError
from synthcmr.verbs.ingest import save_guessed_table
from tests.journeys.commands import Bench, drawn_discs
from tests.journeys.typing_in import run


def made(out: Path, seed: int = 1, overwrite: bool = False) -> Cohort:
    """A cohort that is made in no time, of people whom the seed decides."""
    return synthcmr.join(out, [people(seed)], overwrite=overwrite)


@pytest.fixture(autouse=True, scope="module")
def _people_are_there_before_anything_is_made_to_fail() -> None:
    for seed in (1, 2, 3, 7):
        people(seed)


@cache
def people(seed: int) -> Cohort:
    return drawn_discs(Path(mkdtemp()) / "people", range(10 * seed, 10 * seed + 2))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_error_leaves_the_old_output_byte_for_byte(tmp_path: Path) -> None:
    made(tmp_path / "c")
    before = files_of(tmp_path)
    with (
        patch("synthcmr.cohort.writer.write_table", side_effect=OSError(28, "No space left on device")),
        pytest.raises(SynthcmrError),
    ):
        made(tmp_path / "c", seed=2, overwrite=True)
    assert files_of(tmp_path / "c") == {k.removeprefix("c/"): v for k, v in before.items()}
    again = made(tmp_path / "c", seed=2, overwrite=True)
    assert again.hash == made(tmp_path / "fresh", seed=2).hash
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "fresh"]


def test_what_another_command_left_unfinished_is_not_in_the_way(tmp_path: Path) -> None:
    made(tmp_path / "c")
    with patch("synthcmr.cohort.writer.write_table", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        made(tmp_path / "c", seed=2, overwrite=True)
    assert (tmp_path / ".c.writing/c/.unfinished").exists()
    assert made(tmp_path / "c", seed=3, overwrite=True).hash == made(tmp_path / "fresh", seed=3).hash
    assert not (tmp_path / ".c.writing").exists()


def test_results_name_their_place_and_never_where_they_were_built(tmp_path: Path) -> None:
    real, other = made(tmp_path / "real"), made(tmp_path / "other", seed=7)
    for _ in range(2):
        synthcmr.fit_recalibration(real, tmp_path / "truth", split="all", overwrite=True)
        synthcmr.recalibrate(other, tmp_path / "truth", tmp_path / "better", overwrite=True)
        synthcmr.plan(real, tmp_path / "plan", target="copy:2", overwrite=True)
        synthcmr.export(real, tmp_path / "files", format="png", overwrite=True)
    text = b"".join(content for name, content in files_of(tmp_path).items() if not name.endswith(".parquet"))
    assert b".writing" not in text
    assert b'"../truth"' in text  # the way from where it is


STOPPED = """
import os, signal, sys
import synthcmr
from synthcmr.cohort import output_place
from pathlib import Path

renames = []
rename = os.rename
def counted(a, b):
    renames.append(a)
    if len(renames) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    rename(a, b)
output_place.os.rename = counted
synthcmr.join(sys.argv[1], [sys.argv[3]], overwrite=True)
"""


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_around_the_exchange_leaves_one_of_the_two_whole(tmp_path: Path, at: int) -> None:
    old = made(tmp_path / "c").hash
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(tmp_path / "c"), str(at), str(people(2).path)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    said = run("info", tmp_path / "c").stdout  # any next call heals
    assert "2 subject" in said
    assert (Cohort.open(tmp_path / "c").hash == old) == (at == 1)
    again = made(tmp_path / "c", seed=2, overwrite=True)
    assert again.hash == made(tmp_path / "fresh", seed=2).hash
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "fresh"]


def test_one_process_at_a_time_replaces_an_output(tmp_path: Path) -> None:
    made(tmp_path / "c")
    with output_place.claimed(tmp_path / "c"):
        for overwrite in (False, True):
            with pytest.raises(SynthcmrError, match=r"c: another synthcmr process is writing this folder"):
                made(tmp_path / "c", seed=2, overwrite=overwrite)


def test_somebody_elses_file_is_never_removed_whatever_lies_there(tmp_path: Path) -> None:
    real, targets = made(tmp_path / "real"), iter(("copy:1", "copy:2"))  # the very same plan would be left as it is
    makers = {
        "plan": lambda: synthcmr.plan(real, tmp_path / "plan", target=next(targets), overwrite=True),
        "files": lambda: synthcmr.export(real, tmp_path / "files", format="png", overwrite=True),
        "truth": lambda: synthcmr.fit_recalibration(real, tmp_path / "truth", split="all", overwrite=True),
        "pngs": lambda: synthcmr.recalibrate(
            tmp_path / "files/images", tmp_path / "truth", tmp_path / "pngs", spacing=6.0, overwrite=True
        ),
    }
    for name, make in makers.items():
        make()
        inside = next((p for p in (tmp_path / name).rglob("*") if p.is_dir()), tmp_path / name)
        (inside / "notes.txt").write_text("mine")
        before = files_of(tmp_path / name)
        with pytest.raises(SynthcmrError, match=rf"--overwrite .*{name}: .*got also .*notes\.txt"):
            make()
        assert files_of(tmp_path / name) == before
        (inside / "notes.txt").unlink()


def test_an_export_that_was_cut_short_is_not_there(tmp_path: Path) -> None:
    real = made(tmp_path / "real")
    with (
        patch("synthcmr.cohort.writers.nifti.write_csv", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        synthcmr.export(real, tmp_path / "files", format="nifti")
    assert not (tmp_path / "files").exists()
    assert synthcmr.export(real, tmp_path / "files", format="nifti").written.subjects == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["files", "real"]
    listed = json.loads((tmp_path / "files/provenance.json").read_text())["files"]
    assert {*listed, "provenance.json"} == {*files_of(tmp_path / "files")}
    assert os.listdir(tmp_path / "files")


def test_files_of_somebody_else_are_not_written_over(tmp_path: Path, bench: Bench) -> None:
    (tmp_path / "thesis.npz").write_bytes(b"years of work")
    with pytest.raises(SynthcmrError, match=r"thesis\.npz: expected a new file, or an anatomy generator to replace"):
        synthcmr.train("anatomy", bench.people, tmp_path / "thesis", overwrite=True)
    (tmp_path / "table.csv").write_text("mine")
    (tmp_path / "niftis").mkdir()
    for name in ("p1_ED.nii.gz", "p1_ED_gt.nii.gz"):
        shutil.copy(next(bench.acdc.rglob("*frame01.nii.gz")), tmp_path / "niftis" / name)
    with pytest.raises(SynthcmrError, match=r"table\.csv: expected the name of a new file"):
        save_guessed_table(tmp_path / "niftis", tmp_path / "table.csv")
    assert (tmp_path / "thesis.npz").read_bytes() + (tmp_path / "table.csv").read_bytes() == b"years of workmine"
