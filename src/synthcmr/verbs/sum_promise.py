"""--dp of what releases a few noisy numbers once: recalibrations, anatomies and the counts of plans."""

from __future__ import annotations

from synthcmr.errors import SettingsError

LARGEST_EPSILON = 1000.0  # beyond it nothing is kept private


def read_sum_promise(text: str) -> tuple[float, float, int | None]:
    """`epsilon=1,delta=1e-5,subjects_in_cohort=100` as epsilon, delta, and the subjects that are stated.

    Raises:
        SettingsError: it does not say them.
    """
    values = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    try:
        epsilon, delta = float(values.pop("epsilon")), float(values.pop("delta", "1e-5"))
        stated = int(values.pop("subjects_in_cohort")) if "subjects_in_cohort" in values else None
    except (KeyError, ValueError):
        epsilon, delta, stated = 0.0, 0.0, None
    right = 0 < epsilon <= LARGEST_EPSILON and 0 < delta < 0.1 and (stated is None or stated >= 1)
    if values or not right:
        raise SettingsError(
            f"--dp: expected epsilon=NUMBER and, if wished, delta=NUMBER and subjects_in_cohort=N, separated by commas; epsilon up to "
            f"{LARGEST_EPSILON:g} and delta below 0.1; got '{text}'"
        )
    return epsilon, delta, stated


def read_count_promise(text: str) -> tuple[float, dict[str, tuple[str, ...]]]:
    """`epsilon=1,categories=diagnosis:NOR|DCM` as epsilon, and the values that are counted where they are stated.

    Raises:
        SettingsError: it does not say them.
    """
    from synthcmr.training.settings import read_categories

    values = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    try:
        epsilon = float(values.pop("epsilon"))
    except (KeyError, ValueError):
        epsilon = 0.0
    categories = values.pop("categories", "")
    if values or not 0 < epsilon <= LARGEST_EPSILON:
        raise SettingsError(
            f"--dp: expected epsilon=NUMBER up to {LARGEST_EPSILON:g} and, if wished, categories=NAME:VALUE|VALUE, separated by a comma; "
            f"counts need no delta; got '{text}'"
        )
    return epsilon, read_categories(categories) if categories else {}
