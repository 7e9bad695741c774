import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthcmr.conditioning.condition import without_metadata
from synthcmr.conditioning.prompt import write_prompt
from synthcmr.conditioning.reading import read_prompt
from synthcmr.conditioning.wordings import DIAGNOSES
from synthcmr.errors import SettingsError

ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "sex": st.sampled_from(["female", "male"]),
        "age": st.integers(180, 900).map(lambda n: n / 10),
        "bmi": st.integers(160, 480).map(lambda n: n / 10),
        "height_cm": st.integers(140, 205).map(float),
        "weight_kg": st.integers(40, 180).map(float),
        "diagnosis": st.sampled_from([*DIAGNOSES, "Fabry's", "x1"]),
        "vendor": st.sampled_from(["Siemens", "Philips", "GE", "Canon"]),
        "field_strength_t": st.sampled_from([1.5, 3.0]),
        "heart_rate": st.integers(45, 120).map(float),
        "systolic_bp": st.integers(90, 210).map(float),
        "chest_fat_mm": st.integers(5, 60).map(float),
    },
)
NUMBERS = st.fixed_dictionaries(
    {}, optional={"lv_edv_ml": st.integers(60, 400).map(float), "lv_ef_percent": st.integers(10, 80).map(float)}
)


@given(
    ATTRIBUTES, st.sampled_from([None, "basal", "mid", "apical"]), st.sampled_from([(), ("ED", "ES"), ("ES",)]), NUMBERS
)
def test_reading_what_was_written_gives_it_back(
    attributes: dict[str, object], level: str | None, phases: tuple[str, ...], numbers: dict[str, float]
) -> None:
    text = write_prompt(attributes, slice_level=level, phases=phases, numbers=numbers)
    understood = read_prompt(text)
    found = dict(understood.attributes)
    if "bmi" not in attributes:  # derived from height and weight
        found.pop("bmi", None)
    assert found == attributes
    assert (understood.slice_level, understood.phases, understood.numbers) == (level, phases, numbers)
    assert understood.ignored == ()


@given(st.text(max_size=200))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):  # anything else is a crash
        read_prompt(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("68yo obese female HFrEF", {"age": 68, "bmi": 34, "sex": "female", "diagnosis": "DCM"}),
        ("F 45y DCM", {"sex": "female", "age": 45, "diagnosis": "DCM"}),
        ("woman, 67, BMI 31, heart failure", {"sex": "female", "age": 67, "bmi": 31, "diagnosis": "HF"}),
        (
            "MAN of 70, bmi=27; Philips 3T",
            {"sex": "male", "age": 70, "bmi": 27, "vendor": "Philips", "field_strength_t": 3},
        ),
        ("young woman", {"sex": "female", "age": 30}),
        ("lady in her 60s, underweight", {"sex": "female", "age": 65, "bmi": 17.5}),
        ("65-year-old man, high blood pressure", {"age": 65, "sex": "male", "diagnosis": "HTN"}),
        ("age 71,5, heart attack", {"age": 71.5, "diagnosis": "MINF"}),
        ("severely obese man", {"sex": "male", "bmi": 38}),
        ("peripartum DCM", {"sex": "female", "diagnosis": "DCM"}),
    ],
)
def test_wordings_of_clinicians_are_understood(text: str, expected: dict[str, object]) -> None:
    assert read_prompt(text).attributes == expected


def test_height_and_weight_make_a_bmi() -> None:
    assert read_prompt("180 cm, 81 kg").attributes["bmi"] == pytest.approx(25.0)


def test_a_heart_can_be_asked_for_in_numbers() -> None:
    understood = read_prompt("EDV 240 ml, EF of 22%, septum 16 mm, severe DCM, apical")
    assert understood.numbers == {"lv_edv_ml": 240, "lv_ef_percent": 22, "wall_max_mm": 16, "severity": 1.5}
    assert understood.slice_level == "apical"


def test_what_is_not_understood_is_said() -> None:
    assert read_prompt("left-handed woman, 50 years, likes chess").ignored == ("left-handed", "likes chess")


def test_a_negated_disease_is_not_read_as_the_disease() -> None:
    understood = read_prompt("woman, 50 years, no heart failure")
    assert "diagnosis" not in understood.attributes
    assert understood.ignored == ("no heart failure",)


def test_what_was_assumed_is_said() -> None:
    assert any("BMI 34" in note for note in read_prompt("obese man").notes)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("x" * 10_000, "at most 1000 characters, got 10000"),
        ("male, pregnant", "male and pregnant contradict"),
        ("man woman", "contradict"),
        ("BMI 900", "expected 8 to 120 kg/m2, got 900"),
        ("age 300", "expected 0 to 120"),
        ("EF 140 %", "expected 4 to 88"),
        ("30 years 40 years", "given twice"),
        ("DCM and HCM", "contradict"),
        ("healthy heart failure", "contradict"),
        ("BMI 40 underweight", "contradict"),
        ("EDV 100 ml ESV 120 ml", "less than the EDV"),
        ("EDV 100 ml ESV 50 ml EF 20 %", "50 %, not 20 %"),
        ("mujer de 67 años con insuficiencia cardiaca", "Prompts are English"),
        ("Frau, 50 Jahre, Herzinsuffizienz", "Prompts are English"),
        ("67歳の女性", "Prompts are English"),
        ("asdf qwertz", "was understood"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(text: str, named: str) -> None:
    with pytest.raises(SettingsError, match="--prompt") as refused:
        read_prompt(text)
    assert named in str(refused.value)


def test_the_metadata_free_prompt_keeps_view_and_scanner() -> None:
    patient = {"sex": "female", "age": 67.0, "diagnosis": "DCM", "vendor": "Siemens", "field_strength_t": 1.5}
    text = write_prompt(without_metadata(patient), slice_level="mid")
    assert text == "Short-axis cardiac MRI, mid-ventricular slice. Siemens 1.5 T."
