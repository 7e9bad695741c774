"""The volume of the left ventricle over a heartbeat."""

import numpy as np

ISOVOLUMIC_RELAXATION_MS = 70.0
E_WAVE_MS, A_WAVE_MS = 215.0, 130.0


def es_phase(heart_rate: float) -> float:
    """End-systole as a share of the RR interval (ejection time plus isovolumic contraction: 450 - 1.7 HR ms)."""
    return (450.0 - 1.7 * heart_rate) * heart_rate / 60000.0


def volume_at(phase: float, age: float, heart_rate: float, edv_ml: float, esv_ml: float) -> float:
    """LV volume at a phase (0 to 1): ejection, isovolumic relaxation, E wave, diastasis, A wave.

    With age less of the filling happens early and more in the atrial kick.
    """
    rr = 60000.0 / heart_rate
    t, t_es = phase * rr, es_phase(heart_rate) * rr
    stroke = edv_ml - esv_ml
    if t <= t_es:
        return edv_ml - stroke * 0.5 * (1 - np.cos(np.pi * (t / t_es) ** 0.9))
    return esv_ml + stroke * _filled(t - t_es - ISOVOLUMIC_RELAXATION_MS, rr - t_es - ISOVOLUMIC_RELAXATION_MS, age)


def _filled(t: float, duration: float, age: float) -> float:
    """Share of the stroke volume that has come back `t` ms after the mitral valve opened."""
    if t <= 0:
        return 0.0
    squeeze = min(1.0, duration / (E_WAVE_MS + A_WAVE_MS + 20.0))  # fast hearts merge the waves
    e_ms, a_ms = E_WAVE_MS * squeeze, A_WAVE_MS * squeeze
    early = float(np.clip(0.65 - 0.006 * (age - 45), 0.40, 0.70))
    late = float(np.clip(0.20 + 0.0052 * (age - 45), 0.15, 0.40))
    e_part = early * 0.5 * (1 - np.cos(np.pi * np.clip(t / e_ms, 0, 1)))
    a_part = late * 0.5 * (1 - np.cos(np.pi * np.clip((t - duration + a_ms) / a_ms, 0, 1)))
    rest = (1 - early - late) * np.clip(t / duration, 0, 1)
    return float(e_part + a_part + rest)
