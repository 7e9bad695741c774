from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition, Neighbour
from synthcmr.errors import CohortError, SettingsError
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.fingerprints import NAME, Fingerprints
from synthcmr.generators.flow import FlowGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.images import load_images
from synthcmr.training.loop import Progress
from synthcmr.training.run_folder import RunFolder
from tests.cohort.making import with_new_checks
from tests.generators.making import LOOP, TINY, phantoms

FAST = SamplerSettings(steps=3, guidance=2.0)


def conditions(cohort: Cohort, count: int) -> list[Condition]:
    return [Condition(cohort.mask(i), {"sex": "female", "age": 50.0 + i}) for i in range(count)]


def test_a_run_holds_what_is_needed_to_use_it_and_to_know_it(tiny_run: Path, phantom_cohort: Cohort) -> None:
    record = RunFolder(tiny_run).record()
    assert record["finished"]
    assert record["cohort_hash"] == phantom_cohort.hash
    metrics = RunFolder(tiny_run).metrics()
    assert metrics[-1]["step"] == LOOP.steps
    assert any("held_out" in m for m in metrics)
    assert list((tiny_run / "sheets").glob("*.png"))
    generator = load_generator(tiny_run)
    assert generator.family == "flow"
    assert {"sex", "age", "bmi", "diagnosis", "chest_fat_mm"} <= set(generator.vocabulary.names)
    assert generator.facts["scanners"]


def test_images_have_the_shape_and_range_that_was_asked(tiny_run: Path, phantom_cohort: Cohort) -> None:
    made = load_generator(tiny_run).sample(conditions(phantom_cohort, 2), [1, 2], FAST)
    assert made.shape == (2, 2, 64, 64)
    assert 0 <= made.min() <= made.max() <= 1
    assert np.isfinite(made).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_an_image_depends_on_its_own_seed_and_condition_alone(
    tiny_run: Path, phantom_cohort: Cohort, precision: str
) -> None:
    generator = load_generator(tiny_run)
    asked, seeds = conditions(phantom_cohort, 7), list(range(7))
    settings = FAST.model_copy(update={"precision": precision})
    made = {b: generator.sample(asked, seeds, settings.model_copy(update={"batch": b})) for b in (1, 7, 16)}
    assert np.abs(made[1] - made[7]).max() < 1e-4
    assert np.abs(made[1] - made[16]).max() < 1e-4
    other = generator.sample(asked[::-1], seeds[::-1], settings)
    assert np.abs(made[7] - other[::-1]).max() < 1e-4
    assert np.abs(made[7] - generator.sample(asked, [s + 100 for s in seeds], settings)).max() > 0.1


def test_mask_text_and_neighbour_reach_the_image(tiny_run: Path, phantom_cohort: Cohort) -> None:
    generator = load_generator(tiny_run)
    plain = Condition(phantom_cohort.mask(3), {"sex": "female", "age": 30.0})
    changed = [
        Condition(phantom_cohort.mask(9), plain.attributes),
        Condition(plain.mask, {"sex": "male", "age": 30.0}),
        Condition(plain.mask, plain.attributes, Neighbour(phantom_cohort.image(2), phantom_cohort.mask(2))),
    ]
    made = generator.sample([plain, *changed], [5] * 4, SamplerSettings(steps=3, precision="fp32"))
    for k in range(1, 4):
        assert np.abs(made[k] - made[0]).max() > 1e-5


def test_both_branches_of_guidance_lead_somewhere_else(tiny_run: Path, phantom_cohort: Cohort) -> None:
    generator = load_generator(tiny_run)
    asked = [Condition(phantom_cohort.mask(0), {"sex": "female", "vendor": "Siemens"})]
    made = [
        generator.sample(asked, [1], SamplerSettings(steps=3, guidance=w, branch=branch, precision="fp32"))
        for w, branch in ((1.0, "empty"), (3.0, "empty"), (3.0, "metadata-free"))
    ]
    assert np.abs(made[0] - made[1]).max() > 1e-5
    assert np.abs(made[1] - made[2]).max() > 1e-6


def test_interrupted_training_ends_with_the_same_weights(
    tiny_run: Path, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise Killed

    with pytest.raises(Killed):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, LOOP, stop)
    assert FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, LOOP).hash == load_generator(tiny_run).hash


def test_a_copy_of_a_training_image_is_recognised_and_a_stranger_is_not(tiny_run: Path, phantom_cohort: Cohort) -> None:
    prints = Fingerprints.load(tiny_run / NAME)
    assert prints is not None
    training, held_out = (load_images(phantom_cohort, s).image for s in ("train", "validation"))
    assert prints.nearest(training).min() > 0.995
    assert prints.nearest(held_out).max() <= prints.limit + 1e-6


