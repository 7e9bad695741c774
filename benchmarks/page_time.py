"""How long the commands of a page take, typed one after another as they are printed.

    python -m benchmarks.page_time PAGE [--commands N] [--have NAME=FOLDER ...] [--work FOLDER]

`--have` puts what a reader has (the files of a data set) where the page says that it lies. Told are seconds on the clock and core-seconds:
where other work runs beside it, only the latter can be compared. What installs synthcmr is left out, as the commands run from here.
"""

import argparse
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROMPT, COMMAND = "$ ", "synthcmr "


def commands(page: Path) -> list[str]:
    """Every command of ours on a page."""
    typed = [line.removeprefix(PROMPT) for line in page.read_text().splitlines() if line.startswith(PROMPT + COMMAND)]
    return [command.removeprefix(COMMAND) for command in typed]


def cpu() -> float:
    """Core-seconds of everything that was run from here."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command: str, folder: Path) -> dict[str, object]:
    """One command, with what it printed."""
    began, used = time.perf_counter(), cpu()
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "synthcmr", *shlex.split(command, comments=True)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, core_seconds = time.perf_counter() - began, cpu() - used
    print(f"$ synthcmr {command}\n{done.stdout}  {seconds:.0f} s, {core_seconds:.0f} core-seconds", flush=True)
    return {"command": command, "seconds": seconds, "core_seconds": core_seconds, "printed": done.stdout}


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
