"""The released folder: what it states, what it no longer tells, and that it is whole or not there."""

import json
import shutil
from pathlib import Path

import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError, PrivacyError, ReadError
from synthcmr.training.weights import file_hash, read_header, read_tensors
from tests.journeys.typing_in import run
from tests.privacy.making import UNSCREENED


@pytest.fixture(scope="module")
def given(private_images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("given") / "away"
    run("release", private_images, out)
    return out


def texts(folder: Path) -> bytes:
    """Everything in a folder that is no picture."""
    return b"\n".join(f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file() and "/c/" not in str(f))


def test_the_statement_is_what_a_second_accountant_says(given: Path) -> None:
    from dp_accounting import dp_event
    from dp_accounting.pld import PLDAccountant
    from opacus.accountants import PRVAccountant

    stated = json.loads((given / "statement.json").read_text())
    (only,) = stated["mechanisms"]
    google, meta = PLDAccountant(), PRVAccountant()
    step = dp_event.PoissonSampledDpEvent(only["q"], dp_event.GaussianDpEvent(only["sigma"]))
    google.compose(dp_event.SelfComposedDpEvent(step, only["releases"]))
    meta.history = [(only["sigma"], only["q"], only["releases"])]
    assert stated["epsilon"] == pytest.approx(google.get_epsilon(stated["delta"]), rel=0.02)
    assert stated["epsilon"] == pytest.approx(meta.get_epsilon(stated["delta"]), rel=0.02)
    assert stated["unit"] == "subject"
    assert stated["neighbouring_relation"].startswith("add or remove one subject")
    assert stated["made_by"] == f"synthcmr {synthcmr.__version__}"
    images = Cohort.open(given).images
    assert set(images["dp_epsilon"]) == {stated["epsilon"]}
    for card in ("data_sheet.md", "model_card.md", "release.html"):
        assert f"({stated['epsilon']:g}, {stated['delta']:g})-differential privacy" in (given / card).read_text()


def test_images_and_requests_stay_and_nothing_tells_where_they_came_from(
    given: Path, private_images: Path, private_run: Path, patients: Cohort
) -> None:
    before, after = Cohort.open(private_images), Cohort.open(given)
    assert list(after.images["content_hash"]) == list(before.images["content_hash"])
    assert list(after.subjects["diagnosis"]) == list(before.subjects["diagnosis"])
    hashes = (file_hash(private_run / "weights.safetensors"), before.hash, patients.hash)
    told = [*(text.encode() for text in (*hashes, str(private_run), str(private_images), "anatomy_source", "run_hash"))]
    told += [str(name).encode() for name in before.subjects["subject_id"]]
    assert [text for text in told if text in texts(given)] == []
    assert hashes[0].encode() in texts(private_images)  # so that the search can find something
    assert after.provenance["inputs"] == []
    assert not any(name.startswith("dp_") for name in before.images)


def test_a_released_folder_is_a_cohort_with_the_ledger_of_its_source(
    given: Path, private_images: Path, tmp_path: Path
) -> None:
    again = synthcmr.release(given, tmp_path / "again")
    assert again.statement.epsilon == json.loads((given / "statement.json").read_text())["epsilon"]
    both = synthcmr.join(tmp_path / "both", [given, private_images])
    assert len(both.info["ledger"]) == 1
    assert again.cohort.hash == Cohort.open(given).hash
    assert list(again.table["kind"]) == ["gaussian"]
    assert again.to_html(tmp_path / "page").read_text() == (tmp_path / "again" / "release.html").read_text()


def test_released_weights_draw_the_same_images(private_run: Path, private_images: Path, tmp_path: Path) -> None:
    said = run("release", private_run, tmp_path / "given").stdout
    assert "-differential privacy of every subject" in said
    file = tmp_path / "given" / "weights.safetensors"
    before, after = read_tensors(private_run / "weights.safetensors"), read_tensors(file)
    assert all((before[name] == after[name]).all() for name in before)
    assert set(read_header(file)) == {
        *("format", "version", "family", "model", "vocabulary", "scanners", "privacy", "ledger"),
    }
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    (tmp_path / "flipped.safetensors").write_bytes(content)
    with pytest.raises(CohortError):
        read_tensors(tmp_path / "flipped.safetensors")
    run("generate", tmp_path / "out", "--run", tmp_path / "given", *UNSCREENED)
    drawn, known = Cohort.open(tmp_path / "out"), Cohort.open(private_images)
    assert list(drawn.images["content_hash"]) == list(known.images["content_hash"])
    assert synthcmr.release(tmp_path / "out", tmp_path / "more").statement.epsilon > 0


def test_exports_say_what_they_were_made_from(private_images: Path, tmp_path: Path) -> None:
    run("export", private_images, tmp_path / "nifti", "--format", "nifti")
    recorded = json.loads((tmp_path / "nifti" / "provenance.json").read_text())["settings"]["ledger"]
    assert recorded == Cohort.open(private_images).info["ledger"]


def test_phantoms_and_what_ships_cost_nothing(phantom_cohort: Cohort, tmp_path: Path) -> None:
    released = synthcmr.release(phantom_cohort, tmp_path / "phantoms")
    assert released.statement.epsilon == 0
    assert "No patient was looked at" in released.summary()
    assert released.cohort.has_truth


def test_no_more_is_stated_than_is_allowed(private_images: Path, tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match=r"--epsilon 0\.5: expected no more to be spent"):
        synthcmr.release(private_images, tmp_path / "out", epsilon=0.5)
    lax, strict = (synthcmr.release(private_images, tmp_path / str(d), delta=d).statement for d in (1e-2, 1e-6))
    assert lax.epsilon < strict.epsilon
    assert (lax.delta, strict.delta) == (1e-2, 1e-6)


def test_a_release_is_whole_or_not_there(private_images: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(private_images, damaged)
    for chunk in (damaged / "arrays.zarr" / "image" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"")
    with pytest.raises((CohortError, ReadError)):
        synthcmr.release(damaged, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["damaged"]


def test_only_an_earlier_release_is_replaced(private_images: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("words")
    for options in ({}, {"overwrite": True}):
        with pytest.raises(CohortError, match="expected an empty or new folder"):
            synthcmr.release(private_images, mine, **options)
    assert (mine / "thesis.txt").exists()
    synthcmr.release(private_images, tmp_path / "out")
    with pytest.raises(CohortError, match="--overwrite"):
        synthcmr.release(private_images, tmp_path / "out")
    assert synthcmr.release(private_images, tmp_path / "out", delta=1e-4, overwrite=True).statement.delta == 1e-4
    with pytest.raises(CohortError, match="expected a folder apart from what is released"):
        synthcmr.release(private_images, private_images)
