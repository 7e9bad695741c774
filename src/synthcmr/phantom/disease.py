"""What a heart is asked to measure, from who the person is and what they suffer from.

Healthy means and spreads: UK Biobank, papillary muscles counted as blood (Petersen 2017, JCMR 19:18); body size and blood
pressure: PLoS One 12:e0185114. Disease: the criteria by which ACDC and M&Ms-2 put patients into groups.
"""

import math

import numpy as np

from synthcmr.phantom.subject import HeartTargets

# sex -> (mean at 60 years, BMI 27, 138 mmHg; change per year)
LV_EDV = {"male": (166.0, -0.6), "female": (124.0, -0.45)}
RV_EDV = {"male": (182.0, -0.8), "female": (130.0, -0.6)}
LV_MASS = {"male": (103.0, -0.25), "female": (70.0, 0.0)}
LV_EF = {"male": 58.0, "female": 61.0}
RV_EF = {"male": 54.0, "female": 58.0}
REFERENCE_HEIGHT = {"male": 176.0, "female": 163.0}
# residual spreads of ln EDV, ln RVEDV, ln mass: what is left of the population's spread once body, age and pressure explain their part
RESIDUAL = (0.13, 0.14, 0.12)
CORRELATION = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.5], [0.6, 0.5, 1.0]])


def heart_targets(
    sex: str,
    age: float,
    height_cm: float,
    bmi: float,
    pressure: float,
    diagnosis: str,
    rng: np.random.Generator,
    measured: tuple[float, float] = (1.0, 1.0),
) -> HeartTargets:
    """Draw volumes and mass for one person; healthy LV and RV volumes measure `measured` times those of UK Biobank."""
    noise = np.linalg.cholesky(CORRELATION) @ rng.standard_normal(3) * RESIDUAL
    size = 2.0 * math.log(height_cm / REFERENCE_HEIGHT[sex])
    fat, push = (bmi - 27.0) / 4.3, (pressure - 138.0) / 18.0
    edv = _scaled(LV_EDV[sex], age, 0.047 * fat + 0.044 * push + size + noise[0]) * measured[0]
    rv_edv = _scaled(RV_EDV[sex], age, 0.052 * fat + size + noise[1]) * measured[1]
    mass = _scaled(LV_MASS[sex], age, 0.080 * fat + 0.066 * push + size + noise[2])
    ef = rng.normal(LV_EF[sex], 4.6) - 20.0 * noise[0] * 0.2
    rv_ef = rng.normal(RV_EF[sex], 5.0)
    bsa = math.sqrt(height_cm * bmi * (height_cm / 100) ** 2 / 3600.0)
    edv, ef, mass, rv_edv, rv_ef = _diseased(diagnosis, edv, ef, mass, rv_edv, rv_ef, bsa, rng)
    ef, rv_ef = float(np.clip(ef, 8, 80)), float(np.clip(rv_ef, 12, 75))
    return HeartTargets(edv, edv * (1 - ef / 100), mass, rv_edv, rv_edv * (1 - rv_ef / 100))


def _scaled(mean_and_slope: tuple[float, float], age: float, log_factor: float) -> float:
    mean, slope = mean_and_slope
    return (mean + slope * (age - 60.0)) * math.exp(log_factor)


def _diseased(
    diagnosis: str,
    edv: float,
    ef: float,
    mass: float,
    rv_edv: float,
    rv_ef: float,
    bsa: float,
    rng: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    if diagnosis == "DCM":
        edv = bsa * rng.uniform(105, 200)
        ef = float(np.clip(rng.normal(22, 8), 9, 39))
        mass *= rng.uniform(1.3, 1.95)
        rv_edv, rv_ef = rv_edv * rng.uniform(0.8, 1.5), rv_ef * rng.uniform(0.35, 1.0)
    elif diagnosis == "HCM":
        edv, ef = edv * rng.uniform(0.8, 1.1), float(np.clip(rng.normal(67, 6), 56, 80))
        mass *= rng.uniform(1.45, 2.15)
        rv_edv *= rng.uniform(0.65, 1.0)
    elif diagnosis == "MINF":
        edv, ef = edv * rng.uniform(1.05, 1.6), float(np.clip(rng.normal(31, 7), 14, 39))
        mass *= rng.uniform(1.05, 1.4)
        rv_edv, rv_ef = rv_edv * rng.uniform(0.65, 1.0), rv_ef * rng.uniform(0.8, 1.1)
    elif diagnosis == "RV":
        rv_edv, rv_ef = bsa * rng.uniform(82, 145), float(np.clip(rng.normal(34, 13), 12, 60))
        if rv_edv < 105 * bsa:  # else the criterion of volume is not met
            rv_ef = min(rv_ef, 39.0)
        edv, mass, ef = edv * rng.uniform(0.7, 1.1), mass * rng.uniform(0.65, 1.0), ef - 4.0
    elif diagnosis == "HTN":
        mass, ef = mass * rng.uniform(1.1, 1.5), ef + 2.0
    elif diagnosis == "HFpEF":
        mass, edv = mass * rng.uniform(1.15, 1.5), edv * rng.uniform(0.8, 1.0)
        ef = float(np.clip(ef, 51, 70))
    return edv, ef, mass, rv_edv, rv_ef
