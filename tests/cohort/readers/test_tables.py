import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from synthcmr.cohort.attributes import clean
from synthcmr.cohort.identifiers import screen
from synthcmr.cohort.raw_subject import RawSubject
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.errors import ReadError, SettingsError
from tests.cohort.readers.layouts import (
    AFFINE,
    SHAPE,
    SPACING,
    SPOILED_IMAGES,
    STEP,
    heart,
    picture,
    read_all,
    read_one,
    save,
    write_csv,
)

Row = dict[str, object]


def png(path: Path, plane: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plane).save(path)


def nifti_rows(root: Path, subject: str = "s1") -> list[Row]:
    """ED and ES volumes of one subject."""
    drawn = heart(2)
    rows: list[Row] = []
    for t, phase in enumerate(("ED", "ES")):
        save(root / "images" / f"{subject}_{phase}.nii.gz", picture(drawn[t]))
        save(root / "masks" / f"{subject}_{phase}.nii.gz", drawn[t])
        files = {d[:-1]: f"{d}/{subject}_{phase}.nii.gz" for d in ("images", "masks")}
        rows.append({"subject_id": subject, **files, "phase": phase, "age": 61})
    return rows


def png_rows(root: Path, places: dict[tuple[str, int], str], subject: str = "s1") -> list[Row]:
    """Slices as PNG; `places` maps (phase, slice) to a value of `labelled`."""
    drawn, shades = heart(2), (picture(heart(2)) // 2).astype(np.uint8)
    rows: list[Row] = []
    for (phase, z), labelled in places.items():
        t, file = int(phase == "ES"), f"{subject}_{phase}_{z}.png"
        png(root / "images" / file, shades[t, z])
        png(root / "masks" / file, drawn[t, z])
        row = {"subject_id": subject, "image": f"images/{file}", "mask": f"masks/{file}", "phase": phase}
        rows.append({**row, "slice_index": z, "labelled": labelled, "spacing_mm": "1.5, 1.25", "slice_step_mm": 9})
    return rows


def read_table(root: Path, rows: list[Row]) -> RawSubject:
    write_csv(root / "table.csv", rows)
    return read_one("table", root / "table.csv")


def test_volumes_of_two_phases_become_one_stack(tmp_path: Path) -> None:
    (stack,) = read_table(tmp_path, nifti_rows(tmp_path)).stacks
    np.testing.assert_array_equal(stack.image, [picture(heart(2)[t]) for t in range(2)])
    np.testing.assert_array_equal(stack.mask, heart(2))
    assert stack.phases == ("ED", "ES")
    assert (stack.spacing_mm, stack.slice_step_mm) == (SPACING, STEP)
    np.testing.assert_array_equal(stack.affine, AFFINE)
    assert stack.image.dtype == np.int16


def test_slices_with_the_same_phases_become_one_stack_and_others_their_own(tmp_path: Path) -> None:
    places = {("ED", z): "lv,myo,rv" for z in range(4)} | {("ES", z): "lv,myo,rv" for z in (1, 2)}
    pair, alone = read_table(tmp_path, png_rows(tmp_path, places)).stacks
    assert (pair.phases, pair.slice_indices) == (("ED", "ES"), (1, 2))
    assert (alone.phases, alone.slice_indices) == (("ED",), (0, 3))
    np.testing.assert_array_equal(pair.mask, heart(2)[:, 1:3])
    np.testing.assert_array_equal(alone.mask, heart(2)[:1, [0, 3]])
    assert (pair.spacing_mm, pair.slice_step_mm) == (SPACING, STEP)


def test_slices_labelled_in_part_hide_what_nobody_drew(tmp_path: Path) -> None:
    (stack,) = read_table(tmp_path, png_rows(tmp_path, {("ED", 0): "lv,myo,rv", ("ED", 1): "lv"})).stacks
    assert stack.labelled_in(0) == ("lv", "myo", "rv")
    assert stack.mask is not None
    assert (stack.mask[0, 0] != 255).all()
    assert not (stack.mask[0, 1] == 0).any()


def test_cine_with_named_frames(tmp_path: Path) -> None:
    drawn = heart(5)
    drawn[[0, 2, 4]] = 255
    save(tmp_path / "c.nii", picture(heart(5)))
    save(tmp_path / "m.nii", drawn)
    row = {"subject": "s1", "image": "c.nii", "mask": "m.nii", "ed_frame": 1, "es_frame": 3}
    (stack,) = read_table(tmp_path, [row]).stacks
    assert stack.phases == ("", "ED", "", "ES", "")
    assert [bool(stack.labelled_in(t)) for t in range(5)] == [False, True, False, True, False]
    assert stack.frame_indices == (0, 1, 2, 3, 4)
    np.testing.assert_array_equal(stack.image, picture(heart(5)))


def test_a_cine_in_pieces_is_put_in_order(tmp_path: Path) -> None:
    shades = picture(heart(3))
    for t in range(3):
        np.save(tmp_path / f"{t}.npy", shades[t])
    rows: list[Row] = [
        {"id": "s1", "image": f"{t}.npy", "frame": t, "trigger_ms": 40 * t, "phase": "ED" if t == 0 else ""}
        for t in (2, 0, 1)
    ]
    (stack,) = read_table(tmp_path, rows).stacks
    np.testing.assert_array_equal(stack.image, shades)
    assert stack.frame_indices == (0, 1, 2)
    assert stack.trigger_ms == (0.0, 40.0, 80.0)
    assert stack.phases == ("ED", "", "")
    assert stack.spacing_mm is None
    assert stack.mask is None


@pytest.mark.parametrize("kind", ["npy 2D", "npz", "tiff", "16-bit png", "rgb", "nii 2D"])
def test_file_types(tmp_path: Path, kind: str) -> None:
    shade, drawn = picture(heart(1))[0].astype(np.uint16), heart(1)[0]
    image, mask = "i.npy", "m.npy"
    if kind == "npy 2D":
        np.save(tmp_path / image, shade[0])
        np.save(tmp_path / mask, drawn[0])
    elif kind == "npz":
        image = mask = "both.npz"
        np.savez_compressed(tmp_path / image, image=shade, mask=drawn)
    elif kind == "tiff":
        image, mask = "i.tif", "m.tif"
        pages = [Image.fromarray(p) for p in shade]
        pages[0].save(tmp_path / image, save_all=True, append_images=pages[1:])
        pages = [Image.fromarray(p) for p in drawn]
        pages[0].save(tmp_path / mask, save_all=True, append_images=pages[1:])
    elif kind == "nii 2D":
        image, mask = "i.nii.gz", "m.nii.gz"
        save(tmp_path / image, shade[0])
        save(tmp_path / mask, drawn[0])
    else:
        image, mask = "i.png", "m.png"
        shade = shade if kind == "16-bit png" else (shade // 2).astype(np.uint8)
        png(tmp_path / image, shade[0] if kind == "16-bit png" else np.stack([shade[0]] * 3, -1))
        png(tmp_path / mask, drawn[0])
    (stack,) = read_table(tmp_path, [{"id": "s1", "image": image, "mask": mask}]).stacks
    slices = 4 if kind in ("npz", "tiff") else 1
    np.testing.assert_array_equal(stack.image[0], shade[:slices])
    np.testing.assert_array_equal(stack.mask[0] if stack.mask is not None else None, drawn[:slices])


def test_label_values_can_be_named(tmp_path: Path) -> None:
    drawn = heart(1)[0]
    save(tmp_path / "i.nii", picture(drawn))
    save(tmp_path / "m.nii", np.array([0, 600, 500, 0], dtype=np.int16)[drawn])
    row = {
        "id": "s1",
        "image": "i.nii",
        "mask": "m.nii",
        "labels": "600=left ventricle, 500=Myocardium, 420=left atrium",
    }
    (stack,) = read_table(tmp_path, [row]).stacks
    assert stack.labelled_in(0) == ("lv", "myo")
    assert stack.mask is not None
    assert (stack.mask[0][drawn == 1] == 1).all()
    assert (stack.mask[0][drawn == 2] == 2).all()
    assert (stack.mask[0][(drawn == 0) | (drawn == 3)] == 255).all()


def test_binary_masks_must_be_named(tmp_path: Path) -> None:
    png(tmp_path / "i.png", picture(heart(1))[0, 0].astype(np.uint8))
    png(tmp_path / "m.png", np.where(heart(1)[0, 0] == 1, 255, 0).astype(np.uint8))
    row: Row = {"id": "s1", "image": "i.png", "mask": "m.png"}
    with pytest.raises(ReadError, match="add a column 'labels'"):
        read_table(tmp_path, [row])
    (stack,) = read_table(tmp_path, [{**row, "labels": "255=lv"}]).stacks
    assert stack.labelled_in(0) == ("lv",)
    assert set(np.unique(stack.mask)) == {1, 255}


def test_pictures_come_back_in_the_stated_intensities(tmp_path: Path) -> None:
    plane = np.linspace(0, 255, 24 * 20).reshape(24, 20).astype(np.uint8)
    png(tmp_path / "i.png", plane)
    row = {"id": "s1", "image": "i.png", "intensity_low": -10, "intensity_high": 500}
    (stack,) = read_table(tmp_path, [row]).stacks
    np.testing.assert_allclose(stack.image[0, 0], plane / 255 * 510 - 10, atol=1e-3)


def test_attributes_are_recognised_typed_and_in_the_cohorts_units(tmp_path: Path) -> None:
    png(tmp_path / "i.png", picture(heart(1))[0, 0].astype(np.uint8))
    row = {
        "Subject ID": "007", "File Name": "i.png", "Gender": "W", "Age (years)": "61,5", "Height (m)": "1.70",
        "Weight_lbs": "154.3", "Pathology": "DCM", "Group": "A", "Manufacturer": "SIEMENS", "MagneticFieldStrength": 1.5,
        "Site": "01", "LVEF": "55.5", "smoker": "TRUE", "Patient Name": "nobody", "text": "a caption", "split": "test",
    }  # fmt: skip
    raw = read_table(tmp_path, [row])
    attributes, notes = clean(screen(raw.attributes)[0])
    assert raw.subject_id == "007"
    assert not notes
    assert attributes == {
        "sex": "female", "age": 61.5, "height_cm": 170.0, "weight_kg": 69.989303, "bmi": 24.22, "diagnosis": "DCM",
        "group": "A", "vendor": "Siemens", "field_strength_t": 1.5, "centre": "01", "lvef": 55.5, "smoker": True,
        "split": "test",
    }  # fmt: skip


def test_attributes_that_differ_between_images_are_left_out_and_said(tmp_path: Path) -> None:
    first, second = nifti_rows(tmp_path)
    raw = read_table(tmp_path, [{**first, "quality": 1}, {**second, "quality": 2}])
    assert raw.attributes == {"age": 61}
    assert raw.notes == ("quality: its images have 2 different values; treated as missing",)


def test_origin_is_kept_and_never_made_more_real(tmp_path: Path) -> None:
    first, second = nifti_rows(tmp_path)
    assert read_table(tmp_path, [first, second]).origin == "real"
    assert (
        read_table(tmp_path, [{**first, "origin": "phantom"}, {**second, "origin": "synthetic"}]).origin == "synthetic"
    )
    with pytest.raises(ReadError, match="origin: expected one of real, phantom, synthetic, got 1 other"):
        read_table(tmp_path, [{**first, "origin": "fake"}])


def test_two_acquisitions_are_told_apart_by_their_column(tmp_path: Path) -> None:
    rows = [{**r, "stack": n} for n in (0, 1) for r in nifti_rows(tmp_path)]
    assert [s.phases for s in read_table(tmp_path, rows).stacks] == [("ED", "ES")] * 2


def test_volumes_of_one_phase_with_no_word_on_their_place_stay_apart(tmp_path: Path) -> None:
    rows = nifti_rows(tmp_path)
    assert [s.phases for s in read_table(tmp_path, [rows[0], rows[0], rows[1]]).stacks] == [("ED",), ("ED",), ("ES",)]


def test_a_place_taken_twice_is_a_reject(tmp_path: Path) -> None:
    rows = png_rows(tmp_path, {("ED", 0): "lv", ("ED", 1): "lv"})
    raw = read_table(tmp_path, [*rows, rows[1]])
    assert raw.stacks[0].slice_indices == (0, 1)
    ((name, reason),) = raw.rejects
    assert name == "images/s1_ED_1.png"
    assert "a second image of slice 1, ED" in reason


def test_volumes_that_lie_elsewhere_are_not_paired(tmp_path: Path) -> None:
    rows = nifti_rows(tmp_path)
    moved = AFFINE.copy()
    moved[2, 3] += 30
    save(tmp_path / str(rows[1]["image"]), picture(heart(2)[1]), moved)
    save(tmp_path / str(rows[1]["mask"]), heart(2)[1], moved)
    assert [s.phases for s in read_table(tmp_path, rows).stacks] == [("ED",), ("ES",)]


@pytest.mark.parametrize("damage", SPOILED_IMAGES)
def test_a_bad_file_is_a_reject_of_its_row_alone(tmp_path: Path, damage: str) -> None:
    spoil, reason = SPOILED_IMAGES[damage]
    rows = nifti_rows(tmp_path)
    spoil(tmp_path / "images" / "s1_ES.nii.gz")
    raw = read_table(tmp_path, rows)
    assert [s.phases for s in raw.stacks] == [("ED",)]
    ((name, why),) = raw.rejects
    assert name == "images/s1_ES.nii.gz"
    assert reason in why
    with pytest.raises(ReadError, match=reason):
        read_table(tmp_path, rows[1:])


def _cut_png(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_cut_png, "cut short or damaged"),
        (lambda p: p.write_bytes(b""), "0 bytes"),
        (lambda p: p.write_text("no picture"), "cut short or damaged"),
        (lambda p: png(p, np.zeros((24, 20), np.uint8)), "same value everywhere"),
        (lambda p: png(p, np.random.default_rng(0).integers(0, 255, (24, 20, 3)).astype(np.uint8)), "coloured"),
        (lambda p: png(p, picture(heart(1))[0, 0, :9].astype(np.uint8)), "expected the shape of"),
        (Path.unlink, "not there"),
    ],
)
def test_a_bad_picture_is_one_clear_error(tmp_path: Path, spoil: Callable[[Path], object], reason: str) -> None:
    rows = png_rows(tmp_path, {("ED", 0): "lv,myo,rv"})
    spoil(tmp_path / str(rows[0]["image"]))
    with pytest.raises(ReadError, match=reason):
        read_table(tmp_path, rows)


