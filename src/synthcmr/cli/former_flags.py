"""Flags by the names that they had before: still accepted for this version, with a word about the new name."""

import typer

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
