"""What holds for every family: seeds, conditions, resume, and learning."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition, Neighbour
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.interface import Generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import RunFolder
from tests.generators.making import FAMILIES, LOOP

FAST = SamplerSettings(steps=3, guidance=2.0, until=1.0)


@pytest.fixture(scope="module")
def runs(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, made = tmp_path_factory.mktemp("families"), {}
    for name, (kind, model) in FAMILIES.items():
        family(kind).fit(phantom_cohort, folder / name, model, LOOP)
        made[name] = folder / name
    return made


@pytest.fixture(params=sorted(FAMILIES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def generator(runs: dict[str, Path], name: str) -> Generator:
    return load_generator(runs[name])


def asked(cohort: Cohort, count: int) -> list[Condition]:
    return [Condition(cohort.mask(i), {"sex": "female", "age": 50.0 + i}) for i in range(count)]


def test_one_word_chooses_a_family_and_its_run_says_which(
    generator: Generator, name: str, runs: dict[str, Path]
) -> None:
    assert generator.family == FAMILIES[name][0]
    record = RunFolder(runs[name]).record()
    assert record["finished"]
    assert record["family"] == generator.family
    assert any("held_out" in m for m in RunFolder(runs[name]).metrics())
    assert list((runs[name] / "sheets").glob("*.png"))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_image_depends_on_its_own_seed_and_condition_alone(
    generator: Generator, phantom_cohort: Cohort, precision: str
) -> None:
    conditions, seeds = asked(phantom_cohort, 4), list(range(4))
    settings = FAST.model_copy(update={"precision": precision})
    made = {b: generator.sample(conditions, seeds, settings.model_copy(update={"batch": b})) for b in (1, 3, 16)}
    assert made[1].shape == (4, 2, 64, 64)
    assert np.isfinite(made[1]).all()
    assert np.abs(made[1] - made[3]).max() < 1e-4
    assert np.abs(made[1] - made[16]).max() < 1e-4
    other = generator.sample(conditions[::-1], seeds[::-1], settings)
    assert np.abs(made[3] - other[::-1]).max() < 1e-4
    assert np.abs(made[3] - generator.sample(conditions, [s + 100 for s in seeds], settings)).max() > 1e-3


def test_mask_text_and_neighbour_are_followed_after_some_steps(
    name: str, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    """All networks start deaf where their last layers start at zero; forty steps are enough to hear."""
    kind, model = FAMILIES[name]
    loop = LOOP.model_copy(
        update={"steps": 40, "learning_rate": 3e-3, "held_out_every": 10, "sheet_every": 1000, "ema": 0.8}
    )
    generator = family(kind).fit(phantom_cohort, tmp_path / name, model, loop)
    plain = Condition(phantom_cohort.mask(3), {"sex": "female", "age": 30.0})
    changed = [
        Condition(phantom_cohort.mask(9), plain.attributes),
        Condition(plain.mask, {"sex": "male", "age": 80.0}),
        Condition(plain.mask, plain.attributes, Neighbour(phantom_cohort.image(2), phantom_cohort.mask(2))),
    ]
    made = generator.sample([plain, *changed], [5] * 4, SamplerSettings(steps=3, precision="fp32"))
    for k in range(1, 4):
        assert np.abs(made[k] - made[0]).max() > 1e-5
    held_out = [m["held_out"] for m in RunFolder(tmp_path / name).metrics() if "held_out" in m]
    if kind != "gan":  # where two play against each other, neither loss need fall
        assert np.mean(held_out[-2:]) < np.mean(held_out[:2])


def test_interrupted_training_ends_with_the_same_weights(
    name: str, runs: dict[str, Path], phantom_cohort: Cohort, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    told = 0

    def stop(progress: Progress) -> None:
        nonlocal told
        told += 1
        if told == 2:
            raise Killed

    kind, model = FAMILIES[name]
    with pytest.raises(Killed):
        family(kind).fit(phantom_cohort, tmp_path / name, model, LOOP, stop)
    again = family(kind).fit(phantom_cohort, tmp_path / name, model, LOOP)
    assert again.hash == load_generator(runs[name]).hash


@pytest.mark.parametrize("name", ["flow", "diffusion"])
@pytest.mark.parametrize("sampler", ["adams", "dpm++", "unipc", "ddim", "ddpm"])
def test_every_sampler_leads_both_families_from_the_same_noise_to_an_image(
    runs: dict[str, Path], phantom_cohort: Cohort, sampler: str, name: str
) -> None:
    generator = load_generator(runs[name])
    settings = FAST.model_copy(update={"sampler": sampler, "precision": "fp32"})
    made = generator.sample(asked(phantom_cohort, 3), [1, 2, 3], settings)
    alone = generator.sample(asked(phantom_cohort, 3)[1:2], [2], settings)
    assert np.abs(made[1] - alone[0]).max() < 1e-4


def test_every_family_has_every_preset() -> None:
    for kind in {kind for kind, _ in FAMILIES.values()}:
        for preset in ("cpu", "8g", "24g", "80g"):
            model, loop = family(kind).settings(preset)
            assert 128 % model.multiple == 0  # type: ignore[attr-defined]
            assert loop.batch % loop.accumulate == 0
