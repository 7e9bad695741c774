"""Typing commands of ours, in this process: one of its own would spend most of its time on imports."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pytest

from synthcmr.cli.app import main

ONE_PROCESS = {
    "phantom",
    "ingest",
    "label",
}  # these take a process a core where nothing is said, and the cores are taken by tests
SYNTHCMR = [sys.executable, "-m", "synthcmr"]


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: object, ok: bool = True) -> Done:
    """Type a command; its output is shown when it ends otherwise than expected."""
    alone = ["--workers", "1"] if words[0] in ONE_PROCESS else []
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["synthcmr", *map(str, words), *alone]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    done = Done(code, out.getvalue(), err.getvalue())
    assert (done.returncode == 0) == ok, done.stdout + done.stderr
    return done


def run_apart(*words: object) -> Done:
    """The same in a process of its own, for what concerns the process."""
    done = subprocess.run([*SYNTHCMR, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def real_data(part: str) -> Path:
    """A folder of real data, or a skipped test."""
    folder = os.environ.get("SYNTHCMR_TEST_DATA")
    if not folder:
        pytest.skip("SYNTHCMR_TEST_DATA is not set: it names a folder with acdc/ and sunnybrook/")
    path = Path(folder) / part
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path
