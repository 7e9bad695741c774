"""Patients for tests: phantoms that were written as the ACDC challenge hands its data out, and read again like any patient's images."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.generators.family_settings import FlowSettings
from synthcmr.training.settings import LoopSettings, PrivacySettings
from tests.generators.making import phantoms
from tests.journeys.typing_in import run

TINY = FlowSettings(patch=4, channels=(32, 32), attention=(False, True), head_channels=16, token_width=16, planes=4)
LOOP = LoopSettings(steps=2, batch=2, warmup=1, held_out_every=2, held_out_images=2, sheet_every=10, checkpoint_every=2)
PRIVATE = LOOP.model_copy(update={"dp": PrivacySettings(epsilon=8.0, subjects=4, slices=1, subjects_in_cohort=20)})
FEW = ("--size", 64, "--steps", 1, "--no-screen")  # of a generated cohort


def patients(out: Path, subjects: int = 24) -> Cohort:
    """Ingested, so that nobody can tell them from patients."""
    made = phantoms(out.with_name(f"{out.name}-phantoms"), subjects, seed=3)
    get_writer("acdc").write(made, out.with_name(f"{out.name}-files"))
    run("ingest", out.with_name(f"{out.name}-files"), out, "--size", 64, "--spacing", 3)
    return Cohort.open(out)
