"""Cohorts put together: nothing is lost, nothing is changed."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import join_cohorts
from synthcmr.errors import CohortError
from tests.generators.making import phantoms


def test_joined_cohorts_hold_what_each_held(phantom_cohort: Cohort, tmp_path: Path) -> None:
    other = phantoms(tmp_path / "other", subjects=2, seed=9)
    joined = join_cohorts(tmp_path / "all", [phantom_cohort, other])
    assert len(joined) == len(phantom_cohort) + len(other)
    for part in (phantom_cohort, other):
        mine = joined.select(subject_id=part.subjects["subject_id"].tolist())
        columns = [c for c in part.subjects.columns if c in mine.subjects.columns]
        assert set(part.subjects.columns) <= set(mine.subjects.columns)
        pd.testing.assert_frame_equal(
            mine.subjects[columns].sort_values("subject_id", ignore_index=True),
            part.subjects[columns].sort_values("subject_id", ignore_index=True),
        )
        assert mine.images["content_hash"].tolist() == part.images["content_hash"].tolist()
        assert mine.images["image_id"].tolist() == part.images["image_id"].tolist()
        assert np.array_equal(mine.image(3), part.image(3))
        assert np.array_equal(mine.mask(3), part.mask(3))


def test_one_cohort_joined_is_that_cohort(phantom_cohort: Cohort, tmp_path: Path) -> None:
    joined = join_cohorts(tmp_path / "all", [phantom_cohort])
    assert joined.hash == phantom_cohort.hash
    pd.testing.assert_frame_equal(joined.truth, phantom_cohort.truth)


def test_a_subject_in_two_cohorts_is_refused(phantom_cohort: Cohort, tmp_path: Path) -> None:
    shutil.copytree(phantom_cohort.path, tmp_path / "copy")
    with pytest.raises(CohortError, match="which is also in"):
        join_cohorts(tmp_path / "all", [phantom_cohort, Cohort.open(tmp_path / "copy")])
    with pytest.raises(CohortError, match="expected each cohort once, got it 2 times"):
        join_cohorts(tmp_path / "all", [phantom_cohort, phantom_cohort])
    assert not (tmp_path / "all").exists()
