"""Reference pages that are made from the code, so that they say what the code does.

`python -m docs_site.reference_pages` writes them; a test compares them with what the code says.
"""

from importlib import import_module
from pathlib import Path

from docs_site.python_page import python_page
from synthcmr.cli.app import COMMANDS, app
from synthcmr.cli.setting_lines import setting_lines
from synthcmr.generators.families import FAMILIES, family

REFERENCE = Path(__file__).parents[1] / "docs/reference"
# command, or family of commands -> the settings that its --set, --settings or options fill
SETTINGS = {
    "ingest": "synthcmr.config:IngestSettings",
    "label": "synthcmr.labelling.settings:LabelSettings",
    "plan": "synthcmr.fairness.planning.settings:PlanSettings",
    "generate": "synthcmr.sampling.settings:GenerateSettings",
    "recalibrate": "synthcmr.frequency.settings:RecalibrationSettings",
    "spectrum": "synthcmr.frequency.settings:SpectrumSettings",
    "debias": "synthcmr.experiments.settings:DebiasSettings",
    "balance": "synthcmr.experiments.settings:BalanceSettings",
    "evaluate": "synthcmr.evaluation.settings:EvaluateSettings",
}


def command_page() -> str:
    """The help of every command, as `--help` prints it."""
    lines = ["# Command line", "", "What `synthcmr COMMAND --help` prints, made from the code by `make docs`.", ""]
    for name in COMMANDS:
        lines += [f"## {name}", "", "```text", help_of(name), "```", ""]
    return "\n".join(lines)


def help_of(command: str) -> str:
    """The help of one command at the usual width of a terminal."""
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, [command, "--help"], prog_name="synthcmr", env={"COLUMNS": "80"})
    return "\n".join(line.rstrip() for line in shown.output.strip().splitlines())


def settings_page() -> str:
    """Every setting, its default and its meaning."""
    lines = [
        "# Settings",
        "",
        "Every setting with its default and meaning, made from the code by `make docs`. A line is what `--set` takes; in a YAML",
        "file for `--settings` dots are indentations. A misspelt key is refused with the list of allowed ones.",
        "",
    ]
    for name, place in SETTINGS.items():
        module, kind = place.split(":")
        lines += _block(f"`{name}`", setting_lines("", getattr(import_module(module), kind)()))
    for name in FAMILIES:
        model, loop = family(name).settings("cpu")
        shown = [*setting_lines("model", model), *setting_lines("loop", loop)]
        lines += _block(f"`train {name}`, preset `cpu`", shown)
    return "\n".join(lines)


def _block(title: str, shown: list[str]) -> list[str]:
    return [f"## {title}", "", "```text", *shown, "```", ""]


PAGES = {"command-line.md": command_page, "python.md": python_page, "settings.md": settings_page}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page())


if __name__ == "__main__":
    main()
