import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

import synthcmr
from synthcmr.errors import CohortError, SynthcmrError
from synthcmr.formats import WEIGHTS
from synthcmr.training.shipped_weights import FILES, shipped
from synthcmr.training.weights import (
    load_weights,
    read_header,
    read_tensors,
    save_weights,
    weights_file,
    write_tensors,
)

RELEASED = Path(__file__).parents[1] / "release/written_by_0_1_0"


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1))


@pytest.mark.parametrize("compact", [False, True])
def test_weights_come_back_with_their_header(tmp_path: Path, compact: bool) -> None:
    torch.manual_seed(0)
    made, again = network(), network()
    save_weights(made, tmp_path / "w.safetensors", {"family": "test"}, compact)
    load_weights(again, tmp_path / "w.safetensors")
    assert read_header(tmp_path / "w.safetensors") == {**WEIGHTS.stamp, "family": "test"}
    x = torch.randn(2, 3, 8, 8)
    assert torch.allclose(made.eval()(x), again.eval()(x), atol=2e-2 if compact else 2e-3)


def test_compact_weights_are_half_as_large(tmp_path: Path) -> None:
    large = nn.Linear(512, 512)
    for compact in (False, True):
        save_weights(large, tmp_path / f"{compact}.safetensors", {}, compact)
    sizes = [(tmp_path / f"{c}.safetensors").stat().st_size for c in (True, False)]
    assert sizes[0] < 0.55 * sizes[1]


def test_foreign_files_and_unfinished_runs_are_named(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    with pytest.raises(CohortError, match="expected a weights file"):
        read_header(tmp_path / "w.safetensors")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(CohortError, match="has no weights yet"):
        weights_file(tmp_path / "run")


def test_everything_that_ships_is_there_and_fits_into_40_mb() -> None:
    assert sum(shipped(name).stat().st_size for name in FILES) < 40e6
    for name in ("flow", "segmenter", "reader"):
        hashes = read_header(shipped(name))["cohort_hash"].split("+")  # of each cohort that was learned from
        assert {len(one) for one in hashes} == {64}
    assert read_header(shipped("flow"))["origin"] == ["phantom"]


def _with_header(folder: Path, change: dict[str, object], lacks: str = "") -> Path:
    """A released run whose weights say something else of their network."""
    run = Path(shutil.copytree(RELEASED / "run", folder / "run"))
    header = {k: v for k, v in read_header(run / "weights.safetensors").items() if k != lacks}
    write_tensors(read_tensors(run / "weights.safetensors"), run / "weights.safetensors", header | change)
    return run


@pytest.mark.parametrize("lacks", ["family", "model", "vocabulary"])
def test_a_header_that_lacks_something_is_named(lacks: str, tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=rf"weights\.safetensors: expected a header with the {lacks} of its network"):
        synthcmr.load_generator(_with_header(tmp_path, {}, lacks))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"family": 5}, "the family of its network"),
        ({"family": "../../x"}, "family: expected one of refine, refine-once, flow"),
        ({"model": 5}, "the model of its network"),
        ({"model": {"channels": [10**8, 10**8]}}, "'channels.0': expected at most 4096"),
        ({"vocabulary": 5}, "the vocabulary of its network"),
        ({"vocabulary": [{"x": 1}]}, "the vocabulary of its network"),
        ({"vocabulary": [5]}, "the vocabulary of its network"),
        ({"vocabulary": []}, "they are of another shape: the file is damaged"),
    ],
)
def test_a_header_of_another_form_is_named(change: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(SynthcmrError, match=says):
        synthcmr.load_generator(_with_header(tmp_path, change))
