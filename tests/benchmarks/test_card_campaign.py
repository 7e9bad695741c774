"""A campaign tried whole at tiny sizes: cut short, carried over in small files, and gone on with elsewhere."""

import json
import shutil
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from benchmarks.campaign_files import LEVELS, MANIFEST, restore, save
from benchmarks.card_campaign import TINY_SUBJECTS, Clock, campaign, options

from synthcmr.errors import CohortError
from synthcmr.generators.families import load_generator
from synthcmr.training.run_folder import CHECKPOINT, RunFolder, load_checkpoint, save_checkpoint

PHANTOMS, STEPS = TINY_SUBJECTS, 12


class Calls(Clock):
    """Time that passes with questions; files are due at every one."""

    def __init__(self, calls: int) -> None:
        super().__init__(60)
        self.left = calls

    def over(self) -> bool:
        self.left -= 1
        return self.left < 0

    def due(self) -> bool:
        return True


def slice_of(folder: Path, out: str, calls: int, start: str | None = None, families: str = "refine,vae") -> bool:
    """One slice on a machine of its own."""
    words = ["--tiny", "--steps", str(STEPS), "--families", families]
    words += ["--out", str(folder / out), "--work", str(folder / f"machine-{out}")]
    words += ["--from", str(folder / start)] if start else []
    return campaign(options(words), Calls(calls)).go()


def test_a_campaign_goes_on_where_it_was_cut_short_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    assert not slice_of(tmp_path, "first", PHANTOMS + 2)
    files = list((tmp_path / "first").iterdir())
    assert len(files) <= 8
    assert max(file.stat().st_size for file in files) < 15 * 2**20
    told = json.loads((tmp_path / "first" / MANIFEST).read_text())
    assert told["checkpoints"] == LEVELS[0]
    assert told["phantoms"]["a_second"] > 0
    restore(tmp_path / "first", tmp_path / "looked")
    reached = load_checkpoint(tmp_path / "looked" / "refine" / CHECKPOINT)["step"]
    assert 0 < reached < STEPS
    for machine in ("machine-second", "machine-whole"):  # their seed would make the same ones again
        shutil.copytree(tmp_path / "machine-first" / "phantoms", tmp_path / machine / "phantoms")
    assert slice_of(tmp_path, "second", 10**6, "first")
    run = tmp_path / "machine-second" / "runs" / "refine"
    assert [m["step"] for m in RunFolder(run).metrics() if "samples" in m] == [3, 6, 9, 12]
    assert slice_of(tmp_path, "whole", 10**6, families="refine")
    hashes = [load_generator(tmp_path / f"machine-{name}" / "runs" / "refine").hash for name in ("second", "whole")]
    assert hashes[0] == hashes[1]
    told = json.loads((tmp_path / "second" / MANIFEST).read_text())
    assert set(told["runs"]) == {"refine", "vae"}
    assert told["runs"]["refine"]["images_a_second"] > 0
    assert 0 < told["runs"]["refine"]["share_of_matrix_rate"] < 1
    assert told["runs"]["vae"]["verdict"]


def test_large_checkpoints_are_reduced_until_they_fit_and_refused_where_they_do_not(tmp_path: Path) -> None:
    file = tmp_path / "runs" / "one" / CHECKPOINT
    file.parent.mkdir(parents=True)
    network = torch.nn.Linear(512, 512)
    optimiser = torch.optim.AdamW(network.parameters())
    network(torch.randn(4, 512)).sum().backward()
    optimiser.step()
    state = {"step": 1, "network": network.state_dict(), "ema": deepcopy(network).state_dict()}
    save_checkpoint(file, state | {"optimisers": {"one": optimiser.state_dict()}})
    levels = []
    for most in (5 * 2**20, 3 * 2**20, 2 * 2**20):
        levels.append(save(tmp_path / "runs", tmp_path / "out", {}, most))
        restore(tmp_path / "out", tmp_path / "again")
        found = load_checkpoint(tmp_path / "again" / "one" / CHECKPOINT)
        assert torch.allclose(found["network"]["weight"].float(), network.weight, atol=1e-3)
        optimiser.load_state_dict(found["optimisers"]["one"])
    assert levels == list(LEVELS)
    with pytest.raises(CohortError, match="expected weights of at most"):
        save(tmp_path / "runs", tmp_path / "out", {}, 2**19)


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "one"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text("{}\n")
    save(tmp_path / "runs", tmp_path / "out", {})
    part = next((tmp_path / "out").glob("runs.tar.*"))
    part.write_bytes(part.read_bytes()[:-1] + b"x")
    with pytest.raises(CohortError, match=r"expected the part that manifest\.json names"):
        restore(tmp_path / "out", tmp_path / "again")
    with pytest.raises(CohortError, match=r"expected manifest\.json of an earlier slice"):
        restore(tmp_path / "nothing", tmp_path / "again")
