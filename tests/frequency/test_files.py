"""Folders of files keep name, shape, type and range."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from synthcmr.errors import AlreadyMadeError, CohortError
from synthcmr.frequency.apply import apply_to_folder
from synthcmr.frequency.recalibration import Recalibration
from synthcmr.frequency.sources import FolderImages, load, open_images, write
from synthcmr.verbs.outputs import RECALIBRATED_FILES
from tests.frequency.making import blurred, clouds

AFFINE = np.diag([-1.5, -1.5, 8.0, 1.0])


def stored(kind: str, shape: tuple[int, ...] = (40, 48), seed: int = 0) -> np.ndarray:
    """Clouds that fill the range of a type as scanners do."""
    image = blurred(clouds(int(np.prod(shape[:-2])) or 1, shape[-2:], seed=seed)).reshape(shape)
    scale = {"uint8": 200, "uint16": 3000, "int16": 900, "float32": 1200.5, "float64": 0.7}[kind]
    return np.rint(image * scale).astype(kind) if kind[0] in "iu" else (image * scale).astype(kind)


def folder_of_everything(folder: Path) -> Path:
    (folder / "nested").mkdir(parents=True)
    Image.fromarray(stored("uint8")).save(folder / "eight.png")
    Image.fromarray(stored("uint16")).save(folder / "sixteen.png")
    Image.fromarray(stored("uint8", (33, 51))).save(folder / "nested/odd.png")
    pages = [Image.fromarray(p) for p in stored("uint16", (3, 40, 48))]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    np.save(folder / "floats.npy", stored("float32", (4, 40, 48)))
    np.save(folder / "plane.npy", stored("float64"))
    np.savez(folder / "both.npz", image=stored("float32"), mask=np.ones((40, 48), np.uint8))
    nib.save(nib.Nifti1Image(stored("int16", (2, 5, 40, 48)).T, AFFINE), folder / "cine.nii.gz")
    scaled = nib.Nifti1Image(stored("int16", (5, 40, 48)).T, AFFINE)
    scaled.header.set_slope_inter(0.5, 3.0)
    nib.save(scaled, folder / "scaled.nii")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    base = tmp_path_factory.mktemp("files")
    given, out = folder_of_everything(base / "given"), base / "out"
    np.save(given / "constant.npy", np.full((40, 48), 7.0))
    np.save(given / "nan.npy", np.where(np.eye(40, 48) > 0, np.nan, 1.0))
    (given / "broken.png").write_bytes(b"no picture")
    Image.fromarray(stored("uint8")).save(given / "lossy.jpg")
    real = base / "real"
    real.mkdir()
    for k, image in enumerate(clouds(30, (40, 48), seed=9)):
        np.save(real / f"{k}.npy", image)
    model = Recalibration().fit(open_images(real, spacing_mm=(1.5, 1.5)))
    model.save(base / "model")
    return given, out, apply_to_folder(model, base / "model", FolderImages.open(given, (1.5, 1.5)), out)


@pytest.mark.parametrize(
    "name",
    [
        "eight.png",
        "sixteen.png",
        "nested/odd.png",
        "pages.tif",
        "floats.npy",
        "plane.npy",
        "both.npz",
        "cine.nii.gz",
        "scaled.nii",
    ],
)
def test_files_keep_shape_type_and_range_and_are_changed(made: tuple[Path, Path, dict[str, str]], name: str) -> None:
    given, out, _ = made
    before, after = (load(folder / name, None) for folder in (given, out))
    assert after.stored.shape == before.stored.shape
    assert after.stored.dtype == before.stored.dtype
    a, b = before.stored.astype(float), after.stored.astype(float)
    assert not np.array_equal(a, b)
    assert abs(a.mean() - b.mean()) < 0.05 * np.ptp(a)
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.5
    assert b.min() >= a.min() - np.ptp(a)


def test_what_is_no_image_is_left_out_by_name_and_the_rest_goes_on(made: tuple[Path, Path, dict[str, str]]) -> None:
    _, out, lost = made
    assert set(lost) == {"constant.npy", "nan.npy", "broken.png", "lossy.jpg"}
    assert "same value everywhere" in lost["constant.npy"]
    assert "NaN" in lost["nan.npy"]
    assert "JPEG" in lost["lossy.jpg"]
    assert "constant.npy" in (out / "rejects.csv").read_text()


def test_headers_and_other_arrays_come_along(made: tuple[Path, Path, dict[str, str]]) -> None:
    _, out, _ = made
    np.testing.assert_array_equal(nib.load(out / "cine.nii.gz").affine, AFFINE)
    scaled = nib.load(out / "scaled.nii")
    assert (scaled.dataobj.slope, scaled.dataobj.inter) == (0.5, 3.0)
    assert scaled.get_data_dtype() == np.int16
    assert np.load(out / "both.npz")["mask"].sum() == 40 * 48


def test_files_that_are_not_changed_are_written_as_they_were(tmp_path: Path) -> None:
    folder = folder_of_everything(tmp_path / "given")
    images = FolderImages.open(folder)
    for path in images.files:
        loaded = load(path, None)
        target = tmp_path / "out" / images.name(path)
        write(target, path, loaded.restored(loaded.scaled))
        again = load(target, None)
        assert again.stored.dtype == loaded.stored.dtype
        np.testing.assert_allclose(again.stored.astype(float), loaded.stored.astype(float), rtol=1e-5)


def test_nothing_is_overwritten_but_what_was_recalibrated(
    made: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    _, out, _ = made
    assert RECALIBRATED_FILES.is_at(out)
    assert RECALIBRATED_FILES.others(out) == []
    (out / "mine.txt").write_text("mine")
    assert RECALIBRATED_FILES.others(out) == ["mine.txt"]
    (out / "mine.txt").unlink()


def test_an_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(CohortError, match=r"\.png"):
        open_images(tmp_path)


def test_a_folder_that_was_stopped_goes_on_and_one_that_is_done_is_done(
    made: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    given, folder = made[0], made[0].parent / "model"
    whole, out = tmp_path / "whole", tmp_path / "out"
    model, images = Recalibration.load(folder), FolderImages.open(given, (1.5, 1.5))
    apply_to_folder(model, folder, images, whole)

    def stop(done: int, total: int, name: str) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply_to_folder(model, folder, images, out, stop)
    assert RECALIBRATED_FILES.is_at(out)
    assert RECALIBRATED_FILES.others(out) == [], "a stopped one is known too"
    there = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    with pytest.raises(CohortError, match="begun with other images"):
        apply_to_folder(model, folder, FolderImages.open(given, (1.0, 1.0)), out)
    apply_to_folder(model, folder, images, out)
    assert all(not p.exists() or p.stat().st_mtime_ns == when for p, when in there.items())
    assert {p.relative_to(out) for p in out.rglob("*")} == {p.relative_to(whole) for p in whole.rglob("*")}
    np.testing.assert_array_equal(np.load(out / "plane.npy"), np.load(whole / "plane.npy"))
    with pytest.raises(AlreadyMadeError):
        apply_to_folder(model, folder, images, out)


def test_what_could_not_be_read_is_named_when_learning(made: tuple[Path, Path, dict[str, str]]) -> None:
    given = made[0]
    refused = Recalibration().fit(open_images(given, spacing_mm=(1.5, 1.5))).real.refused
    assert {"broken.png", "constant.npy", "nan.npy", "lossy.jpg"} <= set(refused)
    assert not any(why.startswith(name) for name, why in refused.items())
