"""The paper's prompt: "Female, age in 60s, obese BMI, heart failure"."""

from collections.abc import Mapping

from synthcmr.conditioning.prompt_words import DIAGNOSES
from synthcmr.conditioning.vocabulary import is_present

BMI_CLASSES = ((18.5, "underweight"), (25.0, "normal"), (30.0, "overweight"))
HEART_FAILURE = ("DCM", "HF", "HFrEF", "HFpEF", "HFmrEF")  # what the paper's single word covers


def paper_prompt(attributes: Mapping[str, object]) -> str:
    """Attributes in the paper's words; empty where nothing is said."""
    told = {k: v for k, v in attributes.items() if is_present(v)}
    parts = []
    if "sex" in told:
        parts.append(str(told["sex"]).capitalize())
    if "age" in told:
        parts.append(f"age in {int(float(str(told['age']))) // 10}0s")
    if "bmi" in told:
        parts.append(f"{bmi_class(float(str(told['bmi'])))} BMI")
    if "diagnosis" in told:
        parts.append(_illness(str(told["diagnosis"])))
    return ", ".join(parts)


def bmi_class(bmi: float) -> str:
    """The classes of the World Health Organization, as the paper names them."""
    return next((name for limit, name in BMI_CLASSES if bmi < limit), "obese")


def _illness(diagnosis: str) -> str:
    if diagnosis == "NOR":
        return "healthy"
    if diagnosis in HEART_FAILURE:
        return "heart failure"
    return DIAGNOSES.get(diagnosis, diagnosis)
