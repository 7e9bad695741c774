"""Commands that are killed outright in the middle, as a full memory or a night's power cut would do it."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

GONE_WITHIN_S = 60.0


def killed_at(words: Sequence[str], line: str) -> tuple[str, list[int]]:
    """Run a command until it prints a line that begins so, and kill it.

    Returns:
        What it had said, and which of the processes that it had started do not end by themselves.
    """
    told = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=told)
    said, seen = "", False
    for one in process.stdout or ():
        said += one
        if one.startswith(line):
            seen = True
            break
    assert seen, f"expected a line '{line}…' before the command ended, got\n{said}"
    started = _below(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return said, _left(started)


def _left(processes: Sequence[int]) -> list[int]:
    until = time.monotonic() + GONE_WITHIN_S
    while (alive := [p for p in processes if _parent(p) is not None]) and time.monotonic() < until:
        time.sleep(0.2)
    return alive


def _below(process: int) -> list[int]:
    """Children, and children's children."""
    parents = {int(p.name): _parent(int(p.name)) for p in Path("/proc").iterdir() if p.name.isdigit()}
    children = [p for p, parent in parents.items() if parent == process]
    return children + [q for p in children for q in _below(p)]


def _parent(process: int) -> int | None:
    """None for one that has ended, or has only not been fetched yet."""
    try:
        state, parent = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return None
    return None if state == "Z" else int(parent)
