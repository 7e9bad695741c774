import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthcmr.conditioning.condition import without_metadata
from synthcmr.conditioning.heart_numbers import checked
from synthcmr.conditioning.prompt import read_prompt, write_prompt
from synthcmr.conditioning.prompt_words import DIAGNOSES
from synthcmr.errors import SettingsError


def tenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(10 * low, 10 * high).map(lambda n: n / 10)


CODES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).map(str.strip).filter(lambda s: s.strip("-? "))
ODD_CODES = ["Fabry's", "x1", 'a "b"', "back\\slash", "woman, 67", "no DCM", "hcm", "日本", "ﬁ²", "two\nlines"]
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "sex": st.sampled_from(["female", "male"]),
        "age": tenths(18, 90),
        "diagnosis": st.sampled_from([*DIAGNOSES, *ODD_CODES]),
        "vendor": st.sampled_from(["Siemens", "Philips", "GE", "Canon", "United Imaging", "Esaote"]),
        "scanner": st.sampled_from(["Avanto", "Achieva 3.0T TX"]),
        "centre": st.sampled_from(["Barts", "A & B, 3rd floor"]),
        "field_strength_t": st.sampled_from([0.55, 1.5, 3.0]),
        "heart_rate": st.integers(45, 120).map(float),
        "systolic_bp": st.integers(130, 210).map(float),
        "diastolic_bp": st.integers(50, 120).map(float),
        "chest_fat_mm": tenths(5, 60),
    },
)
BODY = st.one_of(  # height and weight make a BMI: the three of them at random would contradict each other
    st.fixed_dictionaries({}, optional={"bmi": tenths(16, 48), "height_cm": tenths(140, 205)}),
    st.fixed_dictionaries({"height_cm": tenths(140, 205), "weight_kg": tenths(45, 150)}),
)
NUMBERS = st.fixed_dictionaries(
    {},
    optional={
        "lv_edv_ml": tenths(60, 400),
        "lv_ef_percent": tenths(46, 80),  # what HFpEF, which is among the diagnoses, may have
        "lv_mass_g": tenths(50, 300),
        "rv_edv_ml": tenths(200, 300),
        "rv_esv_ml": tenths(20, 150),
        "wall_max_mm": tenths(6, 30),
        "severity": st.integers(0, 250).map(lambda n: n / 100),
    },
)
LEVELS = st.sampled_from([None, "basal", "mid", "apical"])
PHASES = st.sampled_from([(), ("ED", "ES"), ("ED",), ("ES",)])


@settings(max_examples=200, deadline=None)
@given(ATTRIBUTES, BODY, LEVELS, PHASES, NUMBERS)
def test_reading_what_was_written_gives_it_back(
    attributes: dict[str, object],
    body: dict[str, object],
    level: str | None,
    phases: tuple[str, ...],
    numbers: dict[str, float],
) -> None:
    told = {**attributes, **body}
    understood = read_prompt(write_prompt(told, slice_level=level, phases=phases, numbers=numbers))
    found = dict(understood.attributes)
    if "bmi" not in told:  # derived from height and weight
        found.pop("bmi", None)
    assert found == told
    assert (understood.slice_level, understood.phases, understood.numbers) == (level, phases, numbers)
    assert understood.ignored == ()


@settings(deadline=None)
@given(CODES)
def test_a_diagnosis_of_any_spelling_is_read_back_as_it_was(code: str) -> None:
    attributes = {"diagnosis": code}
    text = write_prompt(attributes)
    expected = attributes if "iagnosis" in text or code in DIAGNOSES else {}  # words for "missing" are left out
    assert read_prompt(text).attributes == expected


_PIECES = """woman man F 45y 67 BMI 31 , ; / - ( ) no not DCM HF HFpEF healthy EF 22 % EDV 240 ml > between and to
60s ' " mid severe 💔 """
CLINICAL = st.sampled_from(_PIECES.split())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.lists(CLINICAL, max_size=25).map(" ".join))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(SettingsError):  # anything else is a crash
        read_prompt(text)


