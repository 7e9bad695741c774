"""A command that is killed outright at any stage, and repeated, ends as if nothing had happened; an old output is never half gone."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.journeys.commands import TYPED, Bench, files_of
from tests.journeys.typing_in import run

CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
# Moments and times differ from run to run, and with them the checksum of what holds them.
PASSING = re.compile(
    rb'"(created|seconds|seconds_per_image|peak_mb|provenance\.json|metrics\.jsonl|checksum)": ?"?[^,"}\n]*"?'
)
SHORT = [name for name, typed in TYPED.items() if typed.short]
OF_SECONDS = [
    "label",
    "generate",
    "generate and recalibrate",
    "evaluate",
    "debias",
    "balance",
]  # killed once, in the middle
# The demo is killed where it is tested by itself.


def in_child(words: Sequence[object], below: Path, kill_at: int | None, counted: Path) -> int:
    """Type a command in a child process, which kills itself when it changes files below a folder for the n-th time."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    seen = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if (writes or event in CHANGES) and str(arguments[0]).startswith(str(below)):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    status = 3
    try:
        sys.addaudithook(watch)
        run(*words)
        counted.write_text(json.dumps(seen))
        status = 0
    finally:
        os._exit(status)


def stages(words: Callable[[Path], Sequence[object]], whole: Path, place: Path) -> list[int]:
    """Make the unbroken result, and choose at which of its changes others are killed: in the middle, and around the end."""
    counted = place / "counted"
    assert in_child(words(whole), whole.parent, None, counted) == 0
    changes = int(counted.read_text())
    return sorted({changes // 2, changes - 3, changes - 1} - {0})


def lasting(folder: Path, name: str) -> dict[str, bytes]:
    """What a folder holds that is the same in every run."""
    return {
        file: PASSING.sub(b"", content).replace(str(folder).encode(), b"OUT").replace(name.encode(), b"OUT")
        for file, content in files_of(folder).items()
        if not file.endswith((".html", "checkpoint.pt"))  # checkpoints hold what is compared elsewhere, zipped
    }


@pytest.mark.parametrize("name", [*SHORT, *OF_SECONDS])
def test_killed_at_any_stage_and_repeated_it_ends_as_if_nothing_had_happened(
    name: str, bench: Bench, tmp_path: Path
) -> None:
    def words(out: Path) -> Sequence[object]:
        return TYPED[name].words(bench, out)

    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole/out"
    chosen = stages(words, whole, tmp_path)
    for stage in chosen if name in SHORT else chosen[:1]:
        place = tmp_path / f"killed{stage}"
        place.mkdir()
        status = in_child(words(place / "out"), place, stage, tmp_path / "counted")
        assert os.WTERMSIG(status) == signal.SIGKILL
        finished = (
            name in ("export", "release") and (place / "out").exists()
        )  # killed after all; it is not taken for a new one
        run(*words(place / "out"), ok=not finished)
        assert lasting(place / "out", str(place)) == lasting(whole, str(whole.parent)), (name, stage)
        assert [p.name for p in place.iterdir()] == ["out"], (name, stage)


# Phantoms are written as every cohort is, and take longer to draw.
REPLACED = [name for name in SHORT if TYPED[name].old is not None and TYPED[name].claims and name != "phantom"]


@pytest.mark.parametrize("name", REPLACED)
def test_killed_while_it_replaces_an_output_leaves_the_old_or_the_new_one(
    name: str, bench: Bench, tmp_path: Path
) -> None:
    old = TYPED[name].old
    assert old is not None

    def words(out: Path) -> Sequence[object]:
        if not out.exists():
            old(bench, out)
        return [*TYPED[name].words(bench, out), "--overwrite"]

    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole/out"
    for stage in stages(words, whole, tmp_path):
        place = tmp_path / f"killed{stage}"
        place.mkdir()
        typed = words(place / "out")
        before = files_of(place / "out")
        in_child(typed, place, stage, tmp_path / "counted")
        if (place / "out").exists():  # between the two renames it is beside, and any next call brings it back
            after = files_of(place / "out")
            assert after == before or lasting(place / "out", str(place)) == lasting(whole, str(whole.parent)), (
                name,
                stage,
            )
        run(*typed)
        assert lasting(place / "out", str(place)) == lasting(whole, str(whole.parent)), (name, stage)
        assert [p.name for p in place.iterdir()] == ["out"], (name, stage)
