from pathlib import Path

import pytest

from synthcmr.errors import SettingsError
from synthcmr.generators.family_settings import FLOW_PRESETS
from synthcmr.training.settings import overridden

MODEL, LOOP = FLOW_PRESETS["cpu"]


def test_a_file_goes_over_the_preset_and_single_settings_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("model:\n  patch: 2\nloop:\n  steps: 7\n  batch: 3\n")
    model, loop = overridden(MODEL, LOOP, file, ["loop.steps=9"], "sex, diagnosis")
    assert (model.patch, loop.steps, loop.batch, loop.balance) == (2, 9, 3, ("sex", "diagnosis"))
    assert model.channels == MODEL.channels


@pytest.mark.parametrize(
    ("single", "named"),
    [
        ("steps=4", "expected model.KEY=VALUE or loop.KEY=VALUE"),
        ("loop.step=4", "unknown key 'step'"),
        ("loop.steps=0", "expected at least 1"),
        ("model.attention=[true]", "one per level"),
        ("model.channels=[30,60]", "one per level|multiples of head_channels"),
    ],
)
def test_what_is_not_allowed_is_named(single: str, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        overridden(MODEL, LOOP, None, [single], None)


def test_a_file_with_other_parts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("modle: {}\n")
    with pytest.raises(SettingsError, match="expected the keys model and loop, got also modle"):
        overridden(MODEL, LOOP, file, [], None)
