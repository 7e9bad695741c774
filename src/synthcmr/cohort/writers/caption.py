"""A caption for an image, made from what is known about it."""

from collections.abc import Mapping
from typing import Any

NOUNS = {"female": "woman", "male": "man"}
PHASES = {"ED": "end-diastole", "ES": "end-systole"}


def caption(attributes: Mapping[str, Any], phase: str | None = None, level: str | None = None) -> str:
    """One line, e.g. "short-axis cardiac MRI, end-diastole, mid slice, woman, 61 years, BMI 25.9, HCM, Siemens, 1.5 T".

    What is missing is not mentioned.
    """
    parts = ["short-axis cardiac MRI"]
    parts += [PHASES[phase]] if phase in PHASES else []
    parts += [f"{level} slice"] if level else []
    parts += [NOUNS[attributes["sex"]]] if attributes.get("sex") in NOUNS else []
    parts += [f"{attributes['age']:.0f} years"] if "age" in attributes else []
    parts += [f"BMI {attributes['bmi']:.1f}"] if "bmi" in attributes else []
    parts += [str(attributes[name]) for name in ("diagnosis", "vendor") if name in attributes]
    parts += [f"{attributes['field_strength_t']:g} T"] if "field_strength_t" in attributes else []
    return ", ".join(parts)
