"""What a phantom subject really measures, counted on its anatomy."""

import numpy as np
import numpy.typing as npt

from synthcmr.cohort.labels import Label
from synthcmr.cohort.measures import MYOCARDIAL_DENSITY_G_PER_ML
from synthcmr.phantom.anatomy.curves import SAMPLES, THETA, Around
from synthcmr.phantom.anatomy.heart import Heart
from synthcmr.phantom.anatomy.heart_tissue import HeartTissue
from synthcmr.phantom.anatomy.tissues import Tissue

GRID_MM = 1.0
COARSE, MARGIN_MM = 4, 18.0  # the heart is located on every fourth point
STATES = {"ed": 0.0, "es": 1.0}
Line = npt.NDArray[np.float64]
# AHA 16-segment model: level -> centres of its sectors, radians (anterior first, then towards the septum)
SECTORS: dict[str, tuple[int, ...]] = {
    "basal": (-90, -150, 150, 90, 30, -30),
    "mid": (-90, -150, 150, 90, 30, -30),
    "apical": (-90, 180, 90, 0),
}


def measure(heart: Heart, tissue: HeartTissue) -> dict[str, float]:
    """Volumes, mass, wall thickness and fat of one subject; names carry the unit.

    `lv_*` and `myocardium_*` follow the usual contours (papillary muscles and trabeculae are cavity); the ones ending in
    `_papillary_as_muscle` count them as muscle.
    """
    measures: dict[str, float] = {}
    x, y = np.meshgrid(*_reach(heart, np.arange(-130.0, 75.0, GRID_MM), np.arange(-95.0, 95.0, GRID_MM)))
    slices = [heart.around(x, y, index) for index in range(len(heart.slices_z))]
    for name, s in STATES.items():
        measures |= {f"{key}_{name}{unit}": value for (key, unit), value in _volumes(heart, tissue, slices, s).items()}
    for suffix in ("", "_papillary_as_muscle"):
        edv, esv = measures[f"lv_volume_ed_ml{suffix}"], measures[f"lv_volume_es_ml{suffix}"]
        measures[f"lv_ef_percent{suffix}"] = 100.0 * (edv - esv) / edv
    rv_edv, rv_esv = measures["rv_volume_ed_ml"], measures["rv_volume_es_ml"]
    measures["rv_ef_percent"] = 100.0 * (rv_edv - rv_esv) / rv_edv
    walls = _walls(heart)
    thickest = max(v for k, v in walls.items() if "_ed_" in k)
    subject = heart.subject
    return (
        measures
        | walls
        | {
            "wall_max_ed_mm": thickest,
            "chest_fat_mm": subject.chest_fat_mm,
            "epicardial_fat_ml": subject.epicardial_fat_ml,
        }
    )


def _reach(heart: Heart, columns: Line, rows: Line) -> tuple[Line, Line]:
    """The columns and rows that the heart can reach: where some slice shows it at ED, and a margin."""
    x, y = np.meshgrid(columns[::COARSE], rows[::COARSE])
    drawn = np.zeros(x.shape, dtype=np.bool_)
    for index in range(len(heart.slices_z)):
        drawn |= heart.labels(heart.around(x, y, index), 0.0) > 0
    if not drawn.any():
        return columns, rows
    reached = []
    for line, axis in ((columns, 0), (rows, 1)):
        shown = line[::COARSE][drawn.any(axis=axis)]
        reached.append(line[(line > shown[0] - MARGIN_MM) & (line < shown[-1] + MARGIN_MM)])
    return reached[0], reached[1]


def _volumes(heart: Heart, tissue: HeartTissue, slices: list[Around], s: float) -> dict[tuple[str, str], float]:
    labels = np.zeros(4)
    papillary = scar = rv_trabecula = 0
    for around in slices:
        drawn = heart.labels(around, s)
        labels += np.bincount(drawn.ravel(), minlength=4)[:4]
        tissues = tissue.at(around, 0.0, s)
        papillary += int(((tissues == Tissue.PAPILLARY) & (drawn == Label.LV)).sum())
        rv_trabecula += int(((tissues == Tissue.RV_TRABECULA) & (drawn == Label.RV)).sum())
        scar += int((tissues == Tissue.SCAR).sum())
    ml = GRID_MM**2 * heart.step / 1000.0
    lv, myocardium, rv = (labels[k] * ml for k in (Label.LV, Label.MYOCARDIUM, Label.RV))
    return {
        ("lv_volume", "_ml"): lv,
        ("lv_volume", "_ml_papillary_as_muscle"): lv - papillary * ml,
        ("lv_mass", "_g"): myocardium * MYOCARDIAL_DENSITY_G_PER_ML,
        ("lv_mass", "_g_papillary_as_muscle"): (myocardium + papillary * ml) * MYOCARDIAL_DENSITY_G_PER_ML,
        ("rv_volume", "_ml"): rv,
        ("rv_volume", "_ml_trabecula_as_muscle"): rv - rv_trabecula * ml,
        ("scar_mass", "_g"): scar * ml * MYOCARDIAL_DENSITY_G_PER_ML,
    }


def _walls(heart: Heart) -> dict[str, float]:
    """Mean wall thickness of each AHA segment."""
    walls: dict[str, float] = {}
    for name, s in STATES.items():
        number = 0
        for third, sectors in enumerate(SECTORS.values()):
            wall = _mean_wall(heart, third, s)
            for centre in sectors:
                number += 1
                near = np.abs(np.angle(np.exp(1j * (THETA - np.radians(centre))))) <= np.pi / len(sectors)
                walls[f"wall_{name}_mm_segment_{number:02d}"] = float(wall[near].mean())
    return walls


def _mean_wall(heart: Heart, third: int, s: float) -> npt.NDArray[np.float64]:
    """Thickness over angle, averaged over one third of the ventricle."""
    base, apex = heart.lv.base(s), heart.lv.apex(s)
    walls = []
    for u in np.linspace(third / 3 + 0.05, third / 3 + 0.28, 5):
        shown = heart.lv.slice(base + u * (apex - base), s)
        if shown is not None:
            walls.append(shown.epicardium - shown.cavity)
    return np.mean(walls, axis=0) if walls else np.zeros(SAMPLES)
