"""What a heart can be requested to measure: names, units, ranges, and whether the numbers go together."""

from collections.abc import Mapping
from dataclasses import dataclass

from synthcmr.errors import SettingsError


@dataclass(frozen=True)
class HeartNumber:
    """One measure."""

    label: str  # as a prompt writes it
    unit: str
    low: float  # beyond low and high no heart of an adult lies
    high: float


HEART_NUMBERS: dict[str, HeartNumber] = {
    "lv_edv_ml": HeartNumber("LV EDV", "ml", 30, 600),
    "lv_esv_ml": HeartNumber("LV ESV", "ml", 5, 550),
    "lv_ef_percent": HeartNumber("LVEF", "%", 4, 88),
    "lv_mass_g": HeartNumber("LV mass", "g", 20, 500),
    "rv_edv_ml": HeartNumber("RV EDV", "ml", 30, 600),
    "rv_esv_ml": HeartNumber("RV ESV", "ml", 5, 550),
    "rv_ef_percent": HeartNumber("RVEF", "%", 4, 88),
    "wall_max_mm": HeartNumber("wall", "mm", 3, 40),
}
SEVERITY = HeartNumber("severity", "", 0, 2.5)  # 0: without the disease, 1: typical
EF_TOLERANCE = 1.0  # percent by which a stated EF may differ from the one that the volumes make


def checked(requested: Mapping[str, float], origin: str = "heart") -> dict[str, float]:
    """Numbers that a heart shall measure, with end-systolic volumes turned into what they imply.

    Args:
        requested: some of `HEART_NUMBERS`.
        origin: what to name in an error, e.g. "--prompt".

    Raises:
        SettingsError: unknown names, impossible values, or numbers that contradict each other.
    """
    for name, value in requested.items():
        if name not in HEART_NUMBERS:
            raise SettingsError(f"{origin}: expected some of {', '.join(HEART_NUMBERS)}; got '{name}'")
        in_range(HEART_NUMBERS[name], value, origin)
    numbers = dict(requested)
    for side in ("lv", "rv"):
        numbers |= _implied(side, numbers, origin)
    return numbers


def in_range(number: HeartNumber, value: float, origin: str) -> float:
    """The value, where a heart can have it.

    Raises:
        SettingsError: it cannot.
    """
    if not number.low <= value <= number.high:
        raise SettingsError(
            f"{origin}: {number.label}: expected {number.low:g} to {number.high:g} {number.unit}".rstrip()
            + f", got {value:g}"
        )
    return value


def _implied(side: str, numbers: Mapping[str, float], origin: str) -> dict[str, float]:
    """What an end-systolic volume says of the other numbers of its ventricle."""
    edv, esv, ef = (numbers.get(f"{side}_{k}") for k in ("edv_ml", "esv_ml", "ef_percent"))
    if esv is None:
        return {}
    if edv is None:
        return {} if ef is None else {f"{side}_edv_ml": esv / (1 - ef / 100)}
    label = side.upper()
    if esv >= edv:
        raise SettingsError(f"{origin}: {label} ESV: expected less than the EDV of {edv:g} ml, got {esv:g}")
    implied = 100 * (1 - esv / edv)
    if ef is not None and abs(ef - implied) > EF_TOLERANCE:
        raise SettingsError(
            f"{origin}: {label} EDV {edv:g} and ESV {esv:g} ml make an EF of {implied:.0f} %, not {ef:g} %; leave one out"
        )
    return {f"{side}_ef_percent": implied}
