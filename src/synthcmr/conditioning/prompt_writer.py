"""Attributes <-> text. Any attribute can be left out on the way there, and what is not understood is said on the way back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthcmr.cohort.attributes import VENDOR_HINTS, Value, is_missing
from synthcmr.conditioning.heart_numbers import HEART_NUMBERS, SEVERITY
from synthcmr.conditioning.wordings import DIAGNOSES, LEVEL_WRITTEN, PHASE_WRITTEN, SEX_WRITTEN

EXAMPLE = "woman, 67 years, BMI 31, heart failure"
QUOTED = ("diagnosis", "vendor", "scanner", "centre")  # whose values may be a data set's own codes: written in quotes
DECIMALS = {"field_strength_t": 2, "severity": 2}  # 0.55 T; elsewhere one


@dataclass(frozen=True)
class Understood:
    """What a prompt says."""

    attributes: dict[str, Value] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)  # what the heart shall measure; and severity
    slice_level: str | None = None
    phases: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()  # diagnoses that may not be drawn
    ignored: tuple[str, ...] = ()  # what was not understood, as typed
    notes: tuple[str, ...] = ()  # what was assumed


def write_prompt(
    attributes: Mapping[str, object],
    *,
    slice_level: str | None = None,
    phases: Sequence[str] = (),
    numbers: Mapping[str, float] | None = None,
) -> str:
    """Attributes as text.

    Args:
        attributes: of the patient and the scanner; what is absent or not known to prompts is left out.
        slice_level: basal, mid or apical.
        phases: ED, ES or both.
        numbers: what the heart measures.

    Example:
        >>> write_prompt({"sex": "female", "age": 67, "bmi": 31.2, "diagnosis": "HF", "vendor": "Siemens"}, slice_level="mid")
        'Short-axis cardiac MRI, mid-ventricular slice. Woman, 67 years, BMI 31.2, heart failure. Siemens.'
    """
    told = {k: v for k, v in attributes.items() if not is_missing(v)}
    view = ["Short-axis cardiac MRI"]
    if slice_level is not None:
        view.append(LEVEL_WRITTEN[slice_level])
    if phases:
        view.append(" and ".join(PHASE_WRITTEN[p] for p in phases))
    sentences = [", ".join(view), ", ".join(_patient(told)), ", ".join(_measured(numbers or {})), _scanner(told)]
    return " ".join(f"{_capital(s)}." for s in sentences if s)


def _patient(told: Mapping[str, object]) -> list[str]:
    parts = [SEX_WRITTEN[str(told["sex"])]] if "sex" in told else []
    parts += [form.format(_number(name, told[name])) for name, form in _PATIENT_FORMS.items() if name in told]
    if "diagnosis" in told:
        parts.append(DIAGNOSES.get(str(told["diagnosis"])) or _coded("diagnosis", told))
    return parts


_PATIENT_FORMS = {
    "age": "{} years",
    "bmi": "BMI {}",
    "height_cm": "{} cm",
    "weight_kg": "{} kg",
    "systolic_bp": "systolic {} mmHg",
    "diastolic_bp": "diastolic {} mmHg",
    "heart_rate": "heart rate {}",
    "chest_fat_mm": "chest fat {} mm",
}


def _measured(numbers: Mapping[str, float]) -> list[str]:
    known = {**HEART_NUMBERS, "severity": SEVERITY}
    return [f"{known[k].label} {_number(k, v)} {known[k].unit}".rstrip() for k, v in numbers.items() if k in known]


def _scanner(told: Mapping[str, object]) -> str:
    parts = []
    if "vendor" in told:
        parts.append(str(told["vendor"]) if told["vendor"] in VENDOR_HINTS.values() else _coded("vendor", told))
    if "field_strength_t" in told:
        parts.append(f"{_number('field_strength_t', told['field_strength_t'])} T")
    parts += [_coded(name, told) for name in ("scanner", "centre") if name in told]
    return " ".join(parts)


def _coded(name: str, told: Mapping[str, object]) -> str:
    """A value as it stands, in quotes, so that it is read back as it was whatever it holds."""
    return f"{name} {json.dumps(str(told[name]).strip(), ensure_ascii=False)}"


def _number(name: str, value: object) -> str:
    return f"{round(float(str(value)), DECIMALS.get(name, 1)):g}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
