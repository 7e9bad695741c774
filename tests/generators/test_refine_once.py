"""Refining at once: light and detail of real images, shapes of phantoms, in a single evaluation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import records
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import LOOK, Condition, Neighbour
from synthcmr.errors import PrivacyError, SettingsError
from synthcmr.generators.families import load_generator
from synthcmr.generators.family_settings import RefineOnceSettings
from synthcmr.generators.refine.discriminator import ring_gap, unlike
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.once_generator import RefineOnceGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.privacy.ledger import LEDGER, OF_PATIENTS
from synthcmr.training.loop import Progress
from synthcmr.training.settings import PrivacySettings
from synthcmr.training.weights import read_tensors
from synthcmr.training.weights_ledger import weights_ledger
from tests.generators.making import FAMILIES, LOOP

TINY = FAMILIES["refine"][1].model_dump()
ONE = SamplerSettings(steps=1, precision="fp32")
DARKER = 0.5  # light of the hospital, against that of phantoms


def with_looks(phantoms: Cohort, out: Path, looks: tuple[str, ...]) -> Cohort:
    """Every other phantom as an image of a hospital, where it is darker; one of several hospitals in turn."""
    with CohortWriter(out, {"step": "test", "settings": {}}, "float16", (64, 64)) as writer:
        for k, record in enumerate(records(phantoms)):
            if k % 2:
                images = tuple(replace(i, image=i.image * DARKER, origin="real") for i in record.images)
                look = {LOOK: looks[k // 2 % len(looks)]}
                record = replace(record, images=images, attributes={**record.attributes, **look})
            writer.add(record)
        writer.finish(None, [], {LEDGER: OF_PATIENTS.to_json()})
    return Cohort.open(out)


@pytest.fixture(scope="module")
def hospital(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return with_looks(phantom_cohort, tmp_path_factory.mktemp("hospital") / "cohort", ("hospital",))


@pytest.fixture(scope="module")
def start(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A refining network that draws phantoms as they are."""
    run = tmp_path_factory.mktemp("start") / "refine"
    loop = LOOP.model_copy(update={"steps": 40, "learning_rate": 3e-3, "ema": 0.8, "checkpoint_every": 40})
    RefineGenerator.fit(phantom_cohort, run, FAMILIES["refine"][1], loop)
    return run


def settings(start: Path) -> RefineOnceSettings:
    kept = {name: TINY[name] for name in ("channels", "fine", "token_width", "attributes")}
    return RefineOnceSettings(**kept, start=str(start), crop=48, judge_channels=16)


@pytest.fixture(scope="module")
def finished(hospital: Cohort, start: Path, tmp_path_factory: pytest.TempPathFactory) -> RefineOnceGenerator:
    loop = LOOP.model_copy(
        update={"steps": 60, "learning_rate": 1e-3, "ema": 0.8, "checkpoint_every": 60, "held_out_every": 60}
    )
    return RefineOnceGenerator.fit(hospital, tmp_path_factory.mktemp("once") / "run", settings(start), loop)


def test_light_becomes_that_of_real_images_while_shapes_stay(
    finished: RefineOnceGenerator, start: Path, phantom_cohort: Cohort
) -> None:
    rows = range(0, 24, 3)
    asked = [Condition(phantom_cohort.mask(i), {}, start=phantom_cohort.image(i)) for i in rows]
    before = load_generator(start).sample(asked, list(rows), ONE)
    after = finished.sample(asked, list(rows), ONE)
    assert after.mean() < 0.8 * before.mean()  # 0.5 of it is real
    alike = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(after, before, strict=True)]
    assert np.mean(alike) > 0.85
    assert finished.usual_look == "hospital"


def test_one_evaluation_is_all_that_it_takes_whatever_is_asked_for(
    finished: RefineOnceGenerator, phantom_cohort: Cohort
) -> None:
    mask, image = phantom_cohort.mask(4), phantom_cohort.image(4)
    asked, evaluations = [Condition(mask, {}, start=image)], []
    hook = finished.network.unet.register_forward_hook(lambda *_: evaluations.append(1))
    once = finished.sample(asked, [3], ONE)
    many = finished.sample(asked, [3], ONE.model_copy(update={"steps": 20, "guidance": 3.0}))
    hook.remove()
    assert len(evaluations) == 2
    assert np.array_equal(once, many)
    assert not np.array_equal(once, finished.sample(asked, [4], ONE))
    beside = [replace(asked[0], neighbour=Neighbour(phantom_cohort.image(5), phantom_cohort.mask(5)))]
    assert not np.array_equal(once, finished.sample(beside, [3], ONE))
    with pytest.raises(SettingsError, match=r"--begin: .* has learned to begin at"):
        finished.sample(asked, [3], ONE.model_copy(update={"begin": 0.8}))


