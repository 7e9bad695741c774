"""Notebooks run as Jupyter would, in this process: it takes no kernel, and what is imported stays imported."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "notebooks"


def cells(notebook: Path) -> list[dict[str, Any]]:
    """All cells of a notebook."""
    found: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    return found


def run(notebook: Path) -> dict[str, Any]:
    """Run every code cell in one namespace, in the folder that this process is in.

    Returns:
        What the notebook left behind.
    """
    space: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells(notebook)):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}, cell {number}", "exec"), space)
    return space
