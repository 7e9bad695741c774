"""A phantom cohort and a flow so small that they are made in seconds."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.config import PreprocessSettings
from synthcmr.generators.flow.settings import FlowSettings
from synthcmr.phantom.cohort import make_phantoms
from synthcmr.training.settings import LoopSettings

TINY = FlowSettings(patch=4, channels=(32, 32), attention=(False, True), head_channels=16, token_width=16, planes=4)
LOOP = LoopSettings(steps=6, batch=4, warmup=2, held_out_every=3, held_out_images=4, sheet_every=6, checkpoint_every=2)


def phantoms(out: Path, subjects: int = 8, size: int = 64, seed: int = 1) -> Cohort:
    """Phantoms at 3 mm, so that a whole heart fits into few pixels."""
    return make_phantoms(
        out, "everyone", subjects, seed=seed, preprocess=PreprocessSettings(spacing_mm=3.0, size=size), workers=1
    )
