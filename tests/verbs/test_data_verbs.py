"""Reading, labelling, auditing, planning, joining and exporting from Python: results say what the commands print."""

import json
from pathlib import Path
from typing import get_args

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.cohort.writers import ALIASES, WRITERS, get_writer
from synthcmr.errors import SettingsError
from tests.cohort.readers.layouts import ACDC, heart, picture, save
from tests.journeys.typing_in import run
from tests.labelling.making import cohort_of, hidden, phantom

SMALL = {"subjects": 4, "size": 48, "spacing": 4.0, "workers": 1}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return synthcmr.make_phantoms(tmp_path_factory.mktemp("people") / "people", preset="biased", **SMALL)


@pytest.fixture(scope="module")
def files(people: Cohort) -> Path:
    """Two people in the layout of ACDC."""
    folder = people.path.parent / "acdc_files"
    get_writer("acdc").write(people.select(subject_id=people.subjects["subject_id"].head(2).tolist()), folder)
    return folder


def test_phantoms_from_python_are_those_of_the_command(people: Cohort, tmp_path: Path) -> None:
    words = ["--subjects", "4", "--size", "48", "--spacing", "4", "--preset", "biased"]
    said = run("phantom", tmp_path / "typed", *words).stdout
    typed = Cohort.open(tmp_path / "typed")
    assert typed.hash == people.hash
    assert said == typed.summary() + "\n"
    assert said == run("info", tmp_path / "typed").stdout
    assert people.has_truth


def test_phantoms_fill_the_splits_that_are_asked_for(tmp_path: Path) -> None:
    small = {"preset": "biased", "size": 48, "spacing": 4.0, "workers": 1}
    cohort = synthcmr.make_phantoms(tmp_path / "split", splits={"train": 1, "test": 2}, **small)
    assert cohort.subjects["split"].value_counts().to_dict() == {"test": 2, "train": 1}
    words = ("--preset", "biased", "--size", 48, "--spacing", 4)
    run("phantom", tmp_path / "typed", "--splits", "train=1,test=2", *words)
    assert Cohort.open(tmp_path / "typed").hash == cohort.hash
    assert "--subjects" in run("phantom", tmp_path / "x", "-n", 4, "--splits", "train=1", *words, ok=False).stderr
    assert "NAME=NUMBER" in run("phantom", tmp_path / "x", "--splits", "train", *words, ok=False).stderr
    with pytest.raises(SettingsError, match="brings its own"):
        synthcmr.make_phantoms(tmp_path / "x", splits={"train": 1}, **small | {"preset": "population"})


def test_a_cohort_says_what_it_holds_in_a_notebook(people: Cohort) -> None:
    page = people._repr_html_()
    assert "4 subjects" in page
    assert people.subjects["subject_id"].iloc[0] in page


def test_ingest_takes_numbers_and_words_as_the_command_does(files: Path, tmp_path: Path) -> None:
    read = synthcmr.ingest(files, tmp_path / "read", spacing=6, size="full", frames="pair", workers=1)
    typed = run("ingest", files, tmp_path / "typed", "--spacing", 6, "--size", "full", "--frames", "pair").stdout
    assert Cohort.open(tmp_path / "typed").hash == read.cohort.hash
    assert (read.cohort.images["spacing_row_mm"] == 6).all()
    assert read.table.equals(read.cohort.subjects)
    assert list(read.rejects.columns)[:2] == ["case_id", "part"]
    told = "\n".join([*read.notes, read.summary()]).replace(str(tmp_path / "read"), str(tmp_path / "typed"))
    assert typed == told + "\n"
    again = synthcmr.ingest(files, tmp_path / "alike", preprocess_from=tmp_path / "read", workers=1)
    assert again.cohort.info["settings"]["preprocess"] == read.cohort.info["settings"]["preprocess"]


def test_ingest_reads_those_that_are_named_and_says_how_it_understood_names(tmp_path: Path) -> None:
    source, said = tmp_path / "files", list[str]()
    for name in ("p01", "p02"):
        for phase, drawn in zip(("ED", "ES"), heart(2), strict=True):
            save(source / f"{name}_{phase}.nii.gz", picture(drawn))
            save(source / f"{name}_{phase}_gt.nii.gz", ACDC[drawn])
    read = synthcmr.ingest(source, tmp_path / "out", include=["p02"], say=said.append, workers=1)
    assert read.cohort.subjects["subject_id"].tolist() == ["p02"]
    assert "\n".join(said) == "\n".join(read.notes)
    assert "Guessed from the names" in read.notes[1]
    typed = run("ingest", source, tmp_path / "typed", "--include", "p02, ").stdout
    assert Cohort.open(tmp_path / "typed").hash == read.cohort.hash
    assert "Guessed from the names" in typed
    assert "4 row(s) guessed" in run("ingest", source, tmp_path / "no", "--save-table", tmp_path / "t.csv").stdout
    assert not (tmp_path / "no").exists()


