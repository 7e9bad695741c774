"""Stable Diffusion with a ControlNet, on a tiny model of the real classes that is built here."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.family_settings import StableSettings
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.generators.stable_diffusion import paper_prompt
from synthcmr.training.run_folder import RunFolder
from tests.generators.making import LOOP, stable_diffusion

transformers = pytest.importorskip("transformers", reason="the clip extra is not installed")
FAST = SamplerSettings(steps=3, guidance=4.0, until=1.0, branch="empty")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stable_diffusion(tmp_path_factory.mktemp("stable"))


@pytest.fixture(scope="module")
def runs(base: Path, phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    loop = LOOP.model_copy(
        update={"steps": 3, "batch": 2, "held_out_every": 3, "sheet_every": 3, "learning_rate": 1e-2}
    )
    for tune in ("controlnet", "lora", "full"):
        model = StableSettings(base=str(base), tune=tune, resolution=64, token_width=16, lora_rank=2)
        family("stable").fit(phantom_cohort, folder / tune, model, loop)
    return {tune: folder / tune for tune in ("controlnet", "lora", "full")}


@pytest.mark.parametrize("tune", ["controlnet", "lora", "full"])
def test_each_way_of_tuning_trains_and_draws_by_seed(runs: dict[str, Path], phantom_cohort: Cohort, tune: str) -> None:
    assert any("held_out" in m for m in RunFolder(runs[tune]).metrics())
    generator = load_generator(runs[tune])
    asked = [Condition(phantom_cohort.mask(i), {"sex": "female", "age": 50.0 + i}) for i in range(3)]
    made = generator.sample(asked, [1, 2, 3], FAST)
    assert made.shape == (3, 2, 64, 64)
    assert np.isfinite(made).all()
    assert np.abs(made[1] - generator.sample(asked[1:2], [2], FAST)[0]).max() < 1e-4
    assert np.abs(made - generator.sample(asked, [4, 5, 6], FAST)).max() > 1e-3


def test_only_what_is_tuned_is_stored(runs: dict[str, Path]) -> None:
    from synthcmr.training.run_folder import WEIGHTS
    from synthcmr.training.weights import read_tensors

    names = {tune: set(read_tensors(run / WEIGHTS)) for tune, run in runs.items()}
    assert all(name.startswith("control.") for name in names["controlnet"])
    assert any(name.startswith("unet.") for name in names["lora"])
    assert names["lora"] == names["full"]
    assert not any("text_model" in name or "encoder.conv_in" in name for name in names["full"])


def test_the_prompt_is_the_papers() -> None:
    asked = {"sex": "female", "age": 71.0, "bmi": 33.0, "diagnosis": "DCM", "vendor": "Siemens"}
    assert paper_prompt(asked) == "Female, age in 70s, obese BMI, heart failure"
    assert paper_prompt({"sex": "male", "bmi": 24.9, "diagnosis": "NOR"}) == "Male, normal BMI, healthy"
    assert paper_prompt({}) == ""


def test_a_missing_base_is_explained(phantom_cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SettingsError, match=r"model\.base: expected the hub name or the folder of a Stable Diffusion"):
        family("stable").fit(phantom_cohort, tmp_path / "run", StableSettings(base=str(tmp_path / "none")), LOOP)
