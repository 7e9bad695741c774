"""What a refining run is set to by measurement: times of its steps, where phantoms begin."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.cohort.provenance import PROVENANCE_FILE
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
from synthcmr.training.run_folder import WEIGHTS, RunFolder
from synthcmr.training.weights import file_hash, read_header
from tests.generators.making import FAMILIES, LOOP

DARKER = 0.45


def test_a_run_is_measured_once_and_keeps_what_that_says(phantom_cohort: Cohort, tmp_path: Path) -> None:
    run = tmp_path / "run"
    RefineGenerator.fit(phantom_cohort, run, FAMILIES["refine"][1], LOOP)
    calibrated, sentence = calibrate(run, phantom_cohort)
    assert f"begin at {calibrated.usual_begin:g} of the way" in sentence
    assert calibrated.usual_begin in BEGINS
    assert calibrated.network.settings.late in LATES
    curves = read_header(run / WEIGHTS)[CALIBRATION]
    assert [point["begin"] for point in curves["begin"]] == list(BEGINS)
    assert RunFolder(run).record()["ended"][CALIBRATION] == curves
    assert file_hash(run / WEIGHTS) == calibrated.hash
    assert calibrated.hash in (run / PROVENANCE_FILE).read_text()

    again, nothing = calibrate(run, phantom_cohort)
    assert nothing == ""
    assert again.hash == calibrated.hash


def test_of_the_places_that_keep_masks_the_nearest_is_taken() -> None:
    lates = (LatePoint(1.5, 0.4), LatePoint(2.0, 0.1), LatePoint(3.0, 0.3))
    kept = [BeginPoint(0.35, 0.1, 0.97), BeginPoint(0.45, 0.2, 0.985), BeginPoint(0.65, 0.3, 1.0)]
    calibration = Calibration(lates, tuple(kept))
    assert calibration.late == 2.0
    assert calibration.best.begin == 0.45
    alike = [BeginPoint(0.35, 0.3, 0.97), BeginPoint(0.45, 0.208, 0.985), BeginPoint(0.65, 0.2, 1.0)]
    assert Calibration(lates, tuple(alike)).best.begin == 0.45
    lost = [BeginPoint(0.35, 0.1, 0.6), BeginPoint(0.65, 0.3, 0.9)]
    assert Calibration(lates, tuple(lost)).best.begin == 0.65
