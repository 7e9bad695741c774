from pathlib import Path

import pytest

from synthcmr.cohort.readers import recognise
from synthcmr.cohort.writers import WRITERS, get_writer
from tests.cohort.writers.building import standard_cohort

READERS = {
    "nnunet": "nnunet",
    "nifti": "table",
    "dicom": "dicom",
    "png": "table",
    "huggingface": "table",
    "acdc": "acdc",
}


@pytest.mark.parametrize("name", list(WRITERS))
def test_an_export_is_recognised_and_all_its_subjects_found(name: str, tmp_path: Path) -> None:
    cohort = standard_cohort(tmp_path / "c")
    seen: list[tuple[int, int]] = []
    writer = get_writer(name)
    summary = writer.write(cohort, tmp_path / "out", lambda done, total: seen.append((done, total)))
    assert seen == [(n, 4) for n in range(1, 5)]
    assert writer.name == name
    kept_by_hand = {"provenance.json", "left_out.csv"}
    files = [f for f in (tmp_path / "out").rglob("*") if f.is_file() and f.name not in kept_by_hand]
    assert summary.files == len(files)
    if name not in READERS:
        assert name == "gif", "GIFs are for eyes: greys are cut at the top, and slices lie side by side"
        return
    reader = recognise(tmp_path / "out")
    assert reader.name == READERS[name]
    assert len(reader.cases(tmp_path / "out")) == 4
