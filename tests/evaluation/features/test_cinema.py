"""CineMA's stacks: what it is shown, where its numbers stand, and what is said where it is not installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.cinema import CONFIG, SIDE, SLICES, WEIGHTS, WIDTH, CinemaExtractor, as_trained
from synthcmr.evaluation.features.extractors import extractor
from synthcmr.evaluation.features.stream import batches
from synthcmr.evaluation.settings import EvaluateSettings
from tests.evaluation.making import PIXEL, cohort_of, heart
from tests.evaluation.making import SIDE as DRAWN
from tests.evaluation.making import SLICES as DRAWN_SLICES


class Sums:
    """Answers as CineMA does, with the sum of each slice."""

    def feature_forward(self, views: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        (stack,) = views["sax"]
        assert stack.shape == (1, SIDE, SIDE, SLICES)
        sums = stack[0].sum(dim=(0, 1))
        return {"cls": torch.cat([sums, torch.zeros(WIDTH - SLICES)])[None, None]}


def test_stacks_are_shown_in_its_order_at_a_millimetre() -> None:
    stack = np.zeros((3, 20, 30), dtype=np.float32)
    stack[1, 4:6, 20:24] = 2.0
    shown = as_trained(stack, (2.0, 1.0))
    assert shown.shape == (SIDE, SIDE, SLICES)
    assert shown.max() == 1
    columns, rows, slices = np.nonzero(shown.numpy() > 0.5)
    assert set(slices) == {1}
    assert (columns.min(), columns.max()) == (20, 23)
    assert (rows.min(), rows.max()) == (8, 11)
    large = as_trained(np.random.default_rng(0).random((20, 300, 300), dtype=np.float32), (1.0, 1.0))
    assert large.shape == (SIDE, SIDE, SLICES)


def test_one_row_for_each_whole_stack(tmp_path: Path) -> None:
    cohort = cohort_of(tmp_path / "c", [heart(k) for k in range(3)])
    found = np.full((len(cohort), WIDTH), np.nan)
    for batch in batches(cohort, 2):
        found[batch.rows] = CinemaExtractor(Sums(), "x").of(batch)
    told = np.isfinite(found).all(axis=1)
    assert told.sum() == 3
    assert set(cohort.images["slice_index"][told]) == {cohort.images["slice_index"].min()}
    assert DRAWN * PIXEL < SIDE
    assert ((found[told][:, :SLICES] > 0).sum(axis=1) == DRAWN_SLICES).all()


def test_missing_files_and_a_missing_package_are_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--set cinema=FOLDER"):
        extractor("cinema", EvaluateSettings(cinema=tmp_path))
    if importlib.util.find_spec("cinema") is not None:
        pytest.skip("CineMA is installed here")
    for name in (WEIGHTS, CONFIG):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SettingsError, match="what PyPI calls 'cinema' is another package"):
        extractor("cinema", EvaluateSettings(cinema=tmp_path))
