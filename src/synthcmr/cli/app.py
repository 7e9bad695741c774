"""The `synthcmr` command: a table of commands, each loaded when it is called."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from synthcmr import __version__

# name -> (one line for the overview, "module:function"); in the order that data takes
COMMANDS: dict[str, tuple[str, str]] = {
    "phantom": ("Make a cohort of digital phantoms with known truth.", "synthcmr.cli.phantom:phantom"),
    "ingest": ("Read a data set into a cohort.", "synthcmr.cli.ingest:ingest"),
    "label": ("Segment a cohort that nobody labelled.", "synthcmr.cli.label:label"),
    "info": ("Say what a cohort holds.", "synthcmr.cli.info:info"),
    "audit": ("Report under-represented groups of a cohort.", "synthcmr.cli.audit:audit"),
    "families": ("List the families of generators, and the settings of each.", "synthcmr.cli.families:families"),
    "train": ("Train a generator on a cohort.", "synthcmr.cli.train:train"),
    "judge": ("Train the judges that look at images, and score them.", "synthcmr.cli.judge:judge"),
    "plan": ("Plan the images that would balance a cohort.", "synthcmr.cli.plan:plan"),
    "generate": ("Make synthetic images from a sentence or from anatomies.", "synthcmr.cli.generate:generate"),
    "recalibrate": (
        "Give synthetic images the high frequencies of real ones.",
        "synthcmr.cli.recalibrate:recalibrate",
    ),
    "spectrum": (
        "Say how far the frequencies of synthetic images are from real ones.",
        "synthcmr.cli.spectrum:spectrum",
    ),
    "debias": (
        "Compare remedies for an unfair classifier, synthetic images among them.",
        "synthcmr.cli.debias:debias",
    ),
    "balance": (
        "Find the images that make a classifier fairer, round by round.",
        "synthcmr.cli.balance:balance",
    ),
    "evaluate": ("Score synthetic images against real ones.", "synthcmr.cli.evaluate:evaluate"),
    "report": ("Draw the score card of an evaluation.", "synthcmr.cli.report:report"),
    "join": ("Join cohorts, such as the shards of a plan, into one.", "synthcmr.cli.join:join"),
    "export": (
        "Write a cohort for other tools: nnU-Net, NIfTI, DICOM, PNG, Hugging Face, ACDC.",
        "synthcmr.cli.export:export",
    ),
    "demo": ("Run the whole chain on phantoms: no data, no download.", "synthcmr.cli.demo:demo"),
}


class PlainCommand(TyperCommand):
    """A command whose errors are told in the words of its options, without those of the library that checks them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line."""
        from synthcmr.cli.former_flags import with_new_flags

        try:
            return super().parse_args(ctx, with_new_flags(str(self.name), args))
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise


class LazyCommands(TyperGroup):
    """Loads a command's module only when that command is asked for, so that `--help` stays fast."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands in the order of the chain."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Build one command from its function."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name][1].split(":")
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name=cmd_name, cls=PlainCommand)(getattr(import_module(module), function))
        return typer.main.get_command(single)

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


def main() -> None:
    """Run the command line; errors a user can act on are shown without a traceback."""
    from synthcmr.errors import AlreadyMadeError, SynthcmrError

    try:
        app()
    except AlreadyMadeError as done:
        typer.echo(str(done))
    except SynthcmrError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("Stopped. What was finished is kept; the same command continues it.", err=True)
        sys.exit(130)
