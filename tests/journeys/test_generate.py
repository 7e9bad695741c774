"""Asking for images, as a newcomer types it: with the weights that come with the package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.training.run_folder import RunFolder
from tests.journeys.typing_in import run
from tests.report.accessible import check


@pytest.fixture(scope="module")
def women(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("generate") / "out"
    said = run(
        "generate", out, "--prompt", "woman, 67, BMI 31, heart failure, left-handed", "-n", 4, "--steps", 4
    ).stdout
    return out, said


def test_a_sentence_gives_images_that_say_what_they_are(women: tuple[Path, str]) -> None:
    out, said = women
    made = Cohort.open(out)
    assert "understood: Short-axis cardiac MRI. Woman, 67 years, BMI 31, heart failure." in said
    assert "not understood, left out: left-handed" in said
    assert "screening:" in said
    assert "hardly screens" not in said
    assert "sampled (not in the request): height_cm, weight_kg, diagnosis" in said, "HF leaves open which"
    assert len(made) + len(made.rejects) == 4
    assert set(made.subjects["sex"]) == {"female"}
    assert set(made.subjects["age"]) == {67.0}
    assert set(made.subjects["diagnosis"]) <= {"DCM", "HFpEF"}
    assert set(made.images["origin"]) == {"synthetic"}


def test_a_stack_goes_to_nnunet_as_a_volume(tmp_path: Path) -> None:
    run("generate", tmp_path / "s", "--subjects", 1, "--prompt", "man, severe DCM", "--steps", 2, "--no-screen")
    run("export", tmp_path / "s", tmp_path / "nn", "--format", "nnunet")
    data = json.loads((tmp_path / "nn/Dataset501_SynthCMR/dataset.json").read_text())
    assert data["numTraining"] == 2
    import nibabel as nib

    volume = nib.load(next((tmp_path / "nn/Dataset501_SynthCMR/imagesTr").glob("*.nii.gz")))
    assert volume.shape[:2] == (128, 128)
    assert volume.shape[2] >= 5


@pytest.mark.parametrize(
    ("prompt", "named"),
    [
        ("male, pregnant", "contradict"),
        ("BMI 900", "expected 8 to 120"),
        ("hombre de 70 años", "Prompts are English"),
        ("", "empty"),
        ("heart " * 2000, "at most 1000 characters"),
    ],
)
def test_impossible_prompts_get_a_clear_answer(tmp_path: Path, prompt: str, named: str) -> None:
    done = run("generate", tmp_path / "out", "--prompt", prompt, ok=False)
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--run", "nowhere"), "expected a run folder"),
        (("-n", "2", "--subjects", "2"), "expected one of them"),
        (("--masks", "real"), "--follow COHORT"),
        (("--prompt", 'Fuji scanner, woman, diagnosis "Fabry"'), "has not seen it"),
        (("--size", "100"), "multiple of"),
    ],
)
def test_wrong_options_are_explained(tmp_path: Path, words: tuple[str, ...], named: str) -> None:
    done = run("generate", tmp_path / "out", *words, "--no-screen", "--steps", 1, ok=False)
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_train_judge_and_generate_from_the_command_line(tmp_path: Path) -> None:
    run("phantom", tmp_path / "c", "-n", 12, "--size", 64, "--spacing", 3, "--preset", "everyone")
    tiny = [
        "--set",
        "model.channels=[32,32]",
        "--set",
        "model.attention=[false,true]",
        "--set",
        "model.head_channels=16",
    ]
    loop = [
        w
        for k in ("steps=4", "batch=4", "held_out_every=2", "checkpoint_every=2", "sheet_every=4")
        for w in ("--set", f"loop.{k}")
    ]
    said = run("train", "flow", tmp_path / "c", tmp_path / "run", *tiny, *loop, "--balance", "sex").stdout
    assert "synthcmr generate OUT --run" in said
    page = (tmp_path / "run/curves.html").read_text()
    check(tmp_path / "run/curves.html")
    assert "held out" in page
    assert "data:image/png;base64" in page
    run("judge", "fit", "segmenter", tmp_path / "c", tmp_path / "j/segmenter", "--set", "model.size=64", *loop[:8])
    run("judge", "fit", "reader", tmp_path / "c", tmp_path / "j/reader", *loop[:8])
    assert (
        "dice lv"
        in run("judge", "score", "segmenter", tmp_path / "c", tmp_path / "j/segmenter", "--split", "all").stdout
    )
    words = ("--run", tmp_path / "run", "--judges", tmp_path / "j", "-n", 2, "--steps", 1, "--size", 64)
    said = run("generate", tmp_path / "out", *words).stdout
    assert "so it hardly screens. Train it longer" in said, (
        "a judge that never learned lets everything pass, and must say so"
    )
    assert "synthcmr judge score segmenter" in said


def test_misspelt_settings_are_refused_by_name(tmp_path: Path) -> None:
    run("phantom", tmp_path / "c", "-n", 2, "--size", 64)
    done = run("train", "flow", tmp_path / "c", tmp_path / "run", "--set", "loop.step=4", ok=False)
    assert "unknown key 'step'; did you mean 'steps'? allowed: steps" in done.stderr
    done = run("train", "flow", tmp_path / "c", tmp_path / "run", "--set", "steps=4", ok=False)
    assert "expected model.KEY=VALUE or loop.KEY=VALUE" in done.stderr


def test_two_processes_train_together_from_the_command_line(tmp_path: Path) -> None:
    run("phantom", tmp_path / "c", "-n", 6, "--size", 64, "--spacing", 3)
    tiny = [
        "--set",
        "model.channels=[32,32]",
        "--set",
        "model.attention=[false,true]",
        "--set",
        "model.head_channels=16",
    ]
    tiny += [
        "--set",
        "loop.steps=2",
        "--set",
        "loop.batch=4",
        "--set",
        "loop.precision=fp32",
        "--set",
        "loop.held_out_every=1",
    ]
    tiny += ["--set", "loop.learning_rate=0.0001"]
    run("train", "flow", tmp_path / "c", tmp_path / "alone", *tiny)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "synthcmr", "train", "flow"]
    command = [sys.executable, *words, str(tmp_path / "c"), str(tmp_path / "two"), *tiny]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    alone, two = (
        [m["held_out"] for m in RunFolder(tmp_path / name).metrics() if "held_out" in m] for name in ("alone", "two")
    )
    assert two == pytest.approx(alone, abs=1e-3)
