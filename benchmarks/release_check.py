"""Would a stranger's machine run what is released? Build wheel and sdist, install them where nothing else is, run the demo.

    python -m benchmarks.release_check [--work FOLDER] [--python PYTHON]

Builds both from the working tree; compares the wheel with the sources and with the wheel that the sdist gives; installs it
with constraints.txt into a new environment; lists packages of CUDA that torch did not bring; runs `synthcmr --help` and
`synthcmr demo --quick` from another folder, without the repository on any path. Prints the figures and writes release.json.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "synthcmr"
MEGABYTES = 60  # that the wheel may have
CUDA = ("nvidia", "cuda", "cupy", "triton", "cudnn")
# Run by the new environment's own Python: every package there, and those that torch asks for, however indirectly.
LIST_PACKAGES = """
import json, re
from importlib.metadata import distributions
def named(text): return re.sub(r"[-_.]+", "-", text).lower()
asked = {named(d.metadata["Name"]): [named(re.match(r"[\\w.-]+", r)[0]) for r in d.requires or []] for d in distributions()}
torchs, waiting = set(), ["torch"]
while waiting:
    name = waiting.pop()
    if name in asked and name not in torchs:
        torchs.add(name)
        waiting += asked[name]
print(json.dumps({"all": sorted(asked), "torchs": sorted(torchs)}))
"""


def run(*words: object, folder: Path, echo: bool = False) -> str:
    """Run a command as a stranger would: nothing of the repository on its path."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")}
    print("$", *(str(w).strip().split("\n")[0][:160] for w in words), flush=True)
    done = subprocess.run([str(w) for w in words], cwd=folder, env=clean, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{words[0]} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    if echo:
        print(done.stdout.strip(), flush=True)
    return done.stdout


def built(kind: str, out: Path) -> Path:
    """Build from the working tree; an earlier build must not leave files of its own in the wheel."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    before = set(out.iterdir())
    # -c, because a folder named build would be taken for the tool
    code = f"import sys; from build.__main__ import main; main(['--{kind}', '--outdir', {str(out)!r}, {str(ROOT)!r}])"
    run(sys.executable, "-c", code, folder=out)
    (made,) = set(out.iterdir()) - before
    return made


def contents(wheel: Path) -> dict[str, int]:
    """Files of a wheel with their checksums."""
    with zipfile.ZipFile(wheel) as opened:
        return {i.filename: i.CRC for i in opened.infolist() if not i.filename.endswith("RECORD")}


def sources() -> set[str]:
    """Every file of the package in the working tree, as a wheel names it."""
    found = (p for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(PACKAGE.parent).as_posix() for p in found}


def check_contents(wheel: Path, from_sdist: Path) -> int:
    """Stop unless the wheel holds exactly the sources, and the sdist gives the same wheel.

    Returns:
        Number of files of the package.
    """
    held = contents(wheel)
    package = {name for name in held if ".dist-info/" not in name}
    if package != sources():
        sys.exit(f"wheel and sources differ in {sorted(package ^ sources())}")
    if held != contents(from_sdist):
        sys.exit(f"the sdist gives another wheel: {sorted(set(held.items()) ^ set(contents(from_sdist).items()))}")
    return len(package)


def installed(wheel: Path, work: Path, python: str) -> tuple[Path, dict[str, list[str]]]:
    """A new environment with the wheel, and what came with it."""
    environment = work / "environment"
    shutil.rmtree(environment, ignore_errors=True)
    run(python, "-m", "venv", environment, folder=work)
    bin_ = environment / "bin"
    run(
        bin_ / "python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, folder=work
    )
    packages: dict[str, list[str]] = json.loads(run(bin_ / "python", "-c", LIST_PACKAGES, folder=work))
    strange = [p for p in packages["all"] if any(w in p for w in CUDA) and p not in packages["torchs"]]
    if strange:
        sys.exit(f"expected no package of CUDA beyond torch's own, got {', '.join(strange)}")
    where = run(bin_ / "python", "-c", "import synthcmr; print(synthcmr.__file__)", folder=work).strip()
    if not where.startswith(str(environment)):
        sys.exit(f"expected synthcmr of {environment}, got {where}")
    return bin_ / "synthcmr", packages


def demonstrated(command: Path, work: Path) -> float:
    """Help and the quick demo from an empty folder; seconds of the demo."""
    elsewhere = work / "elsewhere"
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    run(command, "--help", folder=elsewhere)
    started = time.monotonic()
    run(command, "demo", "first", "--quick", folder=elsewhere, echo=True)
    seconds = time.monotonic() - started
    if not list((elsewhere / "first").rglob("*.html")):
        sys.exit("the demo wrote no page")
    return seconds


def check(work: Path, python: str) -> dict[str, Any]:
    """The whole check; stops with a message where something is wrong."""
    dist = work / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    sdist, wheel = built("sdist", dist), built("wheel", dist)
    again = work / "from_sdist"
    shutil.rmtree(again, ignore_errors=True)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", again, sdist, folder=work)
    files = check_contents(wheel, next(again.iterdir()))
    size = wheel.stat().st_size / 1e6
    if size > MEGABYTES:
        sys.exit(f"{wheel.name}: expected {MEGABYTES} MB at most, got {size:.1f}")
    command, packages = installed(wheel, work, python)
    seconds = demonstrated(command, work)
    cuda = [p for p in packages["all"] if any(w in p for w in CUDA)]
    return {
        "wheel": wheel.name,
        "wheel_mb": round(size, 1),
        "wheel_files": files,
        "sdist_mb": round(sdist.stat().st_size / 1e6, 1),
        "packages": len(packages["all"]),
        "cuda_packages_of_torch": cuda,
        "demo_quick_seconds": round(seconds),
    }


def main() -> None:
    """Check, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "benchmarks" / "out" / "release")
    parser.add_argument("--python", default=sys.executable, help="that the new environment is made with")
    options = parser.parse_args()
    figures = check(options.work.resolve(), options.python)
    (options.work / "release.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
