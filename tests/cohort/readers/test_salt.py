"""Under a salt no reader and no export passes on an id, a name of a file or of a folder, or what a header says of the patient."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.ingest import ingest, plan_ingest
from synthcmr.cohort.writers import WRITERS, get_writer
from synthcmr.config import IngestSettings, PreprocessSettings
from tests.cohort.readers.layouts import acdc_patient, heart, picture, save, write_csv
from tests.cohort.readers.test_dicom import _changed, biobank
from tests.cohort.readers.test_mnms import ROW, TABLE, subject
from tests.cohort.readers.test_sunnybrook import manifest_rows

SETTINGS = IngestSettings(preprocess=PreprocessSettings(size=32, spacing_mm=None))
IDS = ("HEARTZQ55", "HEARTZQ03", "HEARTZQ17")
Phantom = tuple[Path, Cohort]  # the DICOM files of one, and its truth


def acdc(root: Path, phantom: Phantom) -> tuple[str, ...]:
    for name in ("patient907", "patient911"):
        acdc_patient(root, name)
    return ("patient907", "patient911")


def mnms(root: Path, phantom: Phantom) -> tuple[str, ...]:
    subject(root, "A0S9V9", "Training/Labeled")
    write_csv(root / TABLE, [ROW])
    return ("A0S9V9",)


def guessed(root: Path, phantom: Phantom) -> tuple[str, ...]:
    for name in IDS:
        save(root / f"{name}_ED.nii.gz", picture(heart()[0]))
    return IDS


def table(root: Path, phantom: Phantom) -> tuple[str, ...]:
    """Columns beside the id's own repeat it: as it is, in other letters, within a text, as a number."""
    rows = [
        {"subject_id": name, "image": f"{name}.nii.gz", "age": 40, "code": name, "linked": f"{name[:5]}-{name[5:]}".lower(),
         "other": f"visit {name}"}
        for name in IDS
    ]  # fmt: skip
    rows.append({"subject_id": "8123457", "image": "8123457.nii.gz", "age": 41, "number": 8123457.0, "ratio": 81.23457})
    for row in rows:
        save(root / str(row["image"]), picture(heart()[0]))
    write_csv(root / "table.csv", rows)
    return (*IDS, "8123457", "heart-zq")


def nnunet(root: Path, phantom: Phantom) -> tuple[str, ...]:
    for name in IDS:
        save(root / "imagesTr" / f"{name}_0000.nii.gz", picture(heart()[0]))
        save(root / "labelsTr" / f"{name}.nii.gz", heart()[0])
    labels = {"background": 0, "LV": 1, "MYO": 2, "RV": 3}
    content = {"channel_names": {"0": "MRI"}, "labels": labels, "numTraining": 3, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(content))
    return IDS


def sunnybrook(root: Path, phantom: Phantom) -> tuple[str, ...]:
    root.mkdir(parents=True)
    write_csv(root / "manifest.csv", manifest_rows(root))
    return ("SC-HF-I", "SCD0000101", "IM-0001")


def dicom(root: Path, phantom: Phantom) -> tuple[str, ...]:
    root.parent.mkdir(parents=True, exist_ok=True)
    tags = {"PatientName": "Doe^Jane", "PatientID": "MRN-0042", "StudyDate": "20200301", "InstitutionName": "Zquist"}
    _changed(phantom[0], root, **tags, StudyInstanceUID="1.2.826.0.77.1234.5")
    return ("Doe^", "MRN-0042", "20200301", "Zquist", "1.2.826.0.77.1234.5")


def ukbb(root: Path, phantom: Phantom) -> tuple[str, ...]:
    root.parent.mkdir(parents=True, exist_ok=True)
    biobank(*phantom, root)
    return ("1234567", "7654321", "2016-05-04")


SOURCES: dict[str, Callable[[Path, Phantom], tuple[str, ...]]] = {
    "acdc": acdc, "mnms": mnms, "nifti, names alone": guessed, "nifti, table": table, "nnunet": nnunet,
    "sunnybrook": sunnybrook, "dicom": dicom, "ukbb": ukbb,
}  # fmt: skip


@pytest.fixture(scope="module", params=SOURCES)
def salted(
    request: pytest.FixtureRequest, files: Path, cohort: Cohort, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Cohort, tuple[str, ...]]:
    """A source in the layout of one reader, read under a salt, and what must not be in it."""
    place = tmp_path_factory.mktemp("salted")
    secrets = SOURCES[request.param](place / "Study of Smithzq", (files, cohort))
    hidden = ingest(plan_ingest(place / "Study of Smithzq", SETTINGS, "a secret"), place / "out", workers=1)
    return hidden, (*secrets, "Smithzq")


def contents(folder: Path) -> Iterator[bytes]:
    """Names and bytes of all files below a folder, also unpacked."""
    for file in sorted(folder.rglob("*")):
        yield str(file.relative_to(folder)).encode()
        if not file.is_file():
            continue
        yield file.read_bytes()
        if file.suffix == ".gz":
            yield gzip.decompress(file.read_bytes())
        if file.suffix == ".parquet":
            yield pd.read_parquet(file).to_csv().encode()


def secrets_in(folder: Path, secrets: tuple[str, ...]) -> list[str]:
    everything = b"\n".join(contents(folder))
    return [secret for secret in secrets if secret.encode() in everything]


def test_the_cohort_says_nothing_in_clear(salted: tuple[Cohort, tuple[str, ...]]) -> None:
    hidden, secrets = salted
    assert secrets_in(hidden.path, secrets) == []


@pytest.mark.parametrize("name", WRITERS)
def test_an_export_says_nothing_in_clear(name: str, salted: tuple[Cohort, tuple[str, ...]], tmp_path: Path) -> None:
    hidden, secrets = salted
    get_writer(name).write(hidden, tmp_path / "exported")
    assert any((tmp_path / "exported").rglob("*"))
    assert secrets_in(tmp_path / "exported", secrets) == []


def test_what_repeats_an_id_is_listed_as_left_out_and_the_rest_stays(
    tmp_path: Path, files: Path, cohort: Cohort
) -> None:
    table(tmp_path / "data", (files, cohort))
    clear = ingest(plan_ingest(tmp_path / "data", SETTINGS), tmp_path / "clear", workers=1)
    hidden = ingest(plan_ingest(tmp_path / "data", SETTINGS, "a secret"), tmp_path / "hidden", workers=1)
    repeated = {"code", "linked", "other", "number"}
    assert repeated <= set(clear.subjects.columns)
    assert not repeated & set(hidden.subjects.columns)
    assert repeated <= set(hidden.info["dropped_attributes"])
    assert sorted(hidden.subjects["age"]) == sorted(clear.subjects["age"])
    assert hidden.subjects["ratio"].notna().sum() == 1
