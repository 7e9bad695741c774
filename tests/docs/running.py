"""Runs the blocks of a page as a reader would type them: in order, in one folder."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from synthcmr.cli.app import app
from synthcmr.errors import SynthcmrError
from tests.docs.blocks import Block
from tests.docs.quicker import quicker_verbs
from tests.docs.shelf import Shelf

ROOT = Path(__file__).parents[2]
FILE_NAME = re.compile(r"(?:#!.*\n)?# ([\w./-]+\.(?:yaml|sbatch))\b")  # a block that begins with one is that file
NUMBER = re.compile(r"\d+(?:\.\d+)?")
ONE_PROCESS = {"phantom", "ingest", "label", "evaluate"}  # these take a process a core where nothing is said
PACKAGES = "packages"  # what a page installs lands here


class Reader:
    """Somebody who follows a page."""

    def __init__(self, folder: Path, shelf: Shelf, patch: pytest.MonkeyPatch) -> None:
        """Sit down in an empty folder."""
        self.shelf = shelf
        self.names: dict[str, Any] = {"__name__": "page"}
        patch.chdir(folder)
        tools = [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        patch.setenv("PATH", os.pathsep.join(tools))
        patch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{folder / PACKAGES}")
        patch.syspath_prepend(str(folder / PACKAGES))

    def follow(self, block: Block) -> None:
        """Do what a block says."""
        for name, kind in block.on_hand.items():
            self.shelf.lay_out(kind, Path(name))
        if block.not_run is not None:
            read(block)
            return
        if block.language == "python":
            with quicker_verbs(block):
                exec(compile(block.text, str(block), "exec"), self.names)
        elif named := FILE_NAME.match(block.text):
            Path(named[1]).write_text(block.text)
        elif block.language in ("console", "bash"):
            commands = list(block.commands())
            for k, (typed, shown) in enumerate(commands, 1):
                fails = block.refused is not None and k == len(commands)
                said = self.refusal(typed, block) if fails else self.type(typed, block)
                if block.shows is None:
                    _compare(shown, said, f"{block}: {typed}")

    def type(self, typed: str, block: Block) -> str:
        """Run one command; what it prints."""
        words = shlex.split(typed, comments=True)
        at = words.index("synthcmr") + 1 if "synthcmr" in words else 0  # it may stand behind a launcher
        extra = block.added(words[at:])
        if words[0] == "synthcmr":
            alone = ["--workers", "1"] if words[1] in ONE_PROCESS else []
            return _in_process([*words[1:], *extra, *alone], block)
        done = subprocess.run([*words, *extra], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}: {typed}\n{done.stdout}{done.stderr}"
        importlib.invalidate_caches()
        return done.stdout + done.stderr

    def refusal(self, typed: str, block: Block) -> str:
        """What a command that must be refused says."""
        words = shlex.split(typed, comments=True)
        try:
            done = CliRunner().invoke(app, [*words[1:], *block.added(words[1:])], catch_exceptions=False)
        except SynthcmrError as error:
            return f"Error: {error}"
        raise AssertionError(f"{block}: {typed}\nexpected a refusal, got:\n{done.output}")


def read(block: Block) -> None:
    """What is not run is read at least: by bash a script, by the command line of synthcmr a command."""
    if block.language == "bash":
        done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}: {done.stderr}"
    for typed, _ in block.commands():
        words = shlex.split(typed, comments=True)
        if words[0] == "synthcmr":
            command = typer.main.get_command(app).get_command(None, words[1])  # type: ignore[attr-defined, arg-type]
            assert command is not None, f"{block}: {typed}"
            command.make_context(words[1], words[2:])


def _in_process(words: list[str], block: Block) -> str:
    """A command of ours without a process of its own, which would spend its time on imports."""
    try:
        done = CliRunner().invoke(app, words, catch_exceptions=False)
    except SynthcmrError as error:
        raise AssertionError(f"{block}: synthcmr {shlex.join(words)}\n{error}") from error
    assert done.exit_code == 0, f"{block}: synthcmr {shlex.join(words)}\n{done.output}"
    return done.output


def _compare(shown: list[str], said: str, where: str) -> None:
    """Every line that the page shows must have been printed, but for numbers and the order that follows from them."""
    printed = [_words(line) for line in said.splitlines()]
    for line in shown:
        assert line.strip() == "..." or _words(line) in printed, f"{where}\nnot printed: {line}\n{said}"


def _words(line: str) -> list[str]:
    return sorted(word.strip(",") for word in NUMBER.sub("#", line).split())
