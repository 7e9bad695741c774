"""Many measures of many sets: the table, and a folder that belongs to one comparison."""

from pathlib import Path

import pytest
from benchmarks.refine_fidelity import Measure, begin, halves, in_words, some

from synthcmr.cohort import Cohort
from synthcmr.errors import SettingsError

FOUND = {
    "phantoms": {"texture distance": Measure(0.8, 0.7, 0.9), "slice distance": Measure(0.2), "rings": Measure(0.4)},
    "refined": {"texture distance": Measure(0.3, 0.2, 0.4), "slice distance": Measure(0.3), "rings": Measure(0.1)},
    "hospital": {"texture distance": Measure(None, absent="no RV is drawn"), "rings": Measure(0.2)},
}


def test_the_table_says_by_which_measures_a_set_is_nearer_than_phantoms() -> None:
    text = in_words(FOUND, "phantoms")
    assert "| texture distance | 0.800 (0.700 to 0.900) | 0.300 (0.200 to 0.400) | absent |" in text
    assert "refined is nearer to real images than phantoms by 2 of 3 measures; not by slice distance" in text
    assert "hospital is nearer to real images than phantoms by 1 of 1 measures" in text
    assert "absent: hospital, texture distance: no RV is drawn" in text
    assert "nearer" not in in_words(FOUND, "nobody")


def test_a_folder_with_measures_of_other_sets_is_refused(tmp_path: Path) -> None:
    begin(tmp_path / "out", {"sets": {"a": "hash"}, "seeds": [0]})
    begin(tmp_path / "out", {"sets": {"a": "hash"}, "seeds": [0]})
    with pytest.raises(SettingsError, match="holds measures of other sets or settings; choose another --out"):
        begin(tmp_path / "out", {"sets": {"a": "another"}, "seeds": [0]})


def test_everything_is_set_against_as_many_subjects(phantom_cohort: Cohort) -> None:
    first, second = halves(phantom_cohort, 9, 0)
    assert len(first.subjects) == len(second.subjects) == len(some(phantom_cohort, 9, 0).subjects) == 9
    assert not set(first.subjects["subject_id"]) & set(second.subjects["subject_id"])