def test_what_cannot_be_read_leaves_the_cohort_that_it_was_to_replace(people: Cohort, tmp_path: Path) -> None:
    kept = synthcmr.join(tmp_path / "kept", [people])
    with pytest.raises(SettingsError, match="nowhere"):
        synthcmr.ingest(tmp_path / "nowhere", kept.path, format="acdc", overwrite=True)
    with pytest.raises(synthcmr.errors.SynthcmrError, match="no_judge"):
        synthcmr.label(people, kept.path, judge=str(tmp_path / "no_judge"), overwrite=True)
    assert Cohort.open(kept.path).hash == kept.hash


def test_label_takes_an_opened_cohort_and_says_what_the_command_prints(tmp_path: Path) -> None:
    cines = cohort_of(tmp_path / "cines", [("p0", hidden(phantom(0, slices=(4, 6))))])
    labelled = synthcmr.label(cines, tmp_path / "labelled", size=96, workers=1)
    typed = run("label", cines.path, tmp_path / "typed", "--size", 96).stdout
    assert Cohort.open(tmp_path / "typed").hash == labelled.cohort.hash
    assert typed == labelled.summary().replace(str(tmp_path / "labelled"), str(tmp_path / "typed")) + "\n"
    assert labelled.to_html().read_text().startswith("<!doctype html>")
    assert labelled.table["subject_id"].tolist() == ["p0"]
    assert "lv_edv_ml" in labelled._repr_html_()
    assert labelled.to_html(tmp_path / "elsewhere") == tmp_path / "elsewhere/label.html"
    assert (tmp_path / "elsewhere/labels.csv").exists()


def test_audit_writes_nothing_until_it_is_asked_for_its_page(people: Cohort, tmp_path: Path) -> None:
    audited = synthcmr.audit(people, by=["sex", "diagnosis"], out=tmp_path / "audit")
    assert not (tmp_path / "audit").exists()
    page = audited.to_html()
    said = run("audit", people.path, "--by", "sex, diagnosis", "--out", tmp_path / "typed").stdout
    assert said == f"{audited.summary()}\nPage: {tmp_path / 'typed' / 'audit.html'}\n"
    assert (tmp_path / "typed/audit.json").read_text() == (page.parent / "audit.json").read_text()
    assert set(audited.groups["attribute"]) == {"sex", "diagnosis"}
    assert audited.table.query("attribute == 'sex'")["subjects"].sum() == 4
    assert "<td>female</td>" in audited._repr_html_()
    assert audited.to_html(tmp_path / "elsewhere").read_bytes() == page.read_bytes()
    assert synthcmr.audit(people.path).folder == people.path / "audit"


def test_a_plan_is_computed_saved_and_the_same_as_typed(people: Cohort, tmp_path: Path) -> None:
    computed = synthcmr.plan(people, target="make:sex=2", seed=3)
    assert computed.folder is None
    assert len(computed.table) == computed.cells["planned"].sum() == 4
    assert computed.cells.set_index("sex")["planned"].to_dict() == {"female": 2, "male": 2}
    with pytest.raises(SettingsError, match="expected a folder for the page"):
        computed.to_html()
    assert computed.rows.equals(computed.table)
    typed = run("plan", people.path, tmp_path / "plan", "--target", "make:sex=2", "--seed", 3).stdout
    saved = computed.save(tmp_path / "plan")
    assert saved.was_there
    assert saved.summary() == f"{tmp_path / 'plan'}: this very plan is there already\n{typed.strip()}"
    again = synthcmr.plan(people.path, tmp_path / "plan", target="make:sex=1", overwrite=True)
    assert json.loads((tmp_path / "plan/plan.json").read_text())["rows"] == len(again.table) == 2
    assert "make:sex=1" in again._repr_html_()


def test_a_plan_of_a_selection_is_refused(people: Cohort) -> None:
    with pytest.raises(SettingsError, match="expected a whole cohort, got a selection"):
        synthcmr.plan(people.select(subject_id=people.subjects["subject_id"].iloc[0]), target="copy")


def test_join_takes_folders_cohorts_and_results(people: Cohort, files: Path, tmp_path: Path) -> None:
    (first, *_), size = people.subjects["subject_id"], {"size": 48, "spacing": 4, "workers": 1}
    read = synthcmr.ingest(files, tmp_path / "read", salt="so that names differ", **size)
    both = synthcmr.join(tmp_path / "both", [people.select(subject_id=first), read])
    assert len(both.subjects) == 3
    said = run("join", tmp_path / "typed", people.path, read.cohort.path).stdout
    assert said == Cohort.open(tmp_path / "typed").summary() + "\n"


def test_export_writes_a_selection_and_says_what_the_command_prints(people: Cohort, tmp_path: Path) -> None:
    some = people.select(subject_id=people.subjects["subject_id"].head(2).tolist())
    written = synthcmr.export(some, tmp_path / "acdc", format="acdc")
    assert written.written.subjects == 2
    assert set(written.table.columns) == {"subject_id", "part", "reason"}
    typed = run("export", people.path, tmp_path / "typed", "--format", "acdc").stdout
    whole = synthcmr.export(people.path, tmp_path / "acdc", format="acdc", overwrite=True)
    assert typed == whole.summary().replace(str(tmp_path / "acdc"), str(tmp_path / "typed")) + "\n"


def test_every_writer_can_be_asked_for() -> None:
    assert set(get_args(synthcmr.ExportOptions.model_fields["format"].annotation)) == {*WRITERS, *ALIASES}
