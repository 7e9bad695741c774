"""What must hold where networks compute on a card; there is none on most machines that test."""

from pathlib import Path

import numpy as np
import pytest
import torch

from synthcmr.cohort import Cohort
from synthcmr.conditioning.condition import Condition
from synthcmr.generators.families import family, load_generator
from synthcmr.generators.sampler import SamplerSettings
from synthcmr.training.run_folder import RunFolder
from tests.generators.making import FAMILIES, LOOP

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
KINDS = ("flow", "diffusion", "latent", "vae", "gan")


@pytest.mark.parametrize("name", KINDS)
def test_an_image_does_not_depend_on_how_many_are_drawn_with_it(
    name: str, phantom_cohort: Cohort, tmp_path: Path
) -> None:
    kind, model = FAMILIES[name]
    family(kind).fit(phantom_cohort, tmp_path / name, model, LOOP)
    assert RunFolder(tmp_path / name).metrics()[-1]["peak_mb"] > 0  # of the card
    generator = load_generator(tmp_path / name)
    conditions = [Condition(phantom_cohort.mask(i), {"sex": "female", "age": 50.0 + i}) for i in range(7)]
    settings = SamplerSettings(steps=3, guidance=2.0, until=1.0, batch=4)
    made = generator.sample(conditions, list(range(7)), settings)
    for some in ([0], [2, 5], [6, 1, 3, 4, 0]):
        alone = generator.sample([conditions[i] for i in some], some, settings)
        np.testing.assert_array_equal(alone, made[some])
