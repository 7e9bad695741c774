"""Subject tables with planted or absent associations."""

import numpy as np
import pandas as pd


def people(n: int, seed: int, tangled: bool = False) -> pd.DataFrame:
    """Sex, age, BMI, vendor, diagnosis; independent, or the sick mostly obese men on one scanner."""
    rng = np.random.default_rng(seed)
    sick = rng.random(n) < 0.4
    man = rng.random(n) < (np.where(sick, 0.85, 0.4) if tangled else 0.5)
    heavy = rng.random(n) < (np.where(sick, 0.8, 0.3) if tangled else 0.4)
    philips = rng.random(n) < (np.where(sick, 0.85, 0.2) if tangled else 0.5)
    return pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(n)],
            "sex": np.where(man, "male", "female"),
            "age": rng.uniform(45, 80, n),
            "bmi": np.where(heavy, 33.0, 24.0) + rng.normal(0, 1, n),
            "vendor": np.where(philips, "Philips", "Siemens"),
            "diagnosis": np.where(sick, "DCM", "NOR"),
        }
    )
