"""Patients for tests: phantoms that were written as the ACDC challenge hands its data out, and read again like any patient's images."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import get_writer
from synthcmr.training.settings import LoopSettings, PrivacySettings
from tests.journeys.typing_in import run

LOOP = LoopSettings(steps=2, batch=2, warmup=1, held_out_every=2, held_out_images=2, sheet_every=10, checkpoint_every=2)
PRIVACY = PrivacySettings(epsilon=8.0, subjects=4, slices=1, subjects_in_cohort=20)
PRIVATE = LOOP.model_copy(update={"dp": PRIVACY})
FEW = ("-n", 2, "--size", 64, "--steps", 1)  # of a generated cohort
UNSCREENED = (*FEW, "--no-screen")


def patients_of(phantoms: Cohort, out: Path, *flags: object) -> Cohort:
    """The same images, of whom nobody can tell that they are no patients."""
    files = out.with_name(f"{out.name}-files")
    get_writer("acdc").write(phantoms, files)
    run("ingest", files, out, "--size", 64, "--spacing", 3, *flags)
    return Cohort.open(out)


def refused(source: Path, out: Path) -> str:
    """What a release is refused with; nothing must be left behind."""
    said = run("release", source, out, ok=False).stderr
    assert not list(out.parent.glob(f"*{out.name}*"))
    return said
