"""The notebooks run from the first cell to the last, and their figures show what the text says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from synthcmr.frequency.spectrum.compare import DISTANCE, PROBE
from tests.notebooks.running import FOLDER, cells, run

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all of them: they look at the same phantoms, which are made once."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture
def space(request: pytest.FixtureRequest, desk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What a notebook left behind."""
    monkeypatch.chdir(desk)
    matplotlib.use("Agg")
    yield run(FOLDER / f"{request.param}.ipynb")
    plt.close("all")


@pytest.mark.parametrize("space", ["fairness"], indirect=True)
def test_fairness(space: dict[str, Any]) -> None:
    assert len(set(space["real"] + space["planned"])) == 1  # the plan fills every group to the same height
    assert len(space["synthetic"].subjects) == len(space["plan"].rows) > 0
    accuracy = space["accuracy"]
    assert set(accuracy["remedy"]) == {"nothing", "real + planned"}
    assert set(accuracy["group"]) == {"female", "male"}
    assert len(plt.get_fignums()) == 3


@pytest.mark.parametrize("space", ["frequency"], indirect=True)
def test_frequency(space: dict[str, Any]) -> None:
    scores = space["spectra"].table.set_index(["score", "set"])
    gap, probe = scores.loc[DISTANCE], scores.loc[PROBE]
    assert gap.loc["rings", "value"] < gap.loc["shr", "value"] < gap.loc["flow", "value"]
    assert gap.loc["rings", "low"] < gap.loc["rings", "floor"]  # as near as real images are to real ones
    assert probe.loc["rings", "low"] < probe.loc["rings", "floor"] < probe.loc["flow", "low"]  # only one looks real
    before = space["sets"]["flow"]
    for name in ("shr", "frerec", "rings"):
        after = space["sets"][name]
        assert list(after.images["image_id"]) == list(before.images["image_id"])
        assert 0 < np.abs(after.image(0) - before.image(0)).mean() < 0.1
        assert np.array_equal(after.mask(0), before.mask(0))
    curves = space["spectra"].power.pivot(index="frequency", columns="set", values="mean")
    high = curves[curves.index > curves.index.max() / 2]
    assert (high["rings"] - high["real"]).abs().mean() < (high["flow"] - high["real"]).abs().mean() / 2
    assert len(plt.get_fignums()) == 3


@pytest.mark.parametrize("space", ["review"], indirect=True)
def test_review(space: dict[str, Any]) -> None:
    fidelity, utility, copied = space["fidelity"], space["utility"], space["copied"]
    assert min(fidelity, key=fidelity.__getitem__) == max(utility, key=utility.__getitem__) == "copies"
    assert max(fidelity["real"], fidelity["flow"]) < min(fidelity["blurred"], fidelity["vae"])
    assert utility["vae"] < min(utility["flow"], utility["real"])
    assert all(0 <= value <= 1 for value in utility.values())
    assert copied["copies"] == 1
    assert max(copied[name] for name in ("real", "flow", "vae", "blurred")) < 0.2
    assert space["evaluations"]["copies"].card.parts["privacy"].verdict.word == "bad"
    trained_on = {image.tobytes() for image in map(space["training"].image, range(len(space["training"])))}
    assert not trained_on & {space["real"].image(k).tobytes() for k in range(len(space["real"]))}
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_no_output_is_stored_and_the_text_says_what_is_not_shown(notebook: Path) -> None:
    assert not [c for c in cells(notebook) if c.get("outputs") or c.get("execution_count")]
    first = "".join(cells(notebook)[0]["source"])
    assert first.startswith("# ")
    assert "**What it shows, and what not.**" in first
    assert len({c["id"] for c in cells(notebook)}) == len(cells(notebook))


def test_each_seed_paper_has_its_notebook() -> None:
    text = ["".join(cells(n)[0]["source"]) for n in NOTEBOOKS]
    assert [any(paper in t for t in text) for paper in ("2403.19508", "2511.12301", "2603.24764")] == [True] * 3


@pytest.mark.parametrize("space", ["chain"], indirect=True)
def test_chain(space: dict[str, Any]) -> None:
    real, made, both = space["people"], space["made"].cohort, space["both"]
    assert 0 < len(made.subjects) <= len(space["plan"].table)
    assert len(both.subjects) == len(real.subjects) + len(made.subjects)
    assert list(Path("nnunet_raw").glob("*/dataset.json"))


def code_lines(notebook: Path) -> list[str]:
    """Lines that are neither empty nor a comment."""
    code = [cell["source"] for cell in cells(notebook) if cell["cell_type"] == "code"]
    lines = [line.strip() for source in code for line in source]
    return [line for line in lines if line and not line.startswith("#")]


def test_the_whole_chain_takes_few_lines_and_one_import() -> None:
    code = code_lines(FOLDER / "chain.ipynb")
    assert [line for line in code if "import" in line.split()] == ["import synthcmr"]
    assert len(code) <= 25


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_is_short_and_needs_nothing_but_the_public_functions(notebook: Path) -> None:
    code = code_lines(notebook)
    imported = [line.split()[1].split(".") for line in code if line.startswith(("import ", "from "))]
    assert [names for names in imported if names[0] == "synthcmr"] == [["synthcmr"]]
    assert {names[0] for names in imported} <= {"synthcmr", "matplotlib", "numpy", "scipy", "sklearn"}
    assert len(code) <= 55
