"""What a user gets who chooses nothing but the family."""

from pathlib import Path

import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.families import family
from synthcmr.training.run_folder import WEIGHTS


@pytest.mark.parametrize("name", ["flow", "diffusion", "latent", "gan", "vae"])
def test_every_family_trains_with_its_own_defaults(name: str, phantom_cohort: Cohort, tmp_path: Path) -> None:
    model, loop = family(name).settings("cpu")
    short = loop.model_copy(update={"steps": 1, "batch": 2, "held_out_images": 2})
    made = family(name).fit(phantom_cohort, tmp_path / name, model, short)
    assert (tmp_path / name / WEIGHTS).exists()
    assert made.family == name