def test_masks_that_do_not_fit_the_network_are_refused(tiny_run: Path) -> None:
    generator = load_generator(tiny_run)
    with pytest.raises(SettingsError, match="expected 2 frame"):
        generator.sample([Condition(np.zeros((1, 64, 64), np.uint8))], [1], FAST)
    with pytest.raises(SettingsError, match="multiples of 8, got 60x60"):
        generator.sample([Condition(np.zeros((2, 60, 60), np.uint8))], [1], FAST)
    with pytest.raises(SettingsError, match="diagnosis 'Fabry'"):
        generator.sample([Condition(np.zeros((2, 64, 64), np.uint8), {"diagnosis": "Fabry"})], [1], FAST)


def test_balance_by_something_unknown_is_refused(phantom_cohort: Cohort, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="got 'shoe_size'"):
        FlowGenerator.fit(phantom_cohort, tmp_path / "run", TINY, LOOP.model_copy(update={"balance": ("shoe_size",)}))


def test_unknown_families_and_presets_name_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected one of refine, refine-once, flow"):
        family("gaussian")
    with pytest.raises(SettingsError, match="cpu, 8g, 24g, 80g"):
        FlowGenerator.settings("16g")
    with pytest.raises(CohortError, match="expected a run folder"):
        load_generator(tmp_path)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")  # MONAI initialises by loading zeros
@pytest.mark.parametrize("preset", ["cpu", "8g", "24g", "80g"])
def test_every_preset_builds(preset: str, tiny_run: Path) -> None:
    from synthcmr.generators.flow import FlowNetwork

    model, loop = FlowGenerator.settings(preset)
    vocabulary = load_generator(tiny_run).vocabulary
    with torch.device("meta"):  # shapes without memory
        network = FlowNetwork(model, vocabulary)
    assert sum(p.numel() for p in network.parameters()) > 5e6
    assert 128 % model.multiple == 0
    assert loop.batch % loop.accumulate == 0


def test_images_with_other_frames_are_asked_for_by_name(tmp_path: Path) -> None:
    from synthcmr.phantom.cohort import make_phantoms

    single = make_phantoms(tmp_path / "single", subjects=2, frames=1, workers=1)
    with pytest.raises(CohortError, match=r"expected images with 2 frame\(s\).*model.frames=N"):
        FlowGenerator.fit(single, tmp_path / "run", TINY, LOOP)


@pytest.mark.parametrize("predict", ["rest", "image", "velocity"])
def test_every_kind_of_prediction_learns(predict: str, phantom_cohort: Cohort, tmp_path: Path) -> None:
    model = TINY.model_copy(update={"predict": predict})
    loop = LOOP.model_copy(
        update={"steps": 40, "learning_rate": 3e-3, "held_out_every": 20, "sheet_every": 1000, "ema": 0.8}
    )
    FlowGenerator.fit(phantom_cohort, tmp_path / predict, model, loop)
    held_out = [m["held_out"] for m in RunFolder(tmp_path / predict).metrics() if "held_out" in m]
    assert held_out[-1] < held_out[0]


def test_guidance_ends_where_it_is_told_to_and_then_costs_nothing(tiny_run: Path, phantom_cohort: Cohort) -> None:
    generator = load_generator(tiny_run)
    rows: list[int] = []
    unet = generator.network.unet  # type: ignore[attr-defined]
    handle = unet.register_forward_hook(lambda module, args, kwargs, out: rows.append(len(out)), with_kwargs=True)
    asked = conditions(phantom_cohort, 1)
    for until, expected in ((1.0, [2, 2, 2, 2]), (0.5, [2, 2, 1, 1])):
        rows.clear()
        generator.sample(asked, [1], SamplerSettings(steps=4, guidance=3.0, until=until, shift=1.0))
        assert rows == expected
    handle.remove()


def test_a_diagnosis_that_held_out_subjects_alone_have_stops_no_training(tmp_path: Path) -> None:
    """It is unknown to the network, so held-out images are looked at without it."""
    cohort = phantoms(tmp_path / "c")
    file = tmp_path / "c/subjects.parquet"
    table = pd.read_parquet(file)
    table.loc[0, ["split", "diagnosis"]] = ["validation", "Fabry"]
    table.to_parquet(file)
    run = FlowGenerator.fit(Cohort.open(with_new_checks(cohort.path)), tmp_path / "run", TINY, LOOP)
    assert not run.vocabulary.knows("diagnosis", "Fabry")
    assert "held_out" in (tmp_path / "run/metrics.jsonl").read_text()
