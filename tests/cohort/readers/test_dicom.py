"""DICOM cines found by geometry, UK Biobank zips: from phantoms written as DICOM, whose truth is known."""

import gzip
import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from synthcmr.cohort import Cohort
from synthcmr.cohort.attributes import clean
from synthcmr.cohort.ingest import read_case
from synthcmr.cohort.raw_subject import RawSubject, Stack
from synthcmr.cohort.readers import get_reader, recognise
from synthcmr.config import PreprocessSettings
from synthcmr.errors import ReadError
from tests.cohort.readers.conftest import FRAMES


def _read(name: str, source: Path) -> RawSubject:
    reader = get_reader(name)
    (case,) = reader.cases(source)
    return reader.read(source, case)


def _changed(files: Path, out: Path, **tags: object) -> Path:
    out.mkdir()
    for path in files.iterdir():
        dataset = pydicom.dcmread(path)
        del dataset.SyntheticData  # as a scanner writes it
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        dataset.save_as(out / path.name)
    return out


def _same_pixels(stack: Stack, cohort: Cohort) -> None:
    (truth,) = cohort.stacks(cohort.subjects["subject_id"][0])
    assert stack.image.shape == truth.image.shape
    scaled = stack.image.astype(float)
    for k in range(FRAMES):
        for z in range(truth.image.shape[1]):
            assert np.corrcoef(scaled[k, z].ravel(), truth.image[k, z].ravel())[0, 1] > 0.999
    assert stack.spacing_mm == pytest.approx(truth.spacing_mm)
    assert stack.slice_step_mm == pytest.approx(truth.slice_step_mm)
    assert np.allclose(stack.affine, truth.affine, atol=1e-2)


def test_slices_and_phases_are_put_in_order_by_geometry_and_trigger_time(files: Path, cohort: Cohort) -> None:
    (stack,) = _read("dicom", files).stacks
    _same_pixels(stack, cohort)
    assert list(stack.trigger_ms) == sorted(stack.trigger_ms)
    assert stack.phases[0] == "ED"
    assert stack.slices_ordered


