"""Settings: from YAML, frozen, and strict about names and ranges."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from synthcmr.config import IngestSettings, PreprocessSettings, settings_from_yaml
from synthcmr.errors import SettingsError


def test_yaml_overrides_defaults(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        "preprocess: {spacing_mm: 1.25, frames: cine}\nsplit: {stratify: [vendor], seed: 7}\n"
    )
    settings = settings_from_yaml(tmp_path / "s.yaml", IngestSettings)
    assert settings.preprocess.spacing_mm == 1.25
    assert settings.preprocess.size == 128
    assert settings.split.stratify == ("vendor",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "preprocess: {spacin_mm: 1}",
            r"unknown key 'preprocess.spacin_mm'; did you mean 'spacing_mm'\? allowed: spacing_mm, size",
        ),
        ("preprocess: {spacing_mm: -1}", r"preprocess.spacing_mm.*at least 0.02, got -1"),
        ("split: {train: 0.9}", "must be 1"),
        ("- a", "key: value"),
        ("a: [", "YAML"),
    ],
)
def test_mistakes_name_file_key_and_what_was_got(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError, match=told) as caught:
        settings_from_yaml(tmp_path / "s.yaml", IngestSettings)
    assert "s.yaml" in str(caught.value)


def test_settings_do_not_change_once_made() -> None:
    with pytest.raises(ValidationError):
        PreprocessSettings().size = 64  # type: ignore[misc]
