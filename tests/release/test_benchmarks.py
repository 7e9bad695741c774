"""The list of `make bench`: every line is one that its script takes, with inputs that an earlier line makes."""

import argparse
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Never

import pytest
import typer
from benchmarks.run_all import ALWAYS, LEFT_OUT, ON_REAL_DATA

from synthcmr.cli.app import app

ROOT = Path(__file__).parents[2]
LINES = [*ALWAYS, *ON_REAL_DATA]
WORK = Path("benchmarks/out")
MADE_BY_OPTION = {"out", "work"}  # options that say where results go
MADE_BY_SCRIPT = {"benchmarks.families": {"runs"}}  # options whose folder a script fills where it is empty
MADE_BY_COMMAND = {"phantom": {"out"}, "ingest": {"out"}, "train": {"run"}}


class ReadError(Exception):
    """The command line was read: nothing of the script shall run."""


@pytest.fixture
def only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts stop once their own parser has taken the command line."""
    read = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: Any, **named: Any) -> Never:
        raise ReadError(vars(read(parser, *given, **named)))

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)


def options(words: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a line of the list says to its script; none where it reads no command line."""
    module, *rest = words
    if module == "synthcmr":
        command = typer.main.get_command(app).get_command(None, rest[0])  # type: ignore[attr-defined, arg-type]
        return dict(command.make_context(rest[0], rest[1:]).params)
    script = import_module(module)
    if "ArgumentParser" not in Path(script.__file__ or "").read_text():
        assert rest == [], f"{module} reads no options"
        return {}
    monkeypatch.setattr(sys, "argv", [module, *rest])
    try:
        script.main()
    except ReadError as done:
        return dict(done.args[0])
    except SystemExit as refused:
        raise AssertionError(f"{shlex.join(words)}: its parser refuses this") from refused
    raise AssertionError(f"{module} ran without reading its command line")


def made_by(words: list[str]) -> set[str]:
    """The options whose folder a line makes."""
    if words[0] == "synthcmr":
        return MADE_BY_COMMAND[words[1]]
    return MADE_BY_OPTION | MADE_BY_SCRIPT.get(words[0], set())


def test_every_line_is_read_by_its_script_and_finds_what_it_needs(
    only_read: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[Path] = []
    for words in LINES:
        told = {k: Path(str(v)) for k, v in options(words, monkeypatch).items() if str(v).startswith(str(WORK))}
        for name in told.keys() - made_by(words):
            inside = [one for one in there if told[name] == one or one in told[name].parents]
            assert inside, f"{shlex.join(words)}: nothing before it makes {told[name]}"
        made = {told[name] for name in told.keys() & made_by(words)} - {WORK}  # a file laid into it is not all of it
        there += [folder for folder in made if not folder.suffix]


def test_a_line_that_its_script_does_not_take_is_found(only_read: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="its parser refuses this"):
        options(["benchmarks.few_step", "--cohort", "people"], monkeypatch)


def test_every_script_that_the_documentation_names_is_run_or_left_out_with_a_reason() -> None:
    listed = {words[0].removeprefix("benchmarks.") for words in LINES} | LEFT_OUT.keys()
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        named = set(re.findall(r"benchmarks[./]([a-z_]+)(?:\.py|\b)", page.read_text())) - {"run_all", "out"}
        assert named <= listed, page
        assert all((ROOT / f"benchmarks/{name}.py").exists() for name in named), page