@pytest.mark.parametrize(
    ("written", "damaged"),
    [
        (b"\x28\x00\x30\x00DS", b"\x28\x00\x30\x00ZZ"),  # pixel spacing as a kind of value that does not exist
        (b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00ZZ"),  # modality, by which subjects are found
        (b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x10\x00US\x01\x00"),  # rows of half a number
        (b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.3.1\x00"),  # pixels packed in a way that is none
    ],
)
def test_a_damaged_header_is_named_with_its_file(files: Path, tmp_path: Path, written: bytes, damaged: bytes) -> None:
    shutil.copytree(files, tmp_path / "copy")
    file = sorted((tmp_path / "copy").iterdir())[0]
    assert written in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(written, damaged))
    (case,) = get_reader("dicom").cases(tmp_path / "copy")
    record = read_case("dicom", tmp_path / "copy", case, PreprocessSettings(), None)
    said = [f"{reject.part}: {reject.reason}" for reject in record.rejects if reject.level == "reject"]
    assert any(file.name in text for text in said), said
    assert not any("cannot be decoded: " in text for text in said)


def test_one_series_per_slice_reads_like_one_series(files: Path, cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "series"
    out.mkdir()
    for path in files.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[str(dataset.ImagePositionPatient)])
        dataset.save_as(out / path.name)
    (stack,) = _read("dicom", out).stacks
    _same_pixels(stack, cohort)


def test_long_axis_views_and_stray_files_do_not_disturb(files: Path, cohort: Cohort, tmp_path: Path) -> None:
    out = tmp_path / "study"
    shutil.copytree(files, out)
    (out / "README.txt").write_text("not an image")
    (out / "DICOMDIR").write_bytes(b"nothing")
    for k, path in enumerate(sorted(files.iterdir())[:FRAMES]):
        dataset = pydicom.dcmread(path)
        dataset.ImageOrientationPatient = [0.5, 0.5, -0.7071, 0.5, 0.5, 0.7071]
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = generate_uid(), generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesDescription = "CINE 4CH"
        dataset.save_as(out / f"long{k}.dcm")
    (stack,) = _read("dicom", out).stacks
    _same_pixels(stack, cohort)


def test_nothing_that_names_the_patient_is_passed_on(files: Path, tmp_path: Path) -> None:
    source = _changed(
        files,
        tmp_path / "DOE_JANE",
        PatientName="Doe^Jane",
        PatientID="MRN-0042",
        PatientBirthDate="19500301",
        StudyDate="20200301",
        PatientAge="",
        PatientSex="F",
        InstitutionName="General Hospital",
        PatientComments="came by bus",
    )
    raw = _read("dicom", source)
    told = " ".join([raw.subject_id, *map(str, raw.attributes), *map(str, raw.attributes.values()), *raw.notes])
    for secret in ("Doe", "DOE", "Jane", "0042", "1950", "19500301", "bus", "General Hospital"):
        assert secret not in told
    kept, _ = clean(raw.attributes)
    assert kept["sex"] == "female"
    assert kept["age"] == 70


def test_files_cut_short_are_rejects_or_refused(files: Path, tmp_path: Path) -> None:
    source = tmp_path / "cut"
    shutil.copytree(files, source)
    victim = sorted(source.iterdir())[0]
    victim.write_bytes(victim.read_bytes()[:-2000])
    try:
        raw = _read("dicom", source)
    except ReadError as error:
        assert str(error)  # noqa: PT017
    else:
        assert raw.rejects


def test_a_folder_without_short_axis_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 30)
    reader = get_reader("dicom")
    for case in reader.cases(tmp_path):
        with pytest.raises(ReadError):
            reader.read(tmp_path, case)


def biobank(files: Path, cohort: Cohort, folder: Path) -> Path:
    folder.mkdir()
    with zipfile.ZipFile(folder / "1234567_20209_2_0.zip", "w") as archive:
        for path in files.iterdir():
            archive.write(path, path.name)
        archive.writestr("manifest.csv", "filename\n")
    (folder / "people.csv").write_text(
        "eid,31-0.0,21003-2.0,21001-2.0,50-2.0,21002-2.0,53-2.0\n1234567,0,61,27.5,165,74.9,2016-05-04\n7654321,1,50,20,180,70,2016-05-05\n"
    )
    (stack,) = cohort.stacks(cohort.subjects["subject_id"][0])
    masks = folder / "1234567"
    masks.mkdir()
    for frame, name in ((0, "ED"), (stack.phases.index("ES"), "ES")):
        data = stack.mask[frame].transpose(2, 1, 0)[:, :, ::-1]  # Bai's slices run the other way; the affine says so
        flip = np.eye(4)
        flip[2, 2], flip[2, 3] = -1, stack.mask.shape[1] - 1
        nib.save(nib.Nifti1Image(data, stack.affine @ flip), masks / f"label_sa_{name}.nii.gz")
    return folder


def test_ukbiobank_zip_table_and_masks_come_together(files: Path, cohort: Cohort, tmp_path: Path) -> None:
    source = biobank(files, cohort, tmp_path / "ukbb")
    assert recognise(source).name == "ukbb"
    raw = _read("ukbb", source)
    kept, notes = clean(raw.attributes)
    assert notes == []
    assert (kept["sex"], kept["age"], kept["bmi"], kept["height_cm"], kept["weight_kg"]) == (
        "female",
        61,
        27.5,
        165,
        74.9,
    )
    assert not any("2016" in str(v) for v in raw.attributes.values())
    (stack,) = raw.stacks
    _same_pixels(stack, cohort)
    (truth,) = cohort.stacks(cohort.subjects["subject_id"][0])
    es = truth.phases.index("ES")
    assert stack.phases.index("ES") == es
    for frame in (0, es):
        assert (stack.mask[frame] == truth.mask[frame]).mean() > 0.999
    others = [k for k in range(FRAMES) if k not in (0, es)]
    assert (stack.mask[others] == 255).all()


def test_a_mask_of_uk_biobank_that_unpacks_to_far_more_is_refused_first(
    files: Path, cohort: Cohort, tmp_path: Path
) -> None:
    source = biobank(files, cohort, tmp_path / "ukbb")
    header = nib.Nifti1Header()
    header.set_data_shape((20_000, 20_000, 10))
    header["vox_offset"], header["magic"] = 352, b"n+1"
    with gzip.open(source / "1234567/label_sa_ED.nii.gz", "wb") as file:
        file.write(bytes(header.binaryblock) + bytes(1 << 20))
    with pytest.raises(ReadError, match=r"label_sa_ED\.nii\.gz: expected at most \d+ voxels"):
        _read("ukbb", source)


@pytest.mark.parametrize("entry", [np.nan, np.inf, 0.0])
def test_a_mask_of_uk_biobank_without_a_usable_place_is_taken_in_order_with_a_note(
    entry: float, files: Path, cohort: Cohort, tmp_path: Path
) -> None:
    source = biobank(files, cohort, tmp_path / "ukbb")
    for file in (source / "1234567").glob("label_sa_*.nii.gz"):
        stored = nib.load(file)
        affine = stored.affine.copy()
        affine[:3, 0] = affine[:3, 1] if entry == 0 else entry  # two axes along one line, or no numbers
        changed = nib.Nifti1Image(np.asanyarray(stored.dataobj), None, stored.header)
        changed.header.set_sform(affine, code=1)
        nib.save(changed, file)
    assert any("order" in note for note in _read("ukbb", source).notes)
