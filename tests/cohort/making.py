"""Small cohorts and stacks with known truth, for tests."""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synthcmr.cohort import Cohort
from synthcmr.cohort.checksums import record_text
from synthcmr.cohort.labels import Mask
from synthcmr.cohort.preprocess import to_record
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import COHORT_FILE, CohortWriter, file_checks
from synthcmr.config import PreprocessSettings, SplitSettings


def disc_mask(
    shape: tuple[int, int, int, int], spacing: tuple[float, float], slices: range, centre: tuple[float, float]
) -> Mask:
    """LV disc (r 20 mm), myocardial ring (to 30 mm) and an RV half ring to the left, in the given slices of all frames."""
    rows = (np.arange(shape[2]) - centre[0])[:, None] * spacing[0]
    columns = (np.arange(shape[3]) - centre[1])[None, :] * spacing[1]
    r = np.hypot(rows, columns)
    plane = np.zeros(shape[2:], dtype=np.uint8)
    plane[(r < 50) & (columns < -10) & (np.abs(rows) < 30)] = 3
    plane[r < 30] = 2
    plane[r < 20] = 1
    mask = np.zeros(shape, dtype=np.uint8)
    for n, z in enumerate(slices):
        keep = r < 60 * (1 - 0.5 * n / max(1, len(slices)))  # narrower towards the apex
        mask[:, z] = np.where(keep, plane, 0)
    return mask


def heart_stack(
    seed: int = 0,
    shape: tuple[int, int, int, int] = (2, 9, 160, 180),
    spacing: tuple[float, float] = (1.4, 1.4),
    centre: tuple[float, float] = (70.0, 95.0),
    phases: tuple[str, ...] = ("ED", "ES"),
) -> Stack:
    """A noisy stack whose brightness follows its mask."""
    mask = disc_mask(shape, spacing, range(1, shape[1] - 1), centre)
    rng = np.random.default_rng(seed)
    image = 100 + 300 * (mask == 1) + 60 * (mask == 2) + 280 * (mask == 3) + rng.normal(0, 15, shape)
    affine = np.array([[-spacing[1], 0, 0, 120.0], [0, -spacing[0], 0, 90.0], [0, 0, 8.0, -40.0], [0, 0, 0, 1.0]])
    return Stack(image.clip(0).astype(np.int16), mask, spacing, 8.0, phases, affine=affine)


def make_cohort(
    out: Path,
    subjects: int = 6,
    settings: PreprocessSettings | None = None,
    split: SplitSettings | None = None,
    **stack_options: object,
) -> Cohort:
    """A cohort of noisy discs with sex, age, diagnosis and vendor."""
    settings = settings or PreprocessSettings(size=96)
    lossless = settings.intensity == "none"
    with CohortWriter(out, {"step": "test", "settings": {}}, "float32" if lossless else "float16", (96, 96)) as writer:
        for i in range(subjects):
            raw = RawSubject(
                f"s{i:03d}",
                {
                    "sex": "FM"[i % 2],
                    "age": 40.0 + i,
                    "diagnosis": ("NOR", "DCM", "HCM")[i % 3],
                    "vendor": "SIEMENS",
                    "smoker": bool(i % 2),
                },
                (heart_stack(i, **stack_options),),  # type: ignore[arg-type]
            )
            writer.add(to_record(raw, f"case{i:03d}", settings))
        writer.finish(split or SplitSettings(), [])
    return Cohort.open(out)


def stored_hash(image: npt.NDArray[np.generic], mask: npt.NDArray[np.generic]) -> str:
    """What images.parquet must say of pixels and labels that were read back."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(image).tobytes())
    digest.update(np.ascontiguousarray(mask).tobytes())
    return digest.hexdigest()


def with_new_checks(folder: Path) -> Path:
    """A cohort whose files were edited, as if it had been written so."""
    record = json.loads((folder / COHORT_FILE).read_text()) | file_checks(folder)
    (folder / COHORT_FILE).write_text(record_text(record))
    return folder


def one_record(name: str) -> SubjectRecord:
    """One subject with a small stack."""
    return to_record(RawSubject(name, {}, (heart_stack(0),)), name, PreprocessSettings())
