"""Settings: from YAML, frozen, and strict about names and ranges."""

import tracemalloc
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
        ("split: 5", "'split': expected .*, got 5"),
        ("preprocess: {size: 32.7}", "'preprocess.size': expected a whole number, got 32.7"),
        ("preprocess: {spacing_mm: .nan}", "'preprocess.spacing_mm': expected .*, got nan"),
        ("preprocess: {spacing_mm: 1e309}", "'preprocess.spacing_mm': expected .*, got (inf|'1e309')"),
        ("split: {seed: -1}", "'split.seed': expected at least 0, got -1"),
        (f"split: {{seed: {'9' * 5000}}}", "expected YAML"),
        ("[" * 100_000, "expected settings of at most 12 levels"),
        ("a: " * 100_000, "expected settings in at most 200000 characters"),
        ("a: &a [x, x]\nb: [*a, *a]", "expected plain values, got a YAML reference"),
        ("a: !!python/object/apply:os.system [true]", "YAML"),
    ],
)
def test_mistakes_name_file_key_and_what_was_got(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(SettingsError, match=told) as caught:
        settings_from_yaml(tmp_path / "s.yaml", IngestSettings)
    assert "s.yaml" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_few_lines_that_stand_for_billions_of_values_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (tmp_path / "s.yaml").write_text("\n".join(lines))
    tracemalloc.start()
    with pytest.raises(SettingsError, match="YAML reference") as caught:
        settings_from_yaml(tmp_path / "s.yaml", IngestSettings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
    assert len(str(caught.value)) < 600


def test_settings_do_not_change_once_made() -> None:
    with pytest.raises(ValidationError):
        PreprocessSettings().size = 64  # type: ignore[misc]
