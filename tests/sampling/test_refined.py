"""Phantoms of requests, refined: what was asked for is what is measured, and what the network begins from."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.measures import measure
from synthcmr.errors import SettingsError
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.report.generated_page import write_generated_page
from synthcmr.report.pictures import heart_picture
from synthcmr.sampling.generate import generate
from synthcmr.sampling.requests import from_prompt, like_cohort
from synthcmr.sampling.settings import GenerateSettings, ScreenSettings
from synthcmr.sampling.sources import Sources, fingerprints_of
from synthcmr.training.shipped_weights import shipped
from tests.generators.making import FAMILIES, LOOP
from tests.report.accessible import check
from tests.report.playing import playing_images

FAST = GenerateSettings(sampler=SamplerSettings(steps=2), screen=ScreenSettings(enabled=False), size=64, spacing_mm=3.0)
ASKED = {"lv_edv_ml": 210.0, "lv_ef_percent": 35.0, "lv_mass_g": 140.0}


@pytest.fixture(scope="module")
def run(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refine") / "run"
    RefineGenerator.fit(phantom_cohort, folder, FAMILIES["refine"][1], LOOP)
    return folder


def test_a_stack_measures_what_was_asked_and_begins_from_its_phantom(run: Path, tmp_path: Path) -> None:
    requests = from_prompt(1, 3, {"sex": "male", "diagnosis": "DCM", "vendor": "Philips"}, ASKED, None, "whole", "")
    near = replace_sampler(FAST, begin=0.99)
    cohort = generate(tmp_path / "near", requests, Sources(run), near)
    (stack,) = cohort.stacks(requests[0].name)
    found = measure(stack.mask, stack.spacing_mm or (0, 0), stack.slice_step_mm or 0)
    for name, value in ASKED.items():
        assert found[name] == pytest.approx(value, rel=0.06)
    assert cohort.subjects["vendor"].iloc[0] == "Philips"
    drawn = set(cohort.subjects["drawn"].iloc[0].split(","))
    assert {"age", "bmi"} <= drawn
    assert not {"sex", "diagnosis", "vendor"} & drawn
    assert set(cohort.images["begin"]) == {0.99}
    further = generate(tmp_path / "far", requests, Sources(run), replace_sampler(FAST, begin=0.35))
    (other,) = further.stacks(requests[0].name)
    assert np.array_equal(stack.mask, other.mask)
    assert not np.array_equal(stack.image, other.image)


def test_images_depend_on_their_request_alone(run: Path, tmp_path: Path) -> None:
    requests = from_prompt(3, 5, {"sex": "female"}, {}, None, "mid", "")
    together = generate(tmp_path / "together", requests, Sources(run), FAST)
    alone = generate(tmp_path / "alone", requests[1:2], Sources(run), FAST)
    row = list(together.images["subject_id"]).index(requests[1].name)
    assert np.array_equal(together.image(row), alone.image(0))


def test_a_cine_has_the_phases_that_were_asked_for(run: Path, tmp_path: Path) -> None:
    requests = from_prompt(1, 7, {}, {}, None, "mid", "")
    cohort = generate(tmp_path / "cine", requests, Sources(run), FAST.model_copy(update={"frames": 6}))
    assert cohort.image(0).shape == (6, 64, 64)
    assert {"ED", "ES"} <= set(cohort.images["phases"].iloc[0])
    cavity = (cohort.mask(0) == 1).sum(axis=(1, 2))
    assert cavity.argmax() in (0, 5)
    assert cavity.min() < 0.9 * cavity[0]
    times, rate = cohort.images["trigger_ms"].iloc[0], cohort.subjects["heart_rate"].iloc[0]
    assert list(times) == pytest.approx([10000 / rate * k for k in range(6)], abs=0.06)
    page = write_generated_page(cohort, tmp_path)
    check(page)
    (cine,) = playing_images(page)
    assert cine.n_frames == 6
    assert b"SYNTHETIC" in cine.info["comment"]
    text = page.read_text()
    es = list(cohort.images["phases"].iloc[0]).index("ES")
    assert heart_picture(cohort.image(0)[es], cohort.mask(0)[es]) in text, "and not the last phase"


def test_a_look_that_was_not_learned_and_a_begin_before_what_was_are_refused(run: Path, tmp_path: Path) -> None:
    requests = from_prompt(1, 7, {}, {}, None, "mid", "")
    with pytest.raises(SettingsError, match="--look: expected one that the run has learned"):
        generate(tmp_path / "look", requests, Sources(run), FAST.model_copy(update={"look": "nobody's"}))
    with pytest.raises(SettingsError, match=r"--begin: this run has learned the way from 0\.3 on"):
        generate(tmp_path / "begin", requests, Sources(run), replace_sampler(FAST, begin=0.05))


def replace_sampler(settings: GenerateSettings, **changes: float) -> GenerateSettings:
    return settings.model_copy(update={"sampler": settings.sampler.model_copy(update=changes)})


@pytest.mark.parametrize("masks", ["real", "deformed"])
def test_given_hearts_are_painted_into_phantoms(run: Path, phantom_cohort: Cohort, tmp_path: Path, masks: str) -> None:
    who = str(phantom_cohort.subjects["subject_id"].iloc[0])
    requests = like_cohort([(who, phantom_cohort.attributes(who))], 1, 2, {}, "whole")
    settings = FAST.model_copy(update={"masks": masks})
    cohort = generate(tmp_path / "out", requests, Sources(run, like=phantom_cohort.path), settings)
    (own,), (made,) = phantom_cohort.stacks(who), cohort.stacks(requests[0].name)
    assert np.array_equal(own.mask, made.mask) == (masks == "real")
    assert set(cohort.images["anatomy_source"]) == {f"{masks}:{who}"}
    blood, wall = (np.median(made.image[made.mask == label]) for label in (1, 2))
    assert blood > wall


def test_another_look_begins_from_the_image_itself(run: Path, phantom_cohort: Cohort, tmp_path: Path) -> None:
    who = str(phantom_cohort.subjects["subject_id"].iloc[0])
    requests = like_cohort([(who, phantom_cohort.attributes(who))], 1, 2, {"vendor": "GE"}, "whole")
    settings = replace_sampler(FAST, begin=0.9).model_copy(update={"masks": "real", "redraw": True})
    cohort = generate(tmp_path / "out", requests, Sources(run, like=phantom_cohort.path), settings)
    (own,), (made,) = phantom_cohort.stacks(who), cohort.stacks(requests[0].name)
    assert np.corrcoef(own.image.ravel(), made.image.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(("run", "prints"), [("refine", "refine-fingerprints"), ("flow", "fingerprints")])
def test_a_generator_that_ships_is_screened_against_what_it_learned_from_by_whichever_name(
    run: str, prints: str
) -> None:
    assert fingerprints_of(shipped(run)) == shipped(prints)
    assert fingerprints_of(None) == shipped("refine-fingerprints")
