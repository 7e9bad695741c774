"""What identifies a patient stays out; what describes a group stays in."""

import pytest

from synthcmr.cohort.attributes import clean, parse_vendor
from synthcmr.cohort.identifiers import column_name, salted_id, screen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PatientName", "Doe^Jane"),
        ("patient_birth_date", "19500101"),
        ("StudyInstanceUID", "1.2.840.113619.2.1"),
        ("eid", 1234567),
        ("remarks", "ok"),
        ("something", "1.2.840.10008.5.1.4"),
        ("visited", "2020-03-04"),
        ("when", "04/03/2020"),
        ("contact", "a@b.org"),
        ("finding", "the patient came with chest pain after dinner and was sent home"),
    ],
)
def test_identifying_attributes_are_dropped_with_a_reason_but_without_the_value(name: str, value: object) -> None:
    kept, dropped = screen({name: value})
    assert kept == {}
    (reason,) = dropped.values()
    assert str(value) not in reason


@pytest.mark.parametrize(
    ("name", "value"), [("smoker", True), ("townsend", -2.3), ("pathology", "Heart failure with infarct"), ("age", 61)]
)
def test_descriptive_attributes_are_kept(name: str, value: object) -> None:
    assert screen({name: value}) == ({name: value}, {})


def test_attributes_are_typed_and_impossible_ones_become_missing_with_a_note() -> None:
    kept, notes = clean(
        {"sex": "W", "age": "61 years", "height_cm": 0, "weight_kg": "80,5", "diagnosis": "N/A", "bmi": None}
    )
    assert kept == {"sex": "female", "age": 61.0, "weight_kg": 80.5}
    assert len(notes) == 1
    assert "height_cm: expected 30 to 260 cm, got 0" in notes[0]


def test_bmi_follows_from_height_and_weight_unless_given() -> None:
    assert clean({"height_cm": 180, "weight_kg": 81})[0]["bmi"] == 25.0
    assert clean({"height_cm": 180, "weight_kg": 81, "bmi": 26})[0]["bmi"] == 26.0


def test_a_number_is_no_sex() -> None:
    kept, notes = clean({"sex": 1})
    assert kept == {}
    assert "expected one of" in notes[0]


def test_vendors_have_one_spelling() -> None:
    assert [
        parse_vendor(v) for v in ("SIEMENS", "Philips Medical Systems", "GE MEDICAL SYSTEMS", "TOSHIBA_MEC", "Acme")
    ] == [
        "Siemens",
        "Philips",
        "GE",
        "Canon",
        "Acme",
    ]


def test_salted_ids_are_stable_for_a_salt_and_differ_between_salts() -> None:
    assert salted_id("1234567", "a") == salted_id("1234567", "a")
    assert salted_id("1234567", "a") != salted_id("1234567", "b")
    assert "1234567" not in salted_id("1234567", "a")


def test_column_names_are_spelled_one_way() -> None:
    assert [column_name(n) for n in ("Patient Name", "PatientName", "FEVG", "Arterial hypertension")] == [
        "patient_name",
        "patient_name",
        "fevg",
        "arterial_hypertension",
    ]
