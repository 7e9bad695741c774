"""Who may import whom: data flows one way, and so do imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "synthcmr"
BASE = {"errors", "config", "formats", "statistics", "privacy", "__init__"}
# room -> rooms it may import, besides itself and the base
BELOW_REPORT = {
    "cohort",
    "phantom",
    "conditioning",
    "training",
    "generators",
    "judges",
    "frequency",
    "labelling",
    "sampling",
    "experiments",
    "fairness",
    "evaluation",
}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "config": set(),
    "formats": set(),
    "statistics": set(),
    "privacy": set(),
    "cohort": set(),
    "phantom": {"cohort"},
    "conditioning": {"cohort"},
    "training": {"cohort", "phantom", "conditioning"},
    "generators": {"cohort", "phantom", "conditioning", "training"},
    "judges": {"cohort", "phantom", "conditioning", "training"},
    "labelling": {"cohort", "training", "judges"},
    "frequency": {"cohort", "phantom", "conditioning", "training"},
    "sampling": {"cohort", "phantom", "conditioning", "training", "generators", "judges"},
    "experiments": {"cohort", "training", "generators", "judges"},
    "fairness": {"cohort", "phantom", "conditioning", "training", "generators", "judges", "sampling", "experiments"},
    "evaluation": {
        "cohort",
        "phantom",
        "conditioning",
        "training",
        "generators",
        "judges",
        "frequency",
        "experiments",
        "fairness",
    },
    "report": BELOW_REPORT,
    "demo": {*BELOW_REPORT, "report", "verbs"},
    "verbs": {*BELOW_REPORT, "report"},
    "cli": {"*"},
    "__main__": {"*"},
    "studio": {"*"},
}
HEAVY = {
    "torch",
    "monai",
    "accelerate",
    "safetensors",
    "pandas",
    "scipy",
    "zarr",
    "nibabel",
    "pydicom",
    "highdicom",
    "matplotlib",
    "numpy",
    "pyarrow",
    "jinja2",
    "PIL",
}


def _imports(file: Path) -> list[str]:
    """Every synthcmr module a file imports, at any depth."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            found += [f"{module}.{alias.name}" for alias in node.names] if module == "synthcmr" else [module]
    return [name for name in found if name.split(".")[0] == "synthcmr"]


def _room(file: Path) -> str:
    part = file.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_only_rooms_below(file: Path) -> None:
    room = _room(file)
    if room == "__init__":
        return
    assert room in ALLOWED, f"{file}: a new room must say whom it may import"
    allowed = ALLOWED[room] | BASE | {room}
    for name in _imports(file):
        target = name.split(".")[1] if "." in name else "__init__"
        target = "__init__" if target == "__version__" else target
        assert "*" in allowed or target in allowed, f"{file} imports {name}; {room} may import {sorted(allowed)}"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['synthcmr', '--help']\nfrom synthcmr.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', sorted(set(sys.modules) & {HEAVY!r}))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "HEAVY []" in output


@pytest.mark.parametrize(
    "command",
    [
        "phantom",
        "ingest",
        "label",
        "info",
        "audit",
        "train",
        "judge",
        "plan",
        "generate",
        "recalibrate",
        "spectrum",
        "evaluate",
        "report",
        "export",
        "release",
        "demo",
    ],
)
def test_help_of_each_command_imports_nothing_heavy_and_shows_an_example(command: str) -> None:
    code = (
        f"import sys\nsys.argv = ['synthcmr', '{command}', '--help']\nfrom synthcmr.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', sorted(set(sys.modules) & {HEAVY!r}))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "HEAVY []" in output
    assert f"synthcmr {command}" in output
