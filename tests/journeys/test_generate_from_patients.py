"""Anatomies and images that follow real patients."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.generators.anatomy.anatomy import real_anatomies
from synthcmr.generators.anatomy.generator import AnatomyGenerator
from synthcmr.sampling.screening import implausible
from tests.journeys.typing_in import real_data, run


@pytest.fixture(scope="module")
def acdc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("acdc") / "cohort"
    run("ingest", real_data("acdc/training"), out)
    return out


def test_anatomies_learned_from_patients_measure_like_theirs(acdc: Path, tmp_path: Path) -> None:
    said = run("train", "anatomy", acdc, tmp_path / "anatomy.npz").stdout
    assert "--anatomy" in said
    generator = AnatomyGenerator.load(tmp_path / "anatomy.npz")
    real = [a.numbers() for a in real_anatomies(Cohort.open(acdc).select(split="train"))]
    drawn = [generator.sample({}, seed) for seed in range(40)]
    made = [d.numbers() for d in drawn]
    for name in ("lv_edv_ml", "lv_mass_g", "rv_edv_ml", "lv_ef_percent"):
        a, b = np.array([r[name] for r in real]), np.array([m[name] for m in made])
        assert b.mean() == pytest.approx(a.mean(), abs=3 * np.sqrt(a.var() / len(a) + b.var() / len(b))), name
        assert 0.5 < b.std() / a.std() < 1.7, name
    slices = [implausible(d.mask[:, z]) for d in drawn for z in range(d.mask.shape[1])]
    assert np.mean([s is None for s in slices]) > 0.95


def test_patients_are_followed_with_bent_masks_and_new_images(acdc: Path, tmp_path: Path) -> None:
    run(
        "generate",
        tmp_path / "out",
        "--follow",
        acdc,
        "--masks",
        "deformed",
        "--subjects",
        2,
        "--steps",
        2,
        "--no-screen",
    )
    made = Cohort.open(tmp_path / "out")
    sources = made.images.groupby("subject_id")["anatomy_source"].first()
    assert all(s.startswith("deformed:") for s in sources)
    for name, source in sources.items():
        theirs = Cohort.open(acdc).stacks(source.removeprefix("deformed:"))[0].mask
        mine = made.stacks(str(name))[0].mask
        assert mine.shape == theirs.shape
        assert 0.002 < (mine != theirs).mean() < 0.2
