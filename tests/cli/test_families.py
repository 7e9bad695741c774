"""What `synthcmr families` prints is what `train --set` takes."""

import pytest

from synthcmr.cli.setting_lines import setting_lines
from synthcmr.generators.families import FAMILIES, about, family
from synthcmr.training.settings import overridden
from tests.journeys.typing_in import run


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_printed_settings_of_one_preset_turn_another_into_it(name: str) -> None:
    small, large = (family(name).settings(preset) for preset in ("cpu", "24g"))
    printed = [
        line
        for part, settings in zip(("model", "loop"), large, strict=True)
        for line in setting_lines(part, settings)
        if not line.startswith(" ")
    ]
    assert overridden(*small, None, printed, None) == large


def test_families_are_listed_with_a_line_each() -> None:
    said = run("families").stdout
    for name, line in about().items():
        assert name in said
        assert line
        assert line in said


def test_settings_of_a_family_are_shown_with_what_they_mean() -> None:
    said = run("families", "gan", "--preset", "24g").stdout
    assert "model.judge_channels=64\n    of the discriminators' first layer; at least 8 and at most 4096\n" in said
    assert "loop.steps=" in said
