"""What the wheel holds, built from the working tree without any network."""

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from synthcmr import __version__
from synthcmr.training.shipped_weights import FILES

ROOT = Path(__file__).parents[2]
MEGABYTES = 60
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the backend from a copy, so that nothing is left in the tree and no earlier build gets in."""
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=ignored, copy_function=os.link)
    (copy / "tests").mkdir()
    (copy / "tests" / "__init__.py").touch()
    subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=copy, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return opened.namelist()


@pytest.fixture(scope="module")
def metadata(wheel: Path, names: list[str]) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        return message_from_bytes(opened.read(next(n for n in names if n.endswith("dist-info/METADATA"))))


def test_it_holds_every_file_of_the_package_and_nothing_else(names: list[str]) -> None:
    package = ROOT / "src" / "synthcmr"
    wanted = {f.relative_to(package.parent).as_posix() for f in package.rglob("*") if f.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name}
    assert {n for n in names if ".dist-info/" not in n} == wanted
    assert {f"synthcmr/shipped/{f}" for f in FILES.values()} <= wanted
    assert "synthcmr/py.typed" in wanted
    assert "synthcmr/report/templates/score_card.html" in wanted


def test_nothing_but_code_weights_and_templates_is_in_the_package(names: list[str]) -> None:
    kinds = {Path(n).suffix for n in names if ".dist-info/" not in n}
    assert kinds == {".py", ".html", ".css", ".json", ".npz", ".safetensors", ".typed"}


def test_it_is_small_enough(wheel: Path) -> None:
    assert wheel.stat().st_size <= MEGABYTES * 1e6


def test_it_says_what_it_is(metadata: Message, wheel: Path, names: list[str]) -> None:
    assert (metadata["Name"], metadata["Version"]) == ("synthcmr", __version__)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(n.endswith("dist-info/licenses/LICENSE") for n in names)
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Topic :: Scientific/Engineering :: Medical Science Apps." in metadata.get_all("Classifier", [])
    with zipfile.ZipFile(wheel) as opened:
        commands = opened.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "synthcmr = synthcmr.cli.app:main" in commands


def test_nothing_of_cuda_is_asked_for_outright(metadata: Message) -> None:
    core = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    assert len(core) >= 20
    assert not [r for r in core if r.startswith(("nvidia", "cuda", "cupy", "triton", "torchvision"))]