def test_arrays_that_could_run_code_or_burst_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "o.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ReadError, match="cannot be read"):
        read_table(tmp_path, [{"id": "s1", "image": "o.npy"}])
    np.savez(tmp_path / "two.npz", a=np.eye(3), b=np.eye(3))
    with pytest.raises(ReadError, match="one array or one named 'image', got 2 others"):
        read_table(tmp_path, [{"id": "s1", "image": "two.npz"}])
    with pytest.raises(ReadError, match=r"expected a file ending in .nii"):
        read_table(tmp_path, [{"id": "s1", "image": "scan.mha"}])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"image": ""}, "image: expected the path"),
        ({"spacing_row_mm": "wide"}, "spacing_row_mm: expected a number, got text of 4 characters"),
        ({"spacing_mm": "1 2 3"}, "spacing_mm: expected one number, or two"),
        ({"slice_step_mm": -1}, "slice_step_mm: expected a number above 0"),
        ({"slice_index": 1.5}, "slice_index: expected a whole number"),
        ({"labels": "left=lv"}, "labels: expected text such as '1=lv"),
        ({"labels": "1=spleen"}, "label 'spleen': expected a structure"),
        ({"labelled": "heart"}, "labelled: expected structures"),
        ({"labels": "1=lv"}, "got also"),
    ],
)
def test_cells_that_cannot_be_are_refused(tmp_path: Path, change: Row, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read_table(tmp_path, [{**nifti_rows(tmp_path)[0], **change}])


def test_a_row_without_a_subject_is_named_by_its_place(tmp_path: Path) -> None:
    rows = nifti_rows(tmp_path)
    write_csv(tmp_path / "table.csv", [rows[0], {**rows[1], "subject_id": ""}])
    reader = get_reader("table")
    good, bad = reader.cases(tmp_path)
    assert bad.case_id == "row 3"
    with pytest.raises(ReadError, match="subject_id: expected whose image"):
        reader.read(tmp_path, bad)
    assert reader.read(tmp_path, good).subject_id == "s1"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    rows = nifti_rows(tmp_path)
    write_csv(tmp_path / "table.csv", rows)
    text = (tmp_path / "table.csv").read_text().replace(",", delimiter)
    (tmp_path / "table.csv").write_text(text, encoding="utf-8-sig")
    assert read_one("table", tmp_path).attributes == {"age": 61}


def test_parquet_and_json_lines(tmp_path: Path) -> None:
    rows = nifti_rows(tmp_path)
    pq.write_table(pa.Table.from_pylist([{**r, "subject_id": 7.0} for r in rows]), tmp_path / "images.parquet")
    assert list(read_all("table", tmp_path / "images.parquet")) == ["7"]
    (tmp_path / "images.parquet").unlink()
    (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_one("table", tmp_path).stacks[0].phases == ("ED", "ES")


def test_imagefolder_with_splits(tmp_path: Path) -> None:
    for split, name in (("train", "a"), ("validation", "b"), ("test", "c")):
        rows = png_rows(tmp_path / split, {("ED", 0): "lv,myo,rv"}, name)
        renamed = [{"file_name": r.pop("image"), "mask_file_name": r.pop("mask"), **r} for r in rows]
        (tmp_path / split / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in renamed))
    assert recognise(tmp_path).name == "table"
    subjects = read_all("table", tmp_path)
    assert {s: raw.attributes["split"] for s, raw in subjects.items()} == {"a": "train", "b": "validation", "c": "test"}
    assert all(raw.stacks[0].mask is not None for raw in subjects.values())


def test_a_table_without_its_columns_or_in_doubt_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "table.csv", [{"image": "a.png", "age": 3}])
    assert not get_reader("table").recognises(tmp_path)
    with pytest.raises(SettingsError, match="got no subject_id among: image, age"):
        get_reader("table").cases(tmp_path / "table.csv")
    rows = nifti_rows(tmp_path)
    write_csv(tmp_path / "table.csv", rows)
    write_csv(tmp_path / "metadata.csv", rows)
    with pytest.raises(SettingsError, match=r"expected one table of images, got metadata.csv, table.csv"):
        get_reader("table").cases(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x80" * 9)
    with pytest.raises(SettingsError, match="UTF-8"):
        get_reader("table").cases(tmp_path / "binary.csv")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(SettingsError, match="expected a Parquet table"):
        get_reader("table").cases(tmp_path / "broken.parquet")


def test_paths_may_be_absolute_or_climb(tmp_path: Path) -> None:
    rows = nifti_rows(tmp_path)
    (tmp_path / "tables").mkdir()
    rows[0]["image"] = str(tmp_path / str(rows[0]["image"]))
    rows[0]["mask"] = f"../{rows[0]['mask']}"
    write_csv(tmp_path / "tables" / "table.csv", rows[:1])
    assert read_one("table", tmp_path / "tables").stacks[0].image.shape == (1, *SHAPE)


def test_numbers_that_no_table_holds_stay_text_and_long_first_lines_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("x" * 140_000 + "\n")
    rows = nifti_rows(tmp_path)
    write_csv(tmp_path / "table.csv", [{**row, "code": "9" * 5000} for row in rows])
    (raw,) = read_all("table", tmp_path).values()
    assert raw.attributes.get("code") in (None, "9" * 5000)
