"""The figures of the code's structure, on a package small enough to count by hand."""

from pathlib import Path

import pytest
from benchmarks.code_structure import arrows_up, commands, import_circles, read_modules, structure

FILES = {
    "__init__.py": "",
    "cellar.py": "from house.attic import Box\n\n\nclass Shelf: ...\n",
    "attic.py": "from house import cellar\n\n\nclass Box: ...\n\n\nclass Shelf: ...\n",
    "hall.py": "def enter():\n    from house.attic import Box\n\n    return Box()\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "src/house").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_house.py").write_text("x = 1\n")
    for name, text in FILES.items():
        (tmp_path / "src/house" / name).write_text(text)
    return tmp_path


def test_files_lines_functions_and_shared_class_names_are_counted(checkout: Path) -> None:
    figures = structure(checkout)
    assert figures["files in src"] == "4"
    assert figures["lines in src"] == str(sum(len(text.splitlines()) for text in FILES.values()))
    assert figures["longest function, lines"] == "4 (house.hall.enter)"
    assert figures["class names that stand for more than one class"] == "1 (Shelf)"


def test_a_circle_is_one_of_imports_at_load_time(checkout: Path) -> None:
    modules = read_modules(checkout / "src/house")
    assert import_circles(modules) == [["house.attic", "house.cellar"]]
    (checkout / "src/house/cellar.py").write_text("def late():\n    from house.attic import Box\n\n    return Box\n")
    assert import_circles(read_modules(checkout / "src/house")) == []


def test_an_import_inside_a_function_points_up_too(checkout: Path) -> None:
    modules = read_modules(checkout / "src/house")
    allowed = {"cellar": set[str](), "attic": {"cellar"}, "hall": set[str]()}
    assert arrows_up(modules, allowed) == ["house.cellar → house.attic", "house.hall → house.attic"]


def test_a_flag_that_is_gone_is_named_and_one_that_was_renamed_is_not() -> None:
    before = "## train\n`--from`, `--steps`\n## paint\n`--colour`\n"
    now = "## train\n`--init-from` and `--rank`\n"
    assert commands(before, now, {"train": {"--from": "--init-from"}}) == [
        "commands: 2 before, 1 now; gone: 1 (paint)",
        "flags: 3 before, 2 now; no longer taken: 2 (train --steps, paint --colour)",
    ]
