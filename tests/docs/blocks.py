"""Code blocks of a page, and what its comments say of running them.

A comment before a block, invisible to readers:

    <!-- in tests: generate --steps 2; generate out -n 2 -->   what commands that begin so get in addition, to be quick
    <!-- in tests, from here: generate --steps 2 -->           the same for the rest of the page
    <!-- not run: needs a GPU -->                              the block is read, but not run, and why
    <!-- shows: ACDC itself -->                              what is printed below the commands is of data that tests do not have
    <!-- refused: its images are of patients -->              the last command must fail, and say what is printed below it
    <!-- on hand: acdc = cohort, runs/flow = run -->           what a reader has at this point; tests/docs/shelf.py makes it
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^( *)```(\w*)\s*$")
COMMENT = re.compile(r"<!--\s*(in tests, from here|in tests|not run|shows|refused|on hand):\s*(.*?)\s*-->", re.DOTALL)
PROMPT = "$ "

Addition = tuple[list[str], list[str]]  # how a command begins, and what it gets in addition


@dataclass(frozen=True)
class Block:
    """One fenced block, with what was said of it."""

    page: Path
    line: int
    language: str
    text: str
    additions: list[Addition] = field(default_factory=list)
    not_run: str | None = None
    shows: str | None = None  # whose output it is, where tests cannot compare it
    refused: str | None = None  # why its last command is to fail
    on_hand: dict[str, str] = field(default_factory=dict)  # new since the last block

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    def added(self, words: list[str]) -> list[str]:
        """What a command gets in addition."""
        return [word for begins, more in self.additions if words[: len(begins)] == begins for word in more]

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Each typed command, and the lines that the page shows below it."""
        typed, shown = "", []
        for line in self.text.splitlines():
            if line.startswith(PROMPT):
                if typed:
                    yield typed, shown
                typed, shown = line.removeprefix(PROMPT), []
            elif typed.endswith("\\"):
                typed = typed[:-1] + line.strip()
            elif line.strip():
                shown.append(line)
        if typed:
            yield typed, shown


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    found, lines, at = [], page.read_text().splitlines(), 0
    lasting: list[Addition] = []
    said = ""
    while at < len(lines):
        opened = FENCE.match(lines[at])
        if not opened:
            said, at = said + lines[at] + "\n", at + 1
            continue
        end = next(k for k in range(at + 1, len(lines)) if lines[k].strip() == "```")
        notes = COMMENT.findall(said)
        lasting = [*lasting, *additions(notes, "in tests, from here")]
        found.append(
            Block(
                page,
                at + 1,
                opened[2],
                "\n".join(line.removeprefix(opened[1]) for line in lines[at + 1 : end]),
                [*lasting, *additions(notes, "in tests")],
                next((reason for kind, reason in notes if kind == "not run"), None),
                next((whose for kind, whose in notes if kind == "shows"), None),
                next((why for kind, why in notes if kind == "refused"), None),
                {k: v for kind, text in notes if kind == "on hand" for k, v in _pairs(text)},
            )
        )
        said, at = "", end + 1
    return found


def additions(notes: list[tuple[str, str]], kind: str) -> list[Addition]:
    """What comments of a kind add: the words before the first option say to whom."""
    parts = [shlex.split(part) for k, text in notes if k == kind for part in text.split(";")]
    begins = [next((i for i, word in enumerate(words) if word.startswith("-")), len(words)) for words in parts]
    return [(words[:at], words[at:]) for words, at in zip(parts, begins, strict=True)]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        names, _, kind = part.partition("=")
        yield names.strip(), kind.strip()
