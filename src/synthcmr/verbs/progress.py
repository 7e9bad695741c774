"""A progress bar with time left, for people; a line now and then, for logs."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int, str], None]
LOG_EVERY_S = 10.0


@contextmanager
def progress_bar(what: str) -> Iterator[Report]:
    """Show progress on standard error, where it does not disturb what a command prints.

    Yields:
        A function to call with (done, total, current item).
    """
    if sys.stderr.isatty():
        with _bar(what) as report:
            yield report
    else:
        yield _lines(what)


@contextmanager
def _bar(what: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, TextColumn("{task.fields[item]}"), console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=None, item="")

        def report(done: int, total: int, item: str) -> None:
            progress.update(task, completed=done, total=total, item=item)

        yield report


def _lines(what: str) -> Report:
    last = time.monotonic()
    first: tuple[float, int] | None = None  # time and count of the first report: before it, things were being set up
    before = 0

    def report(done: int, total: int, item: str) -> None:
        nonlocal last, first, before
        now = time.monotonic()
        if first is None or done < before:  # the beginning, or another part of the work
            first = (now, done)
        before = done
        if done < total and now - last < LOG_EVERY_S:
            return
        last = now
        print(
            f"{what}: {done}/{total}{_left(now, done, total, first)}{item and f' ({item})'}",
            file=sys.stderr,
            flush=True,
        )

    return report


def _left(now: float, done: int, total: int, first: tuple[float, int]) -> str:
    """Time left, once there is a pace to tell it from."""
    began, start = first
    return f", {(now - began) / (done - start) * (total - done):.0f} s left" if done > start else ""
