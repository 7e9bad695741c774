"""The notebooks run from the first cell to the last, and their figures show what the text says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from synthcmr.frequency.spectrum.compare import DISTANCE
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
    gaps = {one.name: one.scores[DISTANCE].value for one in space["compared"].sets}
    assert gaps["rings"] < gaps["SHR"] < gaps["flow, as drawn"]
    for name in ("SHR", "SHR + RHM", "rings"):
        assert np.isfinite(space["sets"][name]).all()
    assert len(plt.get_fignums()) == 3


@pytest.mark.parametrize("space", ["review"], indirect=True)
def test_review(space: dict[str, Any]) -> None:
    fidelity, likeness = space["fidelity"], space["likeness"]
    assert fidelity["copies"] < fidelity["real"] < fidelity["blurred"]
    assert likeness["copies"] > 0.9
    assert max(likeness[name] for name in ("real", "flow", "VAE", "blurred")) < 0.5
    assert space["utility"]["VAE"] < space["utility"]["real"]
    assert all(0 <= value <= 1 for value in space["utility"].values())
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


def test_the_whole_chain_takes_few_lines_and_one_import() -> None:
    lines = [line for cell in cells(FOLDER / "chain.ipynb") if cell["cell_type"] == "code" for line in cell["source"]]
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert [line.strip() for line in code if "import" in line.split()] == ["import synthcmr"]
    assert len(code) <= 25
