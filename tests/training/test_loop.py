import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.errors import CohortError, SettingsError
from synthcmr.training.run_folder import CHECKPOINT, RunFolder, load_checkpoint, random_state, set_random_state
from tests.training.making import SETTINGS, loop, weights

ROOT = Path(__file__).parents[2]


def test_it_learns_what_there_is_to_learn_and_the_average_is_what_comes_out(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 300})
    network = loop(tmp_path / "run", settings).fit()
    assert weights(network) == pytest.approx([3, -1], abs=0.05)


def test_stopped_and_continued_equals_never_stopped(tmp_path: Path) -> None:
    whole = loop(tmp_path / "whole").fit()
    loop(tmp_path / "parts").fit(until=17)
    loop(tmp_path / "parts").fit(until=30)
    parts = loop(tmp_path / "parts").fit()
    assert np.array_equal(weights(whole), weights(parts))
    steps = [m["step"] for m in RunFolder(tmp_path / "parts").metrics()]
    assert steps == sorted(set(steps))


KILLED = """
import sys, time
from pathlib import Path
from tests.training.making import loop, SETTINGS
going = loop(Path(sys.argv[1]))
take = going._one_step
def slow(*given):
    time.sleep(0.05)
    return take(*given)
going._one_step = slow
going.fit()
"""


def test_killed_at_any_moment_and_repeated_equals_never_killed(tmp_path: Path) -> None:
    whole = loop(tmp_path / "whole").fit()
    run = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(run)], cwd=ROOT)
    while not (run / CHECKPOINT).exists() and process.poll() is None:  # imports take long on a busy machine
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = load_checkpoint(run / CHECKPOINT)["step"]
    assert 0 < reached < SETTINGS.steps
    assert np.array_equal(weights(loop(run).fit()), weights(whole))


def test_accumulated_parts_equal_the_whole_batch(tmp_path: Path) -> None:
    whole = loop(tmp_path / "whole").fit()
    parts = loop(tmp_path / "parts", SETTINGS.model_copy(update={"accumulate": 4})).fit()
    assert weights(parts) == pytest.approx(weights(whole), abs=1e-5)


GLOO = """
import sys
from pathlib import Path
from tests.training.making import loop, weights
going = loop(Path(sys.argv[1]))
network = going.fit()
if going.main:
    print(list(map(float, weights(network))))
import torch.distributed
torch.distributed.destroy_process_group()
"""


def test_two_processes_train_to_what_one_with_the_whole_batch_does(tmp_path: Path) -> None:
    alone = loop(tmp_path / "alone")
    expected = weights(alone.fit())
    script = tmp_path / "two.py"
    script.write_text(GLOO)
    RunFolder(tmp_path / "two").start({"family": "line", "loop": SETTINGS.model_dump(mode="json")}, [])
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        str(script),
        str(tmp_path / "two"),
    ]
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))
    assert found == pytest.approx(expected, abs=1e-5)
    losses = [[m["loss_line"] for m in RunFolder(tmp_path / name).metrics()] for name in ("alone", "two")]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)
    held_out = [[m["held_out"] for m in RunFolder(tmp_path / n).metrics() if "held_out" in m] for n in ("alone", "two")]
    assert held_out[0] == pytest.approx(held_out[1], abs=1e-3)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected a multiple of 3"):
        loop(tmp_path / "run", SETTINGS.model_copy(update={"accumulate": 3}))


def test_another_run_in_the_folder_is_refused_with_what_differs(tmp_path: Path) -> None:
    loop(tmp_path / "run").fit(until=10)
    with pytest.raises(CohortError, match=r"loop.batch was 8, is now 16"):
        loop(tmp_path / "run", SETTINGS.model_copy(update={"batch": 16}))


def test_a_checkpoint_cut_short_is_named(tmp_path: Path) -> None:
    loop(tmp_path / "run").fit(until=10)
    file = tmp_path / "run" / CHECKPOINT
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(CohortError, match="expected a checkpoint"):
        loop(tmp_path / "run")


def test_global_random_state_survives(tmp_path: Path) -> None:
    state = random_state()
    first = torch.rand(3), np.random.rand(3)
    set_random_state(state)
    again = torch.rand(3), np.random.rand(3)
    assert torch.equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
