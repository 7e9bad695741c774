"""The structure of the code in numbers, of this checkout or of any revision beside it.

    python -m benchmarks.code_structure                    # this checkout
    python -m benchmarks.code_structure --before 717fff7   # two columns

Counts files, lines, functions and classes of `src`, and looks for what a maintainer would object to: long functions,
class names that stand for two things, circles of imports, and imports that point up (tests/test_imports.py says who may
see whom). Beside another revision it also says what became of the commands and flags of its command reference.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.test_imports import ALLOWED, BASE

ROOT = Path(__file__).parents[1]
REFERENCE = "docs/reference/command-line.md"
LONG_FUNCTION = 60  # lines; a longer one does more than one thing
FULL_FOLDER = 15  # Python files; a fuller folder wants rooms


@dataclass(frozen=True)
class Function:
    """One function or method."""

    name: str
    lines: int


@dataclass(frozen=True)
class Module:
    """One Python file, read as text."""

    name: str
    lines: int
    functions: tuple[Function, ...]
    classes: tuple[str, ...]
    imports: frozenset[str]  # modules imported when this one is loaded
    all_imports: frozenset[str]  # those inside functions too

    @property
    def room(self) -> str:
        """The first folder, or the file's own name, below the package."""
        return room_of(self.name)


def room_of(module: str) -> str:
    """The part of a module's name behind the package's."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def read_modules(package: Path) -> list[Module]:
    """Every module of a package."""
    files = {_module_name(file, package): file for file in sorted(package.rglob("*.py"))}
    return [_read(name, file, set(files)) for name, file in files.items()]


def _module_name(file: Path, package: Path) -> str:
    parts = [package.name, *file.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(name: str, file: Path, known: set[str]) -> Module:
    text = file.read_text()
    tree = ast.parse(text)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Module(
        name,
        len(text.splitlines()),
        tuple(Function(f"{name}.{f.name}", _lines(f)) for f in functions),
        tuple(n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef)),
        frozenset(_imported(_loaded(tree), known)) - {name},
        frozenset(_imported(ast.walk(tree), known)) - {name},
    )


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: neither functions' bodies nor what is for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from _loaded(node)


def _imported(nodes: Iterator[ast.AST], known: set[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & known
            yield from inner or {node.module} & known


def import_circles(modules: list[Module]) -> list[list[str]]:
    """Groups of modules that need one another to be loaded."""
    from scipy.sparse import lil_matrix
    from scipy.sparse.csgraph import connected_components

    place = {module.name: i for i, module in enumerate(modules)}
    arrows = lil_matrix((len(modules), len(modules)), dtype=bool)
    for module in modules:
        for name in module.imports:
            arrows[place[module.name], place[name]] = True
    _, group = connected_components(arrows.tocsr(), directed=True, connection="strong")
    sizes = Counter(group.tolist())
    return [[m.name for m in modules if group[place[m.name]] == g] for g, size in sizes.items() if size > 1]


def arrows_up(modules: list[Module], allowed: dict[str, set[str]] = ALLOWED) -> list[str]:
    """Imports of a room that one's own room may not see."""
    up = []
    for module in modules:
        may_see = allowed.get(module.room, set()) | BASE | {module.room, ""}
        for name in sorted(module.all_imports):
            if module.room and "*" not in may_see and room_of(name) not in may_see:
                up.append(f"{module.name} → {name}")
    return up


def structure(checkout: Path) -> dict[str, str]:
    """Name → figure, of one checkout."""
    package = next(p for p in (checkout / "src").iterdir() if (p / "__init__.py").exists())
    modules = read_modules(package)
    lines = [m.lines for m in modules]
    functions = [f for m in modules for f in m.functions]
    longest = max(functions, key=lambda f: f.lines)
    largest = max(modules, key=lambda m: m.lines)
    shared = [name for name, n in Counter(c for m in modules for c in m.classes).items() if n > 1]
    tests = sum(len(f.read_text().splitlines()) for f in (checkout / "tests").rglob("*.py"))
    full = [d for d in {f.parent for f in package.rglob("*.py")} if len(list(d.glob("*.py"))) > FULL_FOLDER]
    circles, up = import_circles(modules), arrows_up(modules)
    return {
        "files in src": f"{len(modules)}",
        "lines in src": f"{sum(lines):,}",
        "median file, lines": f"{statistics.median(lines):.0f}",
        "longest file, lines": f"{largest.lines} ({largest.name})",
        "functions": f"{len(functions):,}",
        "median function, lines": f"{statistics.median(f.lines for f in functions):.0f}",
        "longest function, lines": f"{longest.lines} ({longest.name})",
        f"functions over {LONG_FUNCTION} lines": f"{sum(f.lines > LONG_FUNCTION for f in functions)}",
        "class names that stand for more than one class": _counted(shared),
        f"folders with more than {FULL_FOLDER} Python files": _counted(
            sorted(str(d.relative_to(package.parent)) for d in full)
        ),
        "circles of imports": _counted([" ↔ ".join(circle) for circle in circles]),
        "imports that point up": _counted(up),
        "lines of tests to lines of src": f"{tests / sum(lines):.2f}",
    }


def _counted(names: list[str]) -> str:
    few = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"{len(names)} ({few})" if names else "0"


def checked_out(revision: str, folder: Path) -> Path:
    """Source and tests of a revision, unpacked into a folder."""
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", revision, "src", "tests"], capture_output=True, check=True
    )
    subprocess.run(["tar", "x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def flags_of_commands(reference: str) -> dict[str, set[str]]:
    """Flags that the command reference names below each command."""
    flags: dict[str, set[str]] = {}
    command = ""
    for line in reference.splitlines():
        heading = re.fullmatch(r"## ([a-z-]+)", line)
        command = heading.group(1) if heading else command
        if command:
            flags.setdefault(command, set()).update(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line))
    return flags


def commands(before: str, now: str, former: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What became of the commands and flags of an earlier reference.

    Args:
        before: the earlier command reference.
        now: today's.
        former: command -> former flag -> flag; former flags are still taken.
    """
    old, new = flags_of_commands(before), flags_of_commands(now)
    gone = [name for name in old if name not in new]
    lost = [
        f"{name} {flag}"
        for name, flags in old.items()
        for flag in sorted(flags - new.get(name, set()) - former.get(name, {}).keys())
    ]
    count = sum(map(len, old.values())), sum(map(len, new.values()))
    return [
        f"commands: {len(old)} before, {len(new)} now; gone: {_counted(gone)}",
        f"flags: {count[0]} before, {count[1]} now; no longer taken: {_counted(lost)}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", help="a revision to compare with")
    revision = parser.parse_args().before
    columns = {"now": structure(ROOT)}
    if revision:
        with tempfile.TemporaryDirectory() as folder:
            columns = {revision: structure(checked_out(revision, Path(folder))), **columns}
    print(f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name in columns["now"]:
        print(f"| {name} | {' | '.join(c.get(name, '') for c in columns.values())} |")
    if revision:
        from synthcmr.cli.app import FORMER_FLAGS

        shown = ["git", "-C", str(ROOT), "show", f"{revision}:{REFERENCE}"]
        before = subprocess.run(shown, capture_output=True, check=True, text=True).stdout
        print("\n" + "\n".join(commands(before, (ROOT / REFERENCE).read_text(), FORMER_FLAGS)))


if __name__ == "__main__":
    sys.exit(main())
