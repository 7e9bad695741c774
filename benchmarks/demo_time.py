"""What the demo costs: wall-clock and core-seconds of every step.

    python -m benchmarks.demo_time [--out benchmarks/out/demo] [--quick]

Runs `synthcmr demo` in a folder of its own. Core-seconds are those of the command and of all its worker processes, looked up
twice a second in /proc (Linux). How fast the machine is at that moment is measured by rendering a few phantoms before and after:
shared cores make every core-second worth less. The last step includes the page with all results.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

from synthcmr.config import PreprocessSettings
from synthcmr.phantom.cohort import make_record

TICK = os.sysconf("SC_CLK_TCK")
EVERY_S = 0.5
PHANTOMS = 5


class Watched:
    """Processor time of a session: a process and all that it starts."""

    def __init__(self, session: int) -> None:
        self.session = session
        self.seconds: dict[int, float] = {}

    def look(self) -> None:
        """Note what each process has used so far; one that ended keeps its last value."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                told = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(told[3]) == self.session:
                self.seconds[int(entry.name)] = (int(told[11]) + int(told[12])) / TICK

    @property
    def total(self) -> float:
        """Of all processes together."""
        return sum(self.seconds.values())


def phantom_seconds() -> float:
    """Processor time of rendering one phantom."""
    settings = PreprocessSettings(frames="pair")
    make_record(0, "biased", 2, 0, settings)
    began = time.process_time()
    for index in range(PHANTOMS):
        make_record(index, "biased", 2, 0, settings)
    return (time.process_time() - began) / PHANTOMS


def watched(words: list[str]) -> list[tuple[str, float, float]]:
    """Run a command; the name of each step with wall-clock and core-seconds."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    seen, ended = Watched(process.pid), threading.Event()

    def keep_looking() -> None:
        while not ended.wait(EVERY_S):
            seen.look()

    threading.Thread(target=keep_looking, daemon=True).start()
    marks: list[tuple[str, float, float]] = [("start", time.monotonic(), 0.0)]
    for line in process.stdout or ():
        print(line, end="", flush=True)
        seen.look()
        number, _, rest = line.partition(" ")
        if "/" in number and number.replace("/", "").isdigit():
            marks.append((rest.partition(":")[0], time.monotonic(), seen.total))
    seen.look()
    code = process.wait()
    ended.set()
    if code:
        raise SystemExit(code)
    marks.append(("end", time.monotonic(), seen.total))
    return [(a[0], b[1] - a[1], b[2] - a[2]) for a, b in pairwise(marks)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/demo"))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    before = phantom_seconds()
    words = [sys.executable, "-u", "-m", "synthcmr", "demo", str(given.out), *(["--quick"] if given.quick else [])]
    steps = watched(words)
    after = phantom_seconds()
    for name, wall, core in steps:
        print(f"{name:12s} {wall:7.1f} s   {core:7.1f} core-s")
    wall, core = sum(s[1] for s in steps), sum(s[2] for s in steps)
    print(f"{'in all':12s} {wall:7.1f} s   {core:7.1f} core-s; a phantom {before:.2f} s before, {after:.2f} s after")
    told = {"wall_s": wall, "core_s": core, "phantom_s": [before, after], "steps": steps}
    (given.out / "time.json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
