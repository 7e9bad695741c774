import pytest

from synthcmr.conditioning.prompt import read_prompt
from synthcmr.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ("   \n", "empty"),
        ("x" * 10_000, "at most 1000 characters, got 10000"),
        ("male, pregnant", "male and pregnant contradict"),
        ("man woman", "contradict"),
        ("45F, man", "contradict"),
        ("BMI 900", "expected 8 to 120 kg/m2, got 900"),
        ("age 300", "expected 0 to 120"),
        ("woman, 300", "expected 0 to 120"),
        ("EF 140 %", "expected 4 to 88"),
        ("30 years 40 years", "given twice"),
        ("woman, 30, 40", "given twice"),
        ("elderly woman of 30", "elderly and 30 years contradict"),
        ("woman in her 60s, 45 years", "contradict"),
        ("DCM and HCM", "contradict"),
        ("HFpEF HFrEF", "contradict"),
        ('diagnosis "XYZ", DCM', "contradict"),
        ("healthy heart failure", "contradict"),
        ("severe healthy heart", "contradict"),
        ("mild severe DCM", "contradict"),
        ("HFrEF, EF 60 %", "expected 0 to 50 %"),
        ("BMI 40 underweight", "contradict"),
        ("obese, 180 cm, 60 kg", "contradict"),
        ("178 cm, 84 kg, BMI 40", "make a BMI of 26.5, not 40"),
        ("basal and apical", "--subjects"),
        ("Siemens Philips", "contradict"),
        ('vendor "Esaote", Siemens', "contradict"),
        ("EF 30-20 %", "from low to high"),
        ("BP 80/120", "systolic above diastolic"),
        ("EDV 100 ml ESV 120 ml", "less than the EDV"),
        ("EDV 100 ml ESV 50 ml EF 20 %", "50 %, not 20 %"),
        ("family history of HCM", "say what is there instead"),
        ("DCM, not DCM", "'not DCM' and dilated cardiomyopathy contradict each other"),
        ("HFpEF, no heart failure", "contradict each other"),
        ("heart failure, not DCM, no HFpEF", "contradict each other"),
        ('man, not diagnosis "Fabry"', "say what is there instead"),
        ("ARVC", "diagnoses are NOR, HTN"),
        ("hypertropic cardiomyopathy", "did you mean 'hypertrophic cardiomyopathy'"),
        ("mujer de 67 años con insuficiencia cardiaca, BMI 31", "Prompts are English"),
        ("Frau, 50 Jahre, Herzinsuffizienz", "Prompts are English"),
        ("es ist eine Frau", "Prompts are English"),
        ("mi piace la pizza", "Prompts are English"),
        ("67歳の女性", "Prompts are English"),
        ("asdf qwertz", "was understood"),
        ("'; DROP TABLE images;--", "was understood"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(text: str, named: str) -> None:
    with pytest.raises(SettingsError, match="--prompt") as refused:
        read_prompt(text)
    assert named in str(refused.value)
