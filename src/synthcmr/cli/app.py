"""The `synthcmr` command: a table of commands, each loaded when it is called."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from synthcmr import __version__

# name -> (one line for the overview, "module:function"); in the order that data takes
COMMANDS: dict[str, tuple[str, str]] = {
    "phantom": ("Make a cohort of digital phantoms with known truth.", "synthcmr.cli.data:phantom"),
    "ingest": ("Read a data set into a cohort.", "synthcmr.cli.data:ingest"),
    "label": ("Segment a cohort without labels.", "synthcmr.cli.data:label"),
    "info": ("Describe a cohort: subjects, images, attributes.", "synthcmr.cli.data:info"),
    "doctor": ("Say what is wrong with a cohort, run, plan or scores, and mend it.", "synthcmr.cli.data:doctor"),
    "audit": ("Report under-represented groups of a cohort.", "synthcmr.cli.fairness:audit"),
    "families": ("List the families of generators, and the settings of each.", "synthcmr.cli.generators:families"),
    "train": ("Train a generator on a cohort.", "synthcmr.cli.generators:train"),
    "judge": (
        "Train and score judges: networks that segment hearts or read attributes.",
        "synthcmr.cli.generators:judge",
    ),
    "plan": ("Plan the synthetic subjects that would balance a cohort.", "synthcmr.cli.fairness:plan"),
    "generate": (
        "Generate synthetic images with masks, from a text, a cohort or a plan.",
        "synthcmr.cli.generators:generate",
    ),
    "recalibrate": (
        "Give synthetic images the high frequencies of real ones.",
        "synthcmr.cli.scores:recalibrate",
    ),
    "spectrum": (
        "Compare the frequency content of synthetic and real images.",
        "synthcmr.cli.scores:spectrum",
    ),
    "debias": (
        "Compare remedies for an unfair classifier, synthetic images among them.",
        "synthcmr.cli.fairness:debias",
    ),
    "balance": (
        "Search for the images that make a classifier fairer, round by round.",
        "synthcmr.cli.fairness:balance",
    ),
    "evaluate": (
        "Score synthetic images: fidelity, adherence, motion, utility, fairness, privacy.",
        "synthcmr.cli.scores:evaluate",
    ),
    "report": ("Write the page of an evaluation again.", "synthcmr.cli.scores:report"),
    "join": ("Join cohorts, such as the shards of a plan, into one.", "synthcmr.cli.data:join"),
    "export": (
        "Write a cohort for other tools: nnU-Net, NIfTI, DICOM, PNG, Hugging Face, ACDC.",
        "synthcmr.cli.data:export",
    ),
    "release": (
        "Release a cohort or a run with a statement of differential privacy.",
        "synthcmr.cli.data:release",
    ),
    "demo": ("Run the whole chain on phantoms: no data, no download.", "synthcmr.cli.demo:demo"),
}


# command -> former flag -> flag; to be dropped with version 0.3
FORMER_FLAGS: dict[str, dict[str, str]] = {
    "generate": {
        "--like": "--follow",
        "--as": "--to-scanner",
        "--until": "--guidance-end",
        "--branch": "--guidance-null",
        "--rescale": "--guidance-rescale",
    },
    "train": {"--from": "--init-from"},
    "judge": {"--from": "--init-from"},
    "ingest": {"--like": "--preprocess-from"},
    "export": {"--as": "--format"},
    "evaluate": {"--only": "--parts"},
}


def with_new_flags(command: str, words: list[str]) -> list[str]:
    """A command line whose flags have the names of today.

    Args:
        command: its name.
        words: what follows it.
    """
    former = FORMER_FLAGS.get(command, {})
    renamed = []
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in former:
            typer.echo(f"note: {flag} is now called {former[flag]}; the old name goes with version 0.3", err=True)
            word = former[flag] + equals + value
        renamed.append(word)
    return renamed


# Of click, or of the copy of it that newer typers bring.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


class PlainCommand(TyperCommand):
    """A command whose errors are said in our own words, without those of the library that parses it."""

    options: Any = None  # class of the options that its flags are made from

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        words = with_new_flags(str(self.name), list(args))
        try:
            return super().parse_args(ctx, list(words))
        except USAGE_ERROR as error:
            from synthcmr.cli.usage_errors import in_own_words

            raise in_own_words(error, self, words) from error


class LazyCommands(TyperGroup):
    """Loads a command's module only when that command is asked for, so that `--help` stays fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands in the order of the chain."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build one command from its function."""
        if cmd_name not in COMMANDS:
            from synthcmr.cli.usage_errors import no_such_command

            raise no_such_command(cmd_name, list(COMMANDS))
        module, function = COMMANDS[cmd_name][1].split(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        called = getattr(import_module(module), function)
        single.command(name=cmd_name, cls=PlainCommand)(called)
        command = typer.main.get_command(single)
        command.options = getattr(called, "options", None)  # type: ignore[attr-defined]
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The overview, written from the table without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (about, _) in COMMANDS.items()])


app = typer.Typer(
    cls=LazyCommands, add_completion=False, rich_markup_mode=None, no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def synthcmr(version: bool = typer.Option(False, "--version", help="Show the version and exit.")) -> None:
    """Synthetic cardiac MRI that a group can use.

    The chain: phantom or ingest, audit, train, plan, generate, recalibrate, export. Start with 'synthcmr demo OUT': it needs no data.
    'synthcmr COMMAND --help' shows options and examples of a command.
    """
    if version:
        typer.echo(f"synthcmr {__version__}")
        raise typer.Exit


def _drop_unfinished_reads() -> None:
    """Say nothing of reads that zarr had begun when one failed: the error has been said, and the process ends."""
    import logging
    import warnings

    logging.getLogger("asyncio").disabled = True
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)


def main() -> None:
    """Run the command line; errors a user can act on are shown without a traceback."""
    from synthcmr.cohort.system_errors import in_sentences
    from synthcmr.errors import SynthcmrError
    from synthcmr.verbs.public import heal_all

    heal_all(sys.argv[1:])
    try:
        with in_sentences():
            app()
    except SynthcmrError as error:
        typer.echo(f"Error: {error}", err=True)
        _drop_unfinished_reads()
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Stopped. What was finished is kept; the same command continues it.", err=True)
        sys.exit(130)
