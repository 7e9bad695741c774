"""From real and synthetic images to recalibrated ones, as a user types it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from synthcmr.cohort import Cohort
from tests.frequency.making import blurred, clouds
from tests.journeys.typing_in import run


def test_a_cohort_is_recalibrated_keeps_its_people_and_names_the_model(
    phantom_cohort: Cohort, tiny_run: Path, tmp_path: Path
) -> None:
    said = run("recalibrate", "fit", phantom_cohort.path, tmp_path / "truth", "--by", "vendor").stdout
    assert "everyone:" in said
    assert "Siemens:" in said
    raw, mended = tmp_path / "raw", tmp_path / "mended"
    asked = ("-n", 12, "--run", tiny_run, "--no-screen", "--size", 64, "--steps", 6)
    run("generate", raw, *asked)
    run("recalibrate", "apply", raw, tmp_path / "truth", mended)
    before, after = Cohort.open(raw), Cohort.open(mended)
    pd.testing.assert_frame_equal(before.subjects, after.subjects)
    np.testing.assert_array_equal(before.mask(3), after.mask(3))
    assert not np.array_equal(before.image(3), after.image(3))
    assert after.info["generated"] == before.info["generated"]
    model = json.loads((tmp_path / "truth/recalibration.json").read_text())["hash"]
    assert {"name": "../truth", "kind": "recalibration", "hash": model} in after.provenance["inputs"]

    run("generate", tmp_path / "at_once", *asked, "--recalibrate", tmp_path / "truth")
    at_once = Cohort.open(tmp_path / "at_once")
    np.testing.assert_array_equal(at_once.image(3), after.image(3))
    assert {i["kind"] for i in at_once.provenance["inputs"]} >= {"run", "recalibration"}
    assert not (tmp_path / "at_once.before").exists()

    quick = ("--no-detail", "--set", "draws=100", "--set", "halves=2")
    said = run("spectrum", phantom_cohort.path, raw, tmp_path / "spectra", "--also", mended, *quick).stdout
    assert "Page:" in said
    told = json.loads((tmp_path / "spectra/spectrum.json").read_text())["sets"]
    assert told["mended"]["scores"]["mean ring gap"]["value"] < 0.7 * told["raw"]["scores"]["mean ring gap"]["value"]
    assert told["mended"]["family"] == "flow, rings"


def test_pngs_of_another_tool_are_recalibrated_and_what_is_no_image_is_named(tmp_path: Path) -> None:
    for folder, images in (("real", clouds(12, seed=1)), ("theirs", blurred(clouds(8, seed=2)))):
        (tmp_path / folder).mkdir()
        for k, image in enumerate(images):
            Image.fromarray((image * 200).clip(0, 255).astype(np.uint8)).save(tmp_path / folder / f"{k}.png")
    Image.fromarray(np.full((64, 64), 9, np.uint8)).save(tmp_path / "theirs/flat.png")
    run("recalibrate", "fit", tmp_path / "real", tmp_path / "model")
    said = run("recalibrate", "apply", tmp_path / "theirs", tmp_path / "model", tmp_path / "out").stdout
    assert "8 file(s) recalibrated" in said
    assert "flat.png" in said
    assert np.asarray(Image.open(tmp_path / "out/3.png")).dtype == np.uint8


def test_what_cannot_be_is_refused_with_the_reason(tmp_path: Path) -> None:
    said = run("recalibrate", "apply", tmp_path, tmp_path / "no", tmp_path / "out", ok=False).stderr
    assert "recalibrate fit" in said
    said = run("recalibrate", "apply", tmp_path, tmp_path / "no", tmp_path / "out", "--method", "shr", ok=False).stderr
    assert "the model says it" in said
    assert (
        "--dp: expected epsilon" in run("recalibrate", "fit", tmp_path, tmp_path / "m", "--dp", "much", ok=False).stderr
    )