@pytest.mark.parametrize(
    "piece", ["no ", "1", "-1", "woman, ", "((((", "severe ", '"', 'diagnosis "', "a b ", "ﷺ", "of of ", "no known a "]
)
def test_no_pattern_backtracks_without_end(piece: str) -> None:
    with contextlib.suppress(SettingsError):
        read_prompt((piece * 1000)[:1000])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("68yo obese female HFrEF", {"age": 68, "bmi": 34, "sex": "female", "diagnosis": "DCM"}),
        ("F 45y DCM", {"sex": "female", "age": 45, "diagnosis": "DCM"}),
        ("45F, F45 and HCM", {"sex": "female", "age": 45, "diagnosis": "HCM"}),
        ("woman, 67, BMI 31, heart failure", {"sex": "female", "age": 67, "bmi": 31, "diagnosis": "HF"}),
        (
            "MAN of 70, bmi=27; Philips 3T",
            {"sex": "male", "age": 70, "bmi": 27, "vendor": "Philips", "field_strength_t": 3},
        ),
        ('{"sex": "F", "age": 45, "diagnosis": "DCM"}', {"sex": "female", "age": 45, "diagnosis": "DCM"}),
        ("young woman", {"sex": "female", "age": 30}),
        ("old man with an old infarct", {"sex": "male", "age": 75, "diagnosis": "MINF"}),
        ("old infarct", {"diagnosis": "MINF"}),
        ("lady in her 60s, underweight", {"sex": "female", "age": 65, "bmi": 17.5}),
        ("in his early sixties", {"sex": "male", "age": 62}),
        ("woman aged sixty-seven", {"sex": "female", "age": 67}),
        ("she is a woman who is 67", {"sex": "female", "age": 67}),
        ("woman, 60-70", {"sex": "female", "age": 65}),
        ("65-year-old man, high blood pressure", {"age": 65, "sex": "male", "diagnosis": "HTN"}),
        ("67 year old woman, heart failure for 5 years", {"age": 67, "sex": "female", "diagnosis": "HF"}),
        ("age 71,5, heart attack", {"age": 71.5, "diagnosis": "MINF"}),
        ("ＷＯＭＡＮ，６７\u00a0ｙｅａｒｓ", {"sex": "female", "age": 67}),
        ("severely obese man", {"sex": "male", "bmi": 38}),
        ("woman of normal weight", {"sex": "female", "bmi": 22}),
        ("body mass index 31,2 kg/m²", {"bmi": 31.2}),
        ("peripartum DCM", {"sex": "female", "diagnosis": "DCM"}),
        (
            "woman's heart, BP 160/95, 72 bpm",
            {"sex": "female", "systolic_bp": 160, "diastolic_bp": 95, "heart_rate": 72},
        ),
        ("1.78 m tall man", {"sex": "male", "height_cm": 178}),
        ("5'10\" man, 180 lb", {"sex": "male", "height_cm": 177.8, "weight_kg": 81.65, "bmi": 25.83}),
    ],
)
def test_wordings_of_clinicians_are_understood(text: str, expected: dict[str, object]) -> None:
    assert read_prompt(text).attributes == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("normal man", "NOR"),
        ("woman with no known cardiac disease", "NOR"),
        ("hypertensive heart disease", "HTN"),
        ("pulmonary arterial hypertension", "RV"),
        ("woman, 45, RV", "RV"),
        ("heart-failure with preserved EF", "HFpEF"),
        ("hf with reduced ejection fraction", "DCM"),
        ("heart failure due to myocardial infarction", "MINF"),
        ("ischaemic cardiomyopathy", "MINF"),
        ("ischemic cardiomyopathy", "MINF"),
        ("HOCM", "HCM"),
        ("HF, dilated-cardiomyopathy", "DCM"),
        ('diagnosis "XYZ"', "XYZ"),
        ('diagnosis "HFrEF"', "HFrEF"),  # in quotes it is the data set's own code
    ],
)
def test_diagnoses_by_any_of_their_names(text: str, code: str) -> None:
    assert read_prompt(text).attributes["diagnosis"] == code


@pytest.mark.parametrize(
    "text", ["woman, normal weight, normal RV", "woman, RV EF 35 %", "normal EF, woman", "woman, mid"]
)
def test_what_only_resembles_a_diagnosis_is_none(text: str) -> None:
    assert "diagnosis" not in read_prompt(text).attributes


def test_height_and_weight_make_a_bmi() -> None:
    assert read_prompt("180 cm, 81 kg").attributes["bmi"] == pytest.approx(25.0)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("EDV 240 ml, EF of 22%, septum 16 mm", {"lv_edv_ml": 240, "lv_ef_percent": 22, "wall_max_mm": 16}),
        ("240 ml EDV, 22 % LVEF, 1.6 cm septum", {"lv_edv_ml": 240, "lv_ef_percent": 22, "wall_max_mm": 16}),
        ("EF 0.35, LV mass=140g", {"lv_ef_percent": 35, "lv_mass_g": 140}),
        ("EF 25-30 %", {"lv_ef_percent": 27.5}),
        ("right ventricular EF 30, RVEDV 210", {"rv_ef_percent": 30, "rv_edv_ml": 210}),
        ("moderately severe DCM", {"severity": 1.25}),
        ("severe DCM", {"severity": 1.5}),
        ("HCM, severity 0,8", {"severity": 0.8}),
        ("lv_edv_ml: 240", {"lv_edv_ml": 240}),
        ("woman, EDV 120 ml/m2, LV mass 60 g/m²", {}),  # per body surface: another measure
    ],
)
def test_a_heart_can_be_asked_for_in_numbers(text: str, numbers: dict[str, float]) -> None:
    understood = read_prompt(text)
    assert understood.numbers == numbers
    checked({k: v for k, v in understood.numbers.items() if k != "severity"})  # names that the anatomy generator takes


