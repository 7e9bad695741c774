"""The audit from cohort to page: complete, offline, safe, and honest where it cannot say."""

import json
import re
from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings
from synthcmr.errors import SettingsError
from synthcmr.fairness.audit import audit_cohort
from synthcmr.report.audit_page import write_audit_page
from tests.cohort.making import heart_stack
from tests.fairness.making import people
from tests.report.accessible import check

KEPT = ("sex", "age", "bmi", "vendor", "diagnosis")


def _cohort(path: Path, n: int, tangled: bool, attributes: tuple[str, ...] = KEPT, **changed: object) -> Cohort:
    settings = PreprocessSettings(size=48, spacing_mm=3.0)
    table = people(n, 0, tangled)
    with CohortWriter(path, {"step": "test"}, "float16", (48, 48)) as writer:
        for i, row in enumerate(table.to_dict("records")):
            stack = heart_stack(i % 3, shape=(2, 5, 80, 90), spacing=(2.8, 2.8), centre=(40, 45))
            values = {k: row[k] for k in attributes} | changed
            writer.add(to_record(RawSubject(f"s{i:03d}", values, (stack,)), f"c{i}", settings))
        writer.finish(None, [])
    return Cohort.open(path)


@pytest.fixture(scope="module")
def unfair(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return _cohort(tmp_path_factory.mktemp("audit") / "c", 90, tangled=True)


def test_the_page_is_one_file_without_links_and_names_what_is_tangled(unfair: Cohort, tmp_path: Path) -> None:
    audit = audit_cohort(unfair)
    write_audit_page(audit, unfair, tmp_path / "a.html")
    check(tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert not re.search(r"(src|href)=[\"']?(https?:|//)", page)
    assert page.count("data:image/png") >= 4
    lead = page[page.index('class="lead"') : page.index("</div>", page.index('class="lead"'))]
    assert "Associated with diagnosis (possible shortcut)" in lead
    for name in ("sex", "bmi", "vendor"):
        assert name in lead


def test_json_has_numbers_with_n_and_interval_and_no_nan(unfair: Cohort) -> None:
    plain = audit_cohort(unfair).to_json()
    text = json.dumps(plain, allow_nan=False)
    assert json.loads(text)["cohort_hash"] == unfair.hash
    for row in plain["associations"]:
        assert {"n", "v", "low", "high", "p", "refused"} <= set(row)
    edv = [g for g in plain["hearts_by_group"] if g["measure"] == "lv_edv_ml" and g["group"] == "female"]
    expected = unfair.volumes().query("phase == 'ED'").set_index("subject_id")["lv_ml"]
    women = unfair.subjects[unfair.subjects.sex == "female"]["subject_id"]
    assert edv[0]["mean"] == pytest.approx(expected.loc[women].mean())


def test_the_same_cohort_gives_the_same_audit(unfair: Cohort) -> None:
    assert audit_cohort(unfair).to_json() == audit_cohort(unfair).to_json()


def test_cohorts_without_label_masks_or_company_are_audited_too(tmp_path: Path) -> None:
    lonely = _cohort(tmp_path / "one", 1, False, attributes=("sex",))
    audit = audit_cohort(lonely)
    assert audit.label is None
    assert "too small to say" in audit.sentences[0]
    write_audit_page(audit, lonely, tmp_path / "one.html")
    page = (tmp_path / "one.html").read_text()
    assert "1 subject, 5 images &middot;" in page
    assert re.search(r"(1 subject|No splits)\. Nothing was rejected", page)
    bare = _cohort(tmp_path / "bare", 25, False, attributes=())
    write_audit_page(audit_cohort(bare), bare, tmp_path / "bare.html")
    check(tmp_path / "one.html")
    check(tmp_path / "bare.html")


def test_names_from_the_data_cannot_write_html(tmp_path: Path) -> None:
    cohort = _cohort(tmp_path / "c", 22, False, centre="<script>alert(1)</script>")
    write_audit_page(audit_cohort(cohort), cohort, tmp_path / "c.html")
    assert "<script>" not in (tmp_path / "c.html").read_text()


def test_an_unknown_attribute_is_told_with_those_there_are(unfair: Cohort) -> None:
    with pytest.raises(SettingsError, match=r"--by: expected one of .*sex.*; got .gender."):
        audit_cohort(unfair, by=("gender",))
