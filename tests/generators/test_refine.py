"""Refining: frames of any number, looks that are told apart, and where on the way it begins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import records
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import LOOK, Condition
from synthcmr.errors import SettingsError
from synthcmr.generators.family_settings import RefineSettings
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.sampler import SamplerSettings
from tests.generators.making import FAMILIES, LOOP

MODEL = FAMILIES["refine"][1]
FAST = SamplerSettings(steps=3, precision="fp32")


@pytest.fixture(scope="module")
def two_looks(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """People of two sites: one gives pairs, the other single frames that are twice as dark."""
    out = tmp_path_factory.mktemp("looks") / "cohort"
    with CohortWriter(out, {"step": "test", "settings": {}}, "float16", (64, 64)) as writer:
        for k, record in enumerate(records(phantom_cohort)):
            if k % 2:
                images = tuple(
                    replace(i, image=i.image[:1] * 0.5, mask=i.mask[:1], phases=i.phases[:1], labelled=i.labelled[:1],
                            frame_indices=i.frame_indices[:1], trigger_ms=i.trigger_ms[:1])
                    for i in record.images
                )  # fmt: skip
                record = replace(record, images=images)
            writer.add(replace(record, attributes={**record.attributes, LOOK: "dark" if k % 2 else "bright"}))
        writer.finish(None, [])
    return Cohort.open(out)


def test_frames_of_any_number_are_learned_from_and_drawn_and_looks_are_told_apart(
    two_looks: Cohort, tmp_path: Path
) -> None:
    assert set(two_looks.images["n_frames"]) == {1, 2}
    loop = LOOP.model_copy(update={"steps": 60, "learning_rate": 3e-3, "ema": 0.8, "checkpoint_every": 60})
    model = RefineSettings.model_validate(MODEL.model_dump() | {"contrast": 0.0})
    generator = RefineGenerator.fit(two_looks, tmp_path / "run", model, loop)
    assert set(generator.looks) == {"dark", "bright"}
    pair = int(np.flatnonzero(two_looks.images["n_frames"] == 2)[5])
    mask, image = two_looks.mask(pair), two_looks.image(pair)
    asked = [Condition(mask, {LOOK: look}, start=image) for look in ("dark", "bright")]
    dark, bright = generator.sample(asked, [1, 1], FAST.model_copy(update={"begin": 0.3}))
    assert dark.shape == (2, 64, 64)
    assert dark.mean() < bright.mean()
    cine = Condition(np.concatenate([mask] * 3), {}, start=np.concatenate([image] * 3))
    assert generator.sample([cine], [1], FAST).shape == (1, 6, 64, 64)
    usual = generator.sample([Condition(mask, {}, start=image)], [1], FAST)
    named = generator.sample([Condition(mask, {LOOK: generator.usual_look}, start=image)], [1], FAST)
    assert np.array_equal(usual, named)


def test_the_later_it_begins_the_more_of_what_it_began_with_is_kept(phantom_cohort: Cohort, tmp_path: Path) -> None:
    generator = RefineGenerator.fit(phantom_cohort, tmp_path / "run", MODEL, LOOP)
    image, mask = phantom_cohort.image(4), phantom_cohort.mask(4)
    asked = [Condition(mask, {}, start=image)]
    off = [
        np.abs(generator.sample(asked, [3], FAST.model_copy(update={"begin": begin}))[0] - image).mean()
        for begin in (0.35, 0.6, 0.98)
    ]
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.05
    with pytest.raises(SettingsError, match="or with none"):
        generator.sample([*asked, Condition(mask, {})], [1, 2], FAST)
