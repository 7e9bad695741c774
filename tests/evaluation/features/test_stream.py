from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError
from synthcmr.evaluation.features.cmr import CmrExtractor
from synthcmr.evaluation.features.published_networks import InceptionExtractor
from synthcmr.evaluation.features.stream import FRAMES_AT_ONCE, FrameBatch, Values, batches, features_of


class Means:
    """Counts how often it is asked, and stops when told."""

    name, hash, columns = "means", "1", ("mean", "mask")

    def __init__(self, stop: int | None = None) -> None:
        self.asked, self.stop = 0, stop

    def of(self, batch: FrameBatch) -> Values:
        if self.asked == self.stop:
            raise KeyboardInterrupt
        self.asked += 1
        return np.stack([batch.image.mean((1, 2, 3)), (batch.mask > 0).mean((1, 2, 3))], axis=1).astype(np.float32)


def test_every_image_once_and_each_subject_whole(phantom_cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthcmr.evaluation.features.stream.FRAMES_AT_ONCE", FRAMES_AT_ONCE // 8)
    seen = list(batches(phantom_cohort, 2))
    assert len(seen) > 3
    rows = np.concatenate([b.rows for b in seen])
    assert sorted(rows.tolist()) == list(range(len(phantom_cohort)))
    subjects = [set(b.table["subject_id"]) for b in seen]
    assert sum(map(len, subjects)) == len(set.union(*subjects))
    np.testing.assert_array_equal(seen[1].image[0], phantom_cohort.image(int(seen[1].rows[0])))


def test_kept_and_continued(phantom_cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthcmr.evaluation.features.stream.FRAMES_AT_ONCE", FRAMES_AT_ONCE // 8)
    cut = Means(stop=2)
    with pytest.raises(KeyboardInterrupt):
        features_of(phantom_cohort, cut, 2, tmp_path)
    rest = Means()
    values = features_of(phantom_cohort, rest, 2, tmp_path)
    whole = Means()
    np.testing.assert_array_equal(values, features_of(phantom_cohort, whole, 2, tmp_path / "another"))
    assert cut.asked + rest.asked == whole.asked
    np.testing.assert_allclose(values[3, 0], phantom_cohort.image(3).mean(), rtol=1e-3)
    again = Means()
    features_of(phantom_cohort, again, 2, tmp_path)
    assert again.asked == 0


def test_damaged_numbers_and_notes_are_computed_again(
    phantom_cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.array(features_of(phantom_cohort, Means(), 2, tmp_path))
    (file,) = (tmp_path / "features").glob("*.npy")
    content = bytearray(file.read_bytes())
    content[-2] ^= 64
    file.write_bytes(bytes(content))
    again = Means()
    np.testing.assert_array_equal(features_of(phantom_cohort, again, 2, tmp_path), values)
    assert again.asked
    monkeypatch.setattr("synthcmr.evaluation.features.stream.FRAMES_AT_ONCE", FRAMES_AT_ONCE // 8)
    with pytest.raises(KeyboardInterrupt):
        features_of(phantom_cohort, Means(stop=2), 2, tmp_path / "cut")
    (note,) = (tmp_path / "cut/features").glob("*.done")
    note.write_text("")  # as by a machine that died while it wrote
    np.testing.assert_array_equal(features_of(phantom_cohort, Means(), 2, tmp_path / "cut"), values)


def test_a_selection_has_features_of_its_own(phantom_cohort: Cohort, tmp_path: Path) -> None:
    women = phantom_cohort.select(sex="female")
    assert len(features_of(phantom_cohort, Means(), 2, tmp_path)) == len(phantom_cohort)
    assert len(features_of(women, Means(), 2, tmp_path)) == len(women) < len(phantom_cohort)


def test_cmr_looks_at_single_frames_too(phantom_cohort: Cohort) -> None:
    extractor = CmrExtractor()
    one, two = (extractor.of(next(iter(batches(phantom_cohort, frames)))) for frames in (1, 2))
    assert one.shape == two.shape == (len(one), len(extractor.columns))
    assert not np.allclose(one, two)


def test_inception_sees_grey_as_eight_bit_colour(phantom_cohort: Cohort) -> None:
    def tiny(image: torch.Tensor) -> tuple[torch.Tensor]:
        assert image.dtype == torch.uint8
        assert image.shape[1] == 3
        return (image.float().mean(dim=(2, 3)),)

    batch = next(iter(batches(phantom_cohort, 2)))
    values = InceptionExtractor(tiny, "0", 3).of(batch)
    np.testing.assert_allclose(values[:, 0], (batch.image[:, 0].clip(0, 1) * 255).mean((1, 2)), atol=0.6)
    np.testing.assert_array_equal(values[:, 0], values[:, 2])


def test_inception_without_its_weights_says_where_they_are() -> None:
    with pytest.raises(SettingsError, match="weights-inception"):
        InceptionExtractor.load(None)
