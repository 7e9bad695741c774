"""How long the commands of a page take, typed one after another as they are printed.

    python -m benchmarks.page_time PAGE [--commands N] [--have NAME=FOLDER ...] [--work FOLDER]

`--have` puts what a reader has (the files of a data set) where the page says that it lies. Told are seconds on the clock and core-seconds:
where other work runs beside it, only the latter can be compared. What installs synthcmr is left out, as the commands run from here.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path

from benchmarks.demo_time import EVERY_S, Watched

ROOT = Path(__file__).parents[1]
PROMPT, COMMAND = "$ ", "synthcmr "


def commands(page: Path) -> list[str]:
    """Every command of ours on a page."""
    typed = [line.removeprefix(PROMPT) for line in page.read_text().splitlines() if line.startswith(PROMPT + COMMAND)]
    return [command.removeprefix(COMMAND) for command in typed]


def run(command: str, folder: Path) -> dict[str, object]:
    """One command, with what it printed."""
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "synthcmr", *shlex.split(command, comments=True)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    seen, ended = Watched(process.pid), threading.Event()

    def keep_looking() -> None:
        while not ended.wait(EVERY_S):
            seen.look()

    threading.Thread(target=keep_looking, daemon=True).start()
    printed, _ = process.communicate()
    seconds = time.perf_counter() - began
    ended.set()
    if process.returncode:
        raise SystemExit(process.returncode)
    print(f"$ synthcmr {command}\n{printed}  {seconds:.0f} s, {seen.total:.0f} core-seconds", flush=True)
    return {"command": command, "seconds": seconds, "core_seconds": seen.total, "printed": printed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--commands", type=int, help="the first so many alone")
    parser.add_argument("--have", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--work", type=Path, help="default: benchmarks/out/PAGE")
    options = parser.parse_args()
    work = options.work or Path("benchmarks/out") / options.page.stem
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for item in options.have:
        name, _, folder = item.partition("=")
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).symlink_to(Path(folder).resolve())
    rows = [run(command, work) for command in commands(options.page)[: options.commands]]
    total = {k: sum(float(str(row[k])) for row in rows) for k in ("seconds", "core_seconds")}
    print(f"in all: {total['seconds']:.0f} s, {total['core_seconds']:.0f} core-seconds, {os.cpu_count()} cores")
    told = {"date": date.today().isoformat(), "cores": os.cpu_count(), "page": str(options.page), **total, "rows": rows}
    work.with_suffix(".json").write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
