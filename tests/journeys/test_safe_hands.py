"""No command loses anything, whatever is wrong with its output: swept over all commands, so that a new one cannot be forgotten."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from synthcmr.cli.app import COMMANDS
from synthcmr.cohort.output_place import claimed
from tests.journeys.commands import TYPED, WITHOUT_OUTPUT, Bench, Typed, all_commands, files_of, replaceable
from tests.journeys.typing_in import Done, run

NAMES = list(TYPED)
OVERWRITING = [name for name, one in TYPED.items() if one.old is not None]


@pytest.fixture(scope="module")
def inputs(bench: Bench) -> Iterator[dict[str, bytes]]:
    """Everything that commands are given; it must be the same when all have ended."""
    before = files_of(bench.root)
    yield before
    assert files_of(bench.root) == before


def refused(words: list[object]) -> str:
    """The one sentence with which a command ends that cannot do what it was asked."""
    done: Done = run(*words, ok=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith(("Error: ", "│ "))]
    assert errors, done.stderr
    return " ".join(" ".join(errors).split())


def test_every_command_and_action_is_in_the_table() -> None:
    expected = {f"{name} {action}" for name, actions in all_commands().items() for action in actions}
    expected |= {name for name, actions in all_commands().items() if not actions}
    known = {*TYPED, *WITHOUT_OUTPUT}
    assert expected <= known, "a command without an entry in tests/journeys/commands.py"
    assert {name.split()[0] for name in known} == set(COMMANDS)
    assert replaceable() == {name.split()[0] for name in OVERWRITING}


@pytest.mark.parametrize("name", NAMES)
def test_an_output_whose_place_is_taken_is_refused_and_nothing_changes(
    name: str, bench: Bench, inputs: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("years of work")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    before = files_of(tmp_path)
    for out in (tmp_path / "file", tmp_path / "file/below", tmp_path / "link", tmp_path / ("long" * 80)):
        for more in ([], ["--overwrite"] if TYPED[name].old else []):
            said = refused([*TYPED[name].words(bench, out), *more])
            assert str(out)[:80] in said.replace(" ", ""), said
    assert files_of(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("name", NAMES)
def test_an_output_that_is_an_input_or_holds_one_is_refused(name: str, bench: Bench, inputs: dict[str, bytes]) -> None:
    typed = TYPED[name]
    places = [bench.root / one for one in typed.inputs] + ([bench.root] if typed.inputs else [])
    places += [] if typed.inside else [bench.root / typed.inputs[0] / "below"]
    for out in places:
        for more in ([], ["--overwrite"] if typed.old else []):
            refused([*typed.words(bench, out), *more])
    if typed.inputs:
        assert files_of(bench.root) == inputs


@contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A small disk in memory."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"needs to mount a disk of some kB, which this user or machine may not: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_said_in_a_sentence_by_every_command(
    bench: Bench, inputs: dict[str, bytes], tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "size=4k"):
        for name, typed in TYPED.items():
            if typed.short:  # the others are refused below, before minutes of work
                said = refused(list(typed.words(bench, tmp_path / "disk" / "out")))
                assert "the disk is full" in said, (name, said)
                assert ".writing" not in said, (name, said)
                subprocess.run(f"rm -rf {tmp_path}/disk/* {tmp_path}/disk/.out*", shell=True, check=True)


def test_a_disk_without_room_for_one_folder_is_said_before_any_work(
    bench: Bench, inputs: dict[str, bytes], tmp_path: Path
) -> None:
    with mounted(tmp_path / "disk", "nr_inodes=1"):
        for name, typed in TYPED.items():
            if typed.claims:
                assert "the disk is full" in refused(list(typed.words(bench, tmp_path / "disk/out"))), name


def test_a_read_only_disk_is_said_before_any_work(bench: Bench, inputs: dict[str, bytes], tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k"):
        (tmp_path / "disk/there").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)
        for name, typed in TYPED.items():
            for out in (tmp_path / "disk/new", tmp_path / "disk/there"):
                assert "is read-only; choose another place" in refused(list(typed.words(bench, out))), name


def test_a_folder_that_nobody_may_change_is_said(bench: Bench, inputs: dict[str, bytes], tmp_path: Path) -> None:
    fixed = tmp_path / "fixed"
    fixed.mkdir()
    done = subprocess.run(["chattr", "+i", fixed], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"root may write into any folder here but one with chattr +i: {done.stderr.strip()}")
    try:
        for name, typed in TYPED.items():
            if typed.claims:
                said = refused(list(typed.words(bench, fixed / "out")))
                assert "fixed is read-only; choose another place" in said, (name, said)
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)


@pytest.mark.parametrize("name", [name for name, one in TYPED.items() if one.claims])
def test_two_at_once_are_one_after_the_other(name: str, bench: Bench, inputs: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with claimed(out):
        assert "another synthcmr process is writing this folder" in refused(list(TYPED[name].words(bench, out)))
    old = TYPED[name].old
    if old is not None:
        old(bench, out)
        before = files_of(out)
        with claimed(out):
            refused([*TYPED[name].words(bench, out), "--overwrite"])
        assert files_of(out) == before


@pytest.mark.parametrize("name", OVERWRITING)
def test_overwriting_with_anything_wrong_leaves_the_old_output(
    name: str, bench: Bench, inputs: dict[str, bytes], tmp_path: Path
) -> None:
    typed, out = TYPED[name], tmp_path / "out"
    assert typed.old is not None
    typed.old(bench, out)
    before = files_of(tmp_path)
    gone = tuple(_without(typed, bench, out, one) for one in typed.inputs)
    for words in (*gone, *([*typed.words(bench, out), *spoil] for spoil in typed.spoils)):
        refused([*words, "--overwrite"])
        assert files_of(tmp_path) == before, words
    if name != "spectrum":  # which removes nothing: it writes its page over the one that is there
        (out / "notes.txt").write_text("mine")
        assert "notes.txt" in refused([*typed.words(bench, out), "--overwrite"])
        assert files_of(tmp_path) == before | {"out/notes.txt": b"mine"}
        (out / "notes.txt").unlink()
        out.rename(tmp_path / "real")
        out.symlink_to(tmp_path / "real")
        assert "got a link to one" in refused([*typed.words(bench, out), "--overwrite"])
        assert files_of(tmp_path / "real") == {n.removeprefix("out/"): b for n, b in before.items()}


def test_overwriting_without_a_package_that_is_needed_leaves_the_old_output(
    bench: Bench, inputs: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, out = TYPED["train"], tmp_path / "out"
    assert train.old is not None
    train.old(bench, out)
    before = files_of(tmp_path)
    for package in ("opacus", "opacus.accountants", "dp_accounting", "dp_accounting.pld"):
        monkeypatch.setitem(sys.modules, package, None)
    words = [bench.public if word == bench.people else word for word in train.words(bench, out)]
    assert "pip install 'synthcmr[dp]'" in refused([*words, "--dp", "epsilon=8,delta=1e-3", "--overwrite"])
    assert files_of(tmp_path) == before


def _without(typed: Typed, bench: Bench, out: Path, missing: str) -> list[object]:
    """The command where one of its inputs is not there."""
    return [bench.root / "nowhere" if word == bench.root / missing else word for word in typed.words(bench, out)]


def test_an_experiment_that_was_refused_at_once_does_not_refuse_the_next(bench: Bench, tmp_path: Path) -> None:
    one = ["debias", bench.people, tmp_path / "out", "--no-synthetic", "--repeats", 1]
    for more in (["--set", "loop.steps=1"], ["--set", "loop.steps=2"]):
        assert "take all with --set slices=all" in refused([*one, *more])