def test_the_view_can_be_asked_for() -> None:
    understood = read_prompt("apex, ED+ES")
    assert (understood.slice_level, understood.phases) == ("apical", ("ED", "ES"))
    assert read_prompt("midventricular, end systole").phases == ("ES",)


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("Left-Handed woman, 50 years, likes chess", ("Left-Handed", "likes chess")),
        ("woman, BMI > 30", ("BMI > 30",)),
        ("woman with 3 children", ("3 children",)),
        ("3 women with DCM", ("3",)),
        ("woman 💔", ("💔",)),
        ("woman, severe mitral regurgitation", ("severe mitral regurgitation",)),
        ("please make an image of a patient with DCM", ()),
    ],
)
def test_what_is_not_understood_is_said_as_it_was_typed(text: str, ignored: tuple[str, ...]) -> None:
    assert read_prompt(text).ignored == ignored


@pytest.mark.parametrize(
    ("denied", "nobody_with"),
    [
        ("no heart failure", {"HF", "HFpEF", "HFrEF", "HFmrEF", "DCM"}),
        ("without a history of hypertension", {"HTN"}),
        ("no severe DCM", {"DCM"}),
        ("not DCM", {"DCM"}),
        ("not NOR", {"NOR"}),
        ("not normal", {"NOR"}),
        ("non-ischaemic cardiomyopathy", {"ICM", "MINF"}),
        ("no cardiomyopathy", {"cardiomyopathy", "DCM", "HCM"}),
        ("neither obese nor hypertensive", {"HTN"}),
        ("neither DCM nor HCM", {"DCM", "HCM"}),
        ("HCM excluded", {"HCM"}),
        ("heart failure ruled out", {"HF", "HFpEF", "HFrEF", "HFmrEF", "DCM"}),
        ("rule out HCM", {"HCM"}),
        ("DCM not present", {"DCM"}),
        ("no HFrEF or infarction", {"HFrEF", "DCM", "MINF"}),
    ],
)
def test_a_denied_diagnosis_is_neither_read_as_present_nor_drawn(denied: str, nobody_with: set[str]) -> None:
    understood = read_prompt(f"woman, 50 years, {denied}")
    assert understood.attributes == {"sex": "female", "age": 50}
    assert understood.numbers == {}
    assert set(understood.denied) == nobody_with
    assert any(f"'{denied}': nobody is drawn with" in note for note in understood.notes)


@pytest.mark.parametrize("denied", ["not pregnant", "not obese", "family history of HCM", "risk of infarction"])
def test_what_is_not_there_but_no_denied_diagnosis_is_left_out(denied: str) -> None:
    understood = read_prompt(f"woman, 50 years, {denied}")
    assert understood.attributes == {"sex": "female", "age": 50}
    assert understood.denied == ()
    assert understood.ignored == (denied,)


@pytest.mark.parametrize(
    ("text", "diagnosis", "note"),
    [
        ("DCM, no heart failure", "DCM", "'no heart failure' is not followed: dilated cardiomyopathy is asked for"),
        ("old infarct, no acute MI", "MINF", "'no acute MI' is not followed"),
        ("hypertension, no heart failure", "HTN", "'no heart failure' changes nothing"),
    ],
)
def test_beside_a_diagnosis_nothing_is_left_to_deny(text: str, diagnosis: str, note: str) -> None:
    understood = read_prompt(text)
    assert understood.attributes == {"diagnosis": diagnosis}
    assert understood.denied == ()
    assert any(note in said for said in understood.notes)


def test_what_was_assumed_is_said() -> None:
    notes = read_prompt("obese man in his 60s, HFrEF, overwieght").notes
    for said in ("obese taken as BMI 34", "60s taken as 65", "HFrEF taken as", "did you mean 'overweight'"):
        assert any(said in note for note in notes), said


def test_the_metadata_free_prompt_keeps_view_and_scanner() -> None:
    patient = {"sex": "female", "age": 67.0, "diagnosis": "DCM", "vendor": "Siemens", "field_strength_t": 1.5}
    text = write_prompt(without_metadata(patient), slice_level="mid")
    assert text == "Short-axis cardiac MRI, mid-ventricular slice. Siemens 1.5 T."


def test_a_prompt_about_nobody_is_the_view_alone() -> None:
    assert write_prompt({"pacemaker": True}) == "Short-axis cardiac MRI."
    assert read_prompt("Short-axis cardiac MRI.").attributes == {}
