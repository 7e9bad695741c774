"""An encoder that learned on drawn hearts sees on others what was done to them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.cmr import CmrExtractor
from synthcmr.evaluation.features.stream import batches
from synthcmr.judges.encoder import ImageEncoder
from synthcmr.judges.scores import score_encoder
from synthcmr.judges.segmenter import Segmenter
from synthcmr.judges.settings import EncoderSettings, SegmenterSettings
from synthcmr.training.settings import LoopSettings
from tests.evaluation.making import cohort_of, heart
from tests.journeys.typing_in import run

NEVER = 10**6
LOOP = LoopSettings(
    steps=150, batch=16, learning_rate=3e-3, warmup=5, ema=0.9, held_out_every=NEVER, checkpoint_every=NEVER
)
SMALL = EncoderSettings(filters=(8, 8, 16, 16), features=16, attributes=("diagnosis",))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    ImageEncoder.fit(cohort_of(folder / "learn", [heart(k) for k in range(40)]), folder / "run", SMALL, LOOP)
    return folder / "run"


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return cohort_of(tmp_path_factory.mktemp("others") / "c", [heart(k) for k in range(500, 520)])


def test_it_sees_damage_on_hearts_it_never_saw(fitted: Path, others: Cohort) -> None:
    found = score_encoder(others, fitted, None)
    assert found.images == len(others)
    assert found.scores["blur correlation"] > 0.4
    assert found.scores["noise correlation"] > 0.4


def test_its_features_are_alive_and_named_by_its_hash(fitted: Path, others: Cohort) -> None:
    extractor = CmrExtractor(fitted)
    assert extractor.hash == ImageEncoder.load(fitted / "weights.safetensors").hash
    values = np.concatenate([extractor.of(batch) for batch in batches(others, 2)])
    assert values.shape == (len(others), SMALL.features)
    assert (values.std(axis=0) > 0.05).all()
    alone = np.concatenate([extractor.of(batch) for batch in batches(others, 1)])
    assert alone.shape == values.shape


def test_people_who_tell_nothing_and_have_no_outlines_can_be_learned_from(tmp_path: Path) -> None:
    bare = [replace(heart(k), attributes={}, mask=np.zeros_like(heart(k).mask) + 255) for k in range(8)]
    loop = LOOP.model_copy(update={"steps": 3, "batch": 4})
    ImageEncoder.fit(cohort_of(tmp_path / "c", bare), tmp_path / "run", SMALL, loop)
    assert (tmp_path / "run/weights.safetensors").exists()


def test_another_judge_is_refused_by_name(tmp_path: Path) -> None:
    loop = LOOP.model_copy(update={"steps": 1, "batch": 2})
    learn = cohort_of(tmp_path / "c", [heart(k) for k in range(8)])
    Segmenter.fit(learn, tmp_path / "run", SegmenterSettings(filters=(8, 16, 16), size=48), loop)
    with pytest.raises(SettingsError, match=r"expected an encoder or a reader .*, got a segmenter"):
        CmrExtractor(tmp_path / "run")


def test_it_is_trained_and_scored_from_the_command_line(others: Cohort, tmp_path: Path) -> None:
    small = [w for k in ("steps=2", "batch=4") for w in ("--set", f"loop.{k}")]
    said = run("judge", "fit", "encoder", others.path, tmp_path / "run", *small).stdout
    assert "synthcmr judge score encoder" in said
    assert (
        "texture correlation"
        in run("judge", "score", "encoder", others.path, tmp_path / "run", "--split", "all").stdout
    )
    assert "expected a run after the cohort" in run("judge", "score", "encoder", others.path, ok=False).stderr
