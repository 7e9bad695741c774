"""Commands that are killed outright in the middle, as a full memory or a power cut would do it."""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

GONE_WITHIN_S = 60.0


def killed_when(words: Sequence[str], reached: Callable[[], bool]) -> list[int]:
    """Run a command until it has reached something, and kill it.

    Returns:
        Which of the processes that it had started do not end by themselves.
    """
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not reached():
        time.sleep(0.05)
    assert process.poll() is None, "expected to see it on the way, but the command has ended"
    started = _below(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + GONE_WITHIN_S
    while (left := [p for p in started if _parent(p) is not None]) and time.monotonic() < until:
        time.sleep(0.1)
    return left


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