def test_a_run_that_was_cut_short_ends_with_the_same_weights(hospital: Cohort, start: Path, tmp_path: Path) -> None:
    loop = LOOP.model_copy(update={"precision": "fp32"})

    def cut(progress: Progress) -> None:
        if progress.step >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RefineOnceGenerator.fit(hospital, tmp_path / "cut", settings(start), loop, cut)
    for name in ("cut", "whole"):
        RefineOnceGenerator.fit(hospital, tmp_path / name, settings(start), loop)
    cut_short, whole = (read_tensors(tmp_path / name / "weights.safetensors") for name in ("cut", "whole"))
    assert all(torch.equal(value, whole[name]) for name, value in cut_short.items())
    assert any(name.startswith("judge.") for name in whole)
    assert "weights" in {entry.reason for entry in weights_ledger(tmp_path / "whole").broken}


def test_it_can_begin_from_a_run_of_its_own(finished: RefineOnceGenerator, hospital: Cohort, tmp_path: Path) -> None:
    run = tmp_path / "first"
    start = tmp_path / "refine"
    RefineGenerator.fit(hospital, start, FAMILIES["refine"][1], LOOP)
    RefineOnceGenerator.fit(hospital, run, settings(start), LOOP)
    again = RefineOnceGenerator.fit(hospital, tmp_path / "second", settings(run), LOOP)
    assert again.looks == ("hospital",)


def test_images_of_one_look_are_needed_and_privacy_is_refused(
    phantom_cohort: Cohort, hospital: Cohort, start: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="of one look beside phantoms, got phantoms alone"):
        RefineOnceGenerator.fit(phantom_cohort, tmp_path / "run", settings(start), LOOP)
    two = with_looks(phantom_cohort, tmp_path / "two", ("one hospital", "another"))
    with pytest.raises(
        SettingsError, match=r"got (another, one hospital|one hospital, another); train one run for each"
    ):
        RefineOnceGenerator.fit(two, tmp_path / "run", settings(start), LOOP)
    private = LOOP.model_copy(update={"dp": PrivacySettings()})
    with pytest.raises(PrivacyError, match=r"--dp: .* trains a discriminator"):
        RefineOnceGenerator.fit(hospital, tmp_path / "run", settings(start), private)
    with pytest.raises(SettingsError, match="expected a start; name a run of refine, or 'phantom'"):
        RefineOnceGenerator.fit(hospital, tmp_path / "run", settings(start).model_copy(update={"start": None}), LOOP)


def test_the_gap_of_spectra_is_that_of_their_logarithms() -> None:
    noise = torch.randn(64, 1, 48, 48, generator=torch.Generator().manual_seed(4))
    assert ring_gap(noise, noise) == 0
    assert abs(float(ring_gap(0.5 * noise, noise)) - np.log(4)) < 1e-4
    fine = noise + 0.3 * noise * (-1.0) ** (
        torch.arange(48)[:, None] + torch.arange(48)
    )  # more of the finest frequencies
    assert ring_gap(fine, noise) > 0.02


def test_likeness_knows_shapes_and_not_light() -> None:
    source = torch.Generator().manual_seed(3)
    shapes = torch.rand(2, 1, 12, 12, generator=source).repeat_interleave(4, 2).repeat_interleave(4, 3) * 2 - 1
    slope = torch.linspace(0.4, 1.0, 48)
    lit = ((shapes + 1) / 2 * slope + 0.1) * 2 - 1
    others = torch.rand(2, 1, 12, 12, generator=source).repeat_interleave(4, 2).repeat_interleave(4, 3) * 2 - 1
    assert unlike(shapes, shapes) < 0.02
    assert unlike(lit, shapes) < 0.08
    assert unlike(others, shapes) > 0.5
    assert unlike(-shapes, shapes) > 1.0
    assert unlike(others, torch.zeros_like(shapes)) < 0.001  # where the start shows nothing, anything may be drawn
