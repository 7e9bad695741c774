import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.ingest import plan_ingest, read_case
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.cohort.readers.sunnybrook import contour_mask, fill
from synthcmr.config import IngestSettings, PreprocessSettings, SplitSettings
from synthcmr.errors import ReadError, SettingsError
from tests.cohort.readers.conftest import FRAMES
from tests.cohort.readers.layouts import heart, picture, read_all, read_one, write_csv

SLICE = 4  # that contours are drawn on
PLACES = [("ED", 18, 2), ("ES", 7, 2), ("ED", 18, 3), ("ES", 7, 3), ("ED", 18, 4)]


def manifest_rows(root: Path, subject: str = "SC-HF-I-01") -> list[dict[str, object]]:
    """Slices 2 and 3 with both phases, slice 4 with ED alone."""
    drawn = heart(2, slices=5)
    shades = (picture(drawn) // 2).astype(np.uint8)
    rows: list[dict[str, object]] = []
    for number, (phase, frame, z) in enumerate(PLACES):
        t, name = int(phase == "ES"), f"{subject}-IM-0001-{number:04d}.png"
        for folder, plane in (("png", shades[t, z]), ("png_lv_masks", np.uint8(255) * (drawn[t, z] == 1))):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(plane).save(root / folder / name)
        rows.append({
            "subject": subject, "scd_id": "SCD0000101", "sex": "Male", "age": 53, "pathology": "Heart failure",
            "im": number, "slice": z, "phase_index": frame, "part": "Sunnybrook_Part1", "px_endo": 587,
            "image": f"png/{name}", "mask": f"png_lv_masks/{name}", "phase_guess": phase,
        })  # fmt: skip
    return rows


def test_phases_of_the_same_slices_are_paired(tmp_path: Path) -> None:
    write_csv(tmp_path / "manifest.csv", manifest_rows(tmp_path))
    assert recognise(tmp_path).name == recognise(tmp_path / "manifest.csv").name == "sunnybrook-png"
    raw = read_one("sunnybrook-png", tmp_path)
    pair, alone = raw.stacks
    assert dict(zip(pair.phases, pair.frame_indices, strict=True)) == {"ED": 18, "ES": 7}
    assert pair.slice_indices == (2, 3)
    assert (alone.phases, alone.slice_indices, alone.frame_indices) == (("ED",), (4,), (18,))
    assert pair.spacing_mm is None
    drawn = heart(2, slices=5)
    assert pair.mask is not None
    ed = pair.phases.index("ED")
    np.testing.assert_array_equal(pair.mask[ed], np.where(drawn[0, 2:4] == 1, 1, 255))
    np.testing.assert_array_equal(pair.image[ed], (picture(drawn) // 2).astype(np.uint8)[0, 2:4])
    assert pair.labelled == (("lv",), ("lv",))


def test_it_has_no_official_sets(tmp_path: Path) -> None:
    write_csv(tmp_path / "manifest.csv", manifest_rows(tmp_path))
    with pytest.raises(SettingsError, match="states none"):
        plan_ingest(tmp_path, IngestSettings(split=SplitSettings(method="official")))


def test_attributes_hold_who_and_no_more(tmp_path: Path) -> None:
    write_csv(tmp_path / "manifest.csv", manifest_rows(tmp_path))
    attributes = clean(read_one("sunnybrook-png", tmp_path).attributes)[0]
    assert attributes == {"sex": "male", "age": 53.0, "diagnosis": "Heart failure"}


def test_bad_slices_are_rejects_and_others_stay(tmp_path: Path) -> None:
    rows = manifest_rows(tmp_path)
    (tmp_path / str(rows[0]["image"])).write_bytes(b"")
    (tmp_path / str(rows[2]["mask"])).unlink()
    Image.fromarray(np.full((24, 20), 9, np.uint8)).save(tmp_path / str(rows[4]["mask"]))
    write_csv(tmp_path / "manifest.csv", rows)
    raw = read_one("sunnybrook-png", tmp_path)
    assert [s.phases for s in raw.stacks] == [("ES",)]
    reasons = dict(raw.rejects)
    assert "0 bytes" in reasons[str(rows[0]["image"])]
    assert "not there" in reasons[str(rows[2]["image"])]
    assert "got also [9]" in reasons[str(rows[4]["image"])]


def test_a_subject_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    good, bad = manifest_rows(tmp_path), manifest_rows(tmp_path, "SC-N-02")
    for row in bad:
        (tmp_path / str(row["image"])).write_text("no picture")
    write_csv(tmp_path / "manifest.csv", [*good, *bad])
    reader = get_reader("sunnybrook-png")
    first, second = reader.cases(tmp_path)
    with pytest.raises(ReadError, match="and 4 more of its images"):
        reader.read(tmp_path, second)
    assert len(reader.read(tmp_path, first).stacks) == 2


def test_a_manifest_without_its_columns_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "manifest.csv", [{"subject": "a", "image": "b"}])
    assert not get_reader("sunnybrook-png").recognises(tmp_path)
    with pytest.raises(SettingsError, match="mask, phase_guess, phase_index, slice"):
        get_reader("sunnybrook-png").cases(tmp_path)


@pytest.mark.skipif("SYNTHCMR_TEST_DATA" not in os.environ, reason="SYNTHCMR_TEST_DATA names no folder of real data")
def test_real_slices_all_read() -> None:
    source = Path(os.environ["SYNTHCMR_TEST_DATA"]) / "sunnybrook"
    subjects = read_all("sunnybrook-png", source)
    assert len(subjects) == 16
    assert not any(raw.rejects or raw.notes for raw in subjects.values())
    assert sum(s.frame_count * s.slice_count for raw in subjects.values() for s in raw.stacks) == 274
    reader = get_reader("sunnybrook-png")
    record = read_case("sunnybrook-png", source, reader.cases(source)[0], PreprocessSettings(), None)
    assert len(record.images) == 9
    assert not record.rejects


def _contour(folder: Path, image: int, kind: str, radius: float, centre: tuple[float, float]) -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    lines = [f"{centre[1] + radius * np.cos(a):.2f} {centre[0] + radius * np.sin(a):.2f}" for a in angle]
    (folder / f"IM-0001-{image:04d}-{kind}contour-manual.txt").write_text("\n".join(lines))


def dicom_with_contours(files: Path, root: Path, slice_index: int = SLICE, frames: int = FRAMES) -> Path:
    """As the archive has it: images named by number, contours under the subject's other name, a table that knows both."""
    images, contours = root / "DICOM" / "SCD0000101", root / "contours_SCD" / "SC-HF-I-01"
    images.mkdir(parents=True)
    contours.mkdir(parents=True)
    for path in files.iterdir():
        number = int(pydicom.dcmread(path, stop_before_pixels=True).InstanceNumber)
        shutil.copy(path, images / f"IM-0001-{number:04d}.dcm")
    ed, es = slice_index * frames + 1, slice_index * frames + 3
    for image, kind, radius in ((ed, "i", 9.0), (ed, "o", 12.0), (es, "i", 6.0), (999, "i", 6.0)):
        _contour(contours, image, kind, radius, (30.0, 36.0))
    (contours / f"IM-0001-{es:04d}-ocontour-manual.txt").write_text("no points\n")
    (root / "scd_patientdata.csv").write_text(
        "PatientID,OriginalID,Gender,Age,Pathology\nSCD0000101,SC-HF-I-1,Female,61,Heart failure\n"
    )
    return root


def test_contours_become_masks_of_the_dicom_images_they_were_drawn_on(files: Path, tmp_path: Path) -> None:
    source = dicom_with_contours(files, tmp_path / "scd")
    assert recognise(source).name == "sunnybrook"
    raw = read_one("sunnybrook", source)
    (stack,) = raw.stacks
    assert raw.subject_id == "SCD0000101"
    assert clean(raw.attributes)[0].items() >= {"sex": "female", "age": 61.0, "diagnosis": "Heart failure"}.items()
    assert [stack.phases.index(phase) for phase in ("ED", "ES")] == [0, 2]
    assert (stack.labelled[0], stack.labelled[2]) == (("lv", "myo"), ("lv",))
    assert stack.mask is not None
    ed, es = stack.mask[0, SLICE], stack.mask[2, SLICE]
    assert [(ed == label).sum() for label in (1, 2)] == pytest.approx([np.pi * 81, np.pi * (144 - 81)], rel=0.05)
    assert (es == 1).sum() == pytest.approx(np.pi * 36, rel=0.05)
    assert np.argwhere(ed == 1).mean(axis=0) == pytest.approx([29.5, 35.5], abs=0.3)
    assert set(np.unique(np.delete(stack.mask, SLICE, axis=1))) == {255}
    reasons = dict(raw.rejects)
    assert "expected an image of this number" in reasons["IM-0001-0999-icontour-manual.txt"]
    assert any("expected one 'x y' pair per line" in reason for reason in reasons.values())


def test_a_polygon_is_filled_by_pixel_centres_and_the_ring_is_myocardium() -> None:
    square = np.array([[10.0, 10.0], [20.0, 10.0], [20.0, 20.0], [10.0, 20.0]])
    assert fill(square, (40, 40)).sum() == pytest.approx(100, abs=21)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    ring = [np.stack([50 + r * np.cos(angle), 40 + r * np.sin(angle)], axis=1) for r in (12.0, 20.0)]
    mask = contour_mask(ring[0], ring[1], (90, 100))
    assert (mask == 1).sum() == pytest.approx(np.pi * 144, rel=0.03)
    assert (mask == 2).sum() == pytest.approx(np.pi * (400 - 144), rel=0.03)
    rows, columns = np.nonzero(mask == 1)
    assert rows.mean() == pytest.approx(40, abs=0.6)
    assert columns.mean() == pytest.approx(50, abs=0.6)
