"""What a refining run is set to by measurement: greys of its look, times of its steps, where phantoms begin."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.joining import records
from synthcmr.cohort.provenance import PROVENANCE_FILE
from synthcmr.cohort.writer import CohortWriter
from synthcmr.conditioning.condition import LOOK
from synthcmr.evaluation.refine_calibration import (
    BEGINS,
    CALIBRATION,
    LATES,
    BeginPoint,
    Calibration,
    LatePoint,
    calibrate,
)
from synthcmr.generators.refine.generator import RefineGenerator
from synthcmr.generators.refine.greys import Greys, moved_greys, tissue_means
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.weights import file_hash, read_header
from tests.generators.making import FAMILIES, LOOP

DARKER = 0.45


@pytest.fixture(scope="module")
def dark(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """People of a scanner whose images are dark."""
    out = tmp_path_factory.mktemp("dark") / "cohort"
    with CohortWriter(out, {"step": "test", "settings": {}}, "float16", (64, 64)) as writer:
        for record in records(phantom_cohort):
            images = tuple(replace(one, image=one.image * DARKER) for one in record.images)
            writer.add(replace(record, images=images, attributes={**record.attributes, LOOK: "dark"}))
        writer.finish(None, [])
    return Cohort.open(out)


def test_a_run_is_measured_once_and_phantoms_take_on_the_greys_of_its_look(dark: Cohort, tmp_path: Path) -> None:
    run = tmp_path / "run"
    RefineGenerator.fit(dark, run, FAMILIES["refine"][1], LOOP)
    before = RefineGenerator.load(run / WEIGHTS)
    calibrated, sentence = calibrate(run, dark)
    assert f"begin at {calibrated.usual_begin:g} of the way" in sentence
    assert calibrated.usual_begin in BEGINS
    assert calibrated.network.settings.late in LATES
    curves = read_header(run / WEIGHTS)[CALIBRATION]
    assert [point["begin"] for point in curves["begin"]] == list(BEGINS)
    assert RunFolder(run).record()["ended"][CALIBRATION] == curves
    assert file_hash(run / WEIGHTS) == calibrated.hash
    assert calibrated.hash in (run / PROVENANCE_FILE).read_text()

    own, its = dark.image(3).astype(np.float32) / DARKER, dark.mask(3)
    assert np.array_equal(before.in_greys_of(None, own, its), own)
    as_dark = tissue_means(calibrated.in_greys_of(None, own, its), its)
    blood = tissue_means(own, its)
    assert blood is not None
    assert as_dark is not None
    assert 0.2 < as_dark[0] / blood[0] < 0.8

    again, nothing = calibrate(run, dark)
    assert nothing == ""
    assert again.hash == calibrated.hash


def test_phantoms_stay_as_they_are_where_they_are_as_bright_as_real_images(
    phantom_cohort: Cohort, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    RefineGenerator.fit(phantom_cohort, run, FAMILIES["refine"][1], LOOP)
    calibrated, _ = calibrate(run, phantom_cohort)
    image, mask = phantom_cohort.image(3).astype(np.float32), phantom_cohort.mask(3)
    assert np.array_equal(calibrated.in_greys_of(None, image, mask), image)


def test_of_the_places_that_keep_masks_the_nearest_is_taken() -> None:
    lates = (LatePoint(1.5, 0.4), LatePoint(2.0, 0.1), LatePoint(3.0, 0.3))
    kept = [BeginPoint(0.35, 0.1, 0.97), BeginPoint(0.45, 0.2, 0.985), BeginPoint(0.65, 0.3, 1.0)]
    calibration = Calibration({}, lates, tuple(kept))
    assert calibration.late == 2.0
    assert calibration.best.begin == 0.45
    alike = [BeginPoint(0.35, 0.3, 0.97), BeginPoint(0.45, 0.208, 0.985), BeginPoint(0.65, 0.2, 1.0)]
    assert Calibration({}, lates, tuple(alike)).best.begin == 0.45
    lost = [BeginPoint(0.35, 0.1, 0.6), BeginPoint(0.65, 0.3, 0.9)]
    assert Calibration({}, lates, tuple(lost)).best.begin == 0.65


def test_moved_greys_keep_the_order_of_greys_and_move_blood_and_muscle() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[10:20, 10:20], mask[20:30, 10:20] = 1, 2
    image = np.linspace(0, 1, 1600, dtype=np.float32).reshape(40, 40)
    image[mask == 1], image[mask == 2] = 0.7, 0.3
    source, target = Greys(np.log(0.7), np.log(0.3 / 0.7)), Greys(np.log(0.35), np.log(0.4))
    moved = moved_greys(image, mask, source, target)
    assert moved[mask == 1] == pytest.approx(0.35, abs=1e-5)
    assert moved[mask == 2] == pytest.approx(0.14, abs=1e-5)
    order = np.argsort(image, axis=None, kind="stable")
    assert (np.diff(moved.ravel()[order]) >= 0).all()
    assert 0.0 == moved.min() < moved.max() <= 1.0
    assert np.array_equal(moved_greys(image, np.zeros_like(mask), source, target), image)
