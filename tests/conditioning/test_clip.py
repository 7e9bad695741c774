"""The CLIP encoder with a tiny model of the real classes, built here."""

from pathlib import Path

import pytest
import torch

from synthcmr.conditioning.vocabulary import Vocabulary
from synthcmr.errors import SettingsError
from tests.conditioning.making import clip_text_model

transformers = pytest.importorskip("transformers", reason="the clip extra is not installed")
ROWS = [
    {"sex": "female", "age": 40.0, "diagnosis": "DCM", "slice_level": "mid"},
    {"sex": "male", "age": 60.0, "diagnosis": "NOR"},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    for part in clip_text_model(folder):
        part.save_pretrained(folder)
    return folder


def test_prompts_become_tokens_and_silence_is_the_empty_prompt(model: Path) -> None:
    from synthcmr.conditioning.text_encoders import ClipEncoder

    encoder = ClipEncoder(Vocabulary.of(ROWS, ("sex", "age", "diagnosis", "slice_level")), 24, str(model))
    assert encoder.prompt({}) == ""
    assert (
        encoder.prompt(ROWS[0])
        == "Short-axis cardiac MRI, mid-ventricular slice. Woman, 40 years, dilated cardiomyopathy."
    )
    tokens = encoder(encoder.prepare([{}, ROWS[0], ROWS[1]]))
    assert tokens.shape == (3, 77, 24)
    assert not torch.allclose(tokens[1], tokens[2])


def test_the_text_model_is_frozen_and_no_part_of_the_weights(model: Path) -> None:
    from synthcmr.conditioning.text_encoders import ClipEncoder

    encoder = ClipEncoder(Vocabulary.of(ROWS, ("sex",)), 24, str(model))
    assert set(encoder.state_dict()) == {"project.weight", "project.bias"}
    encoder(encoder.prepare(ROWS)).sum().backward()
    assert encoder.project.weight.grad is not None


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    from synthcmr.conditioning.text_encoders import ClipEncoder

    with pytest.raises(SettingsError, match="hub name or folder"):
        ClipEncoder(Vocabulary.of(ROWS, ("sex",)), 24, str(tmp_path / "nothing"))


def test_a_model_that_a_weights_file_names_is_not_downloaded(tmp_path: Path) -> None:
    from synthcmr.generators.flow.generator import FlowGenerator
    from synthcmr.generators.flow.settings import FlowSettings
    from synthcmr.training.weights import save_weights

    settings = FlowSettings(text_encoder="clip", clip_model="nobody/no-such-model")
    header = {
        "family": "flow",
        "model": settings.model_dump(mode="json"),
        "vocabulary": Vocabulary.of(ROWS, ("sex", "age")).to_json(),
    }
    save_weights(torch.nn.Linear(1, 1), tmp_path / "w.safetensors", header)
    with pytest.raises(SettingsError, match="what a file names is not downloaded"):
        FlowGenerator.load(tmp_path / "w.safetensors")
