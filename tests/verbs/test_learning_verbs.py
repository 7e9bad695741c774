"""Training, judging and recalibrating from Python: a result says what the command prints, and makes the same files."""

from pathlib import Path

import numpy as np
import pytest

import synthcmr
from synthcmr.cohort import Cohort
from synthcmr.errors import CohortError, SettingsError
from tests.frequency.making import blurred, clouds
from tests.journeys.typing_in import run

SMALL_FLOW = {
    "model.channels": (32, 32),
    "model.attention": (False, True),
    "model.head_channels": 16,
    "loop.steps": 4,
    "loop.batch": 4,
    "loop.held_out_every": 2,
    "loop.held_out_images": 2,
    "loop.checkpoint_every": 2,
    "loop.sheet_every": 4,
}
SMALL_READER = {
    "model.filters": (8, 8, 8, 8),
    "model.features": 8,
    "model.attributes": ("sex", "age"),
    "loop.steps": 2,
    "loop.batch": 4,
}
FEW_DRAWS = {"draws": 100, "halves": 2}


def flags(settings: dict[str, object]) -> list[str]:
    """Settings as somebody types them."""
    typed = {key: str(value).lower().replace("(", "[").replace(")", "]") for key, value in settings.items()}
    return [word for key, value in typed.items() for word in ("--set", f"{key}={value}")]


@pytest.fixture(scope="module")
def trained(phantom_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> "synthcmr.verbs.train.TrainedRun":
    return synthcmr.train("flow", phantom_cohort, tmp_path_factory.mktemp("verbs") / "flow", set=SMALL_FLOW)


def test_a_trained_run_says_what_the_command_prints_and_holds_its_generator(
    trained: "synthcmr.verbs.train.TrainedRun", phantom_cohort: Cohort
) -> None:
    said = run("train", "flow", phantom_cohort.path, trained.run, *flags(SMALL_FLOW)).stdout
    assert said == trained.summary() + "\n", "the command goes on with the same run: its settings are the same"
    assert f"flow, weights {trained.generator.hash[:12]}; try: synthcmr generate OUT --run {trained.run}" in said
    assert trained.verdict
    assert trained.verdict in said
    assert trained.to_html().name == "curves.html"
    assert trained.table["step"].max() == 4
    assert trained.table["held_out"].notna().any()
    assert "data:image/png" in trained._repr_html_()
    assert synthcmr.load_generator(trained.run).hash == trained.generator.hash


def test_a_run_is_replaced_only_where_that_is_asked_for(phantom_cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/run.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"--set: expected model\.KEY=VALUE"):
        synthcmr.train("flow", phantom_cohort, tmp_path / "run", set=("steps=4",), overwrite=True)
    assert (tmp_path / "run/run.json").exists(), "nothing is removed for settings that are refused"


def test_an_anatomy_generator_is_trained_from_a_folder(phantom_cohort: Cohort, tmp_path: Path) -> None:
    fitted = synthcmr.train("anatomy", str(phantom_cohort.path), tmp_path / "hearts")
    assert fitted.run == tmp_path / "hearts.npz"
    assert fitted.run.is_file()
    said = run("train", "anatomy", phantom_cohort.path, tmp_path / "again.npz").stdout
    assert said == fitted.summary().replace("hearts.npz", "again.npz") + "\n"
    with pytest.raises(SettingsError, match="expected a run with curves"):
        fitted.to_html()


def test_a_run_that_a_cluster_trains_has_no_generator_yet(
    phantom_cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[list[str]] = []

    def submit(partition: str, folder: Path, words: list[str]) -> str:
        jobs.append(words)
        return f"submitted job 7 to {partition}; its log: {folder}-slurm"

    monkeypatch.setattr("synthcmr.training.device.submit", submit)
    submitted = synthcmr.train(
        "flow", phantom_cohort, tmp_path / "run", slurm="gpu", balance=("sex", "diagnosis"), set={"loop.steps": 9}
    )
    assert submitted.summary().startswith("submitted job 7 to gpu")
    place = (str(phantom_cohort.path), str(tmp_path / "run"))
    (words,) = jobs
    assert words[:6] == ["train", "flow", *place, "--preset", "cpu"]
    assert words[6:] == ["--set", "loop.steps=9", "--balance", "sex,diagnosis"]
    with pytest.raises(CohortError, match="submitted job 7"):
        _ = submitted.generator


def test_a_judge_fits_predicts_and_scores(phantom_cohort: Cohort, tmp_path: Path) -> None:
    reader = synthcmr.Judge("reader").fit(phantom_cohort, tmp_path / "reader", set=SMALL_READER)
    words = ("judge", "fit", "reader", phantom_cohort.path, tmp_path / "reader", *flags(SMALL_READER))
    assert run(*words).stdout == reader.summary() + "\n"
    reading = reader.predict(phantom_cohort)
    assert set(reading.numbers) == {"age"}
    assert reading.categories["sex"].shape == (len(phantom_cohort), 2)
    scores = synthcmr.Judge("reader", tmp_path / "reader").score(phantom_cohort, split="all")
    said = run("judge", "score", "reader", phantom_cohort.path, tmp_path / "reader", "--split", "all").stdout
    assert said == scores.summary() + "\n"
    assert scores.scores.subjects == 24
    assert scores.table["score"].tolist() == [*scores.scores.scores, *scores.scores.absent]
    assert reader.to_html() == tmp_path / "reader/curves.html"


def test_the_judge_that_ships_segments_pixels(phantom_cohort: Cohort) -> None:
    pixels = phantom_cohort.image(0)[None]
    labels = synthcmr.Judge("segmenter").predict(pixels)
    assert labels.shape == pixels.shape
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    with pytest.raises(SettingsError, match="none comes with the package"):
        synthcmr.Judge("encoder").predict(pixels)
    with pytest.raises(SettingsError, match="expected one of segmenter, reader, encoder; got 'grader'"):
        synthcmr.Judge("grader")  # type: ignore[arg-type]


def test_a_cohort_is_recalibrated_by_a_model_and_spectra_are_compared(phantom_cohort: Cohort, tmp_path: Path) -> None:
    fitted = synthcmr.fit_recalibration(phantom_cohort, tmp_path / "truth", by="vendor")
    said = run("recalibrate", "fit", phantom_cohort.path, tmp_path / "again", "--by", "vendor").stdout
    assert said == fitted.summary().replace(str(tmp_path / "truth"), str(tmp_path / "again")) + "\n"
    assert fitted.model.settings.by == ("vendor",)
    assert fitted.table.set_index("group").loc["", "subjects"] == fitted.table["subjects"].max()
    assert fitted.left_out.empty
    better = synthcmr.recalibrate(phantom_cohort, tmp_path / "truth", tmp_path / "better")
    said = run("recalibrate", "apply", phantom_cohort.path, tmp_path / "again", tmp_path / "too").stdout
    assert said == better.summary().replace(str(tmp_path / "better"), str(tmp_path / "too")) + "\n"
    np.testing.assert_array_equal(Cohort.open(tmp_path / "too").image(3), better.cohort.image(3))

    spectra = synthcmr.compare_spectra(
        phantom_cohort, better.cohort, tmp_path / "spectra", split="train", detail=False, set=FEW_DRAWS
    )
    words = ("--split", "train", "--no-detail", "--overwrite", *flags(FEW_DRAWS))
    said = run("spectrum", phantom_cohort.path, tmp_path / "better", tmp_path / "spectra", *words).stdout
    assert said == spectra.summary() + "\n"
    scores = spectra.table.set_index("score")
    (compared,) = spectra.comparison.sets
    assert scores["value"].dropna().to_dict() == {name: score.value for name, score in compared.scores.items()}
    assert set(spectra.power["set"]) == {"real", "better"}
    with pytest.raises(SettingsError, match="holds a comparison of other images or settings"):
        synthcmr.compare_spectra(phantom_cohort, better.cohort, tmp_path / "spectra")
    same = synthcmr.compare_spectra(
        phantom_cohort, better.cohort, tmp_path / "spectra", split="train", detail=False, set=FEW_DRAWS
    )
    assert same.summary() == spectra.summary()


def test_a_recalibration_that_is_finished_is_taken_and_one_of_other_settings_is_kept(
    phantom_cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = synthcmr.fit_recalibration(phantom_cohort, tmp_path / "truth", dp="epsilon=2")
    again = synthcmr.fit_recalibration(phantom_cohort, tmp_path / "truth", dp="epsilon=2")
    assert "is there, finished" in capsys.readouterr().err
    assert again.model.release.row() == first.model.release.row(), (
        "a release that is drawn again would spend its privacy again"
    )
    for other in ({"dp": "epsilon=3"}, {"split": "all", "dp": "epsilon=2"}, {}):
        with pytest.raises(CohortError, match="of other images or settings"):
            synthcmr.fit_recalibration(phantom_cohort, tmp_path / "truth", **other)
    better = synthcmr.recalibrate(phantom_cohort, tmp_path / "truth", tmp_path / "better")
    assert synthcmr.recalibrate(phantom_cohort, tmp_path / "truth", tmp_path / "better").summary() == better.summary()


def test_recalibrated_files_are_taken_with_what_was_left_out_of_them(tmp_path: Path) -> None:
    for name, images in (("real", clouds(12, seed=1)), ("theirs", blurred(clouds(4, seed=2)))):
        (tmp_path / name).mkdir()
        for k, image in enumerate(images):
            np.save(tmp_path / name / f"{k}.npy", image.astype(np.float32))
    np.save(tmp_path / "theirs/flat.npy", np.zeros((64, 64), np.float32))
    synthcmr.fit_recalibration(tmp_path / "real", tmp_path / "truth")
    first = synthcmr.recalibrate(tmp_path / "theirs", tmp_path / "truth", tmp_path / "better")
    again = synthcmr.recalibrate(tmp_path / "theirs", tmp_path / "truth", tmp_path / "better")
    assert again.summary() == first.summary()
    assert again.table["file"].tolist() == ["flat.npy"]
    with pytest.raises(CohortError, match="got a folder of image files"):
        _ = again.cohort


def test_spectra_of_files_are_compared_without_a_folder_to_write_to(tmp_path: Path) -> None:
    for name, images in (("real", clouds(12, seed=1)), ("theirs", blurred(clouds(8, seed=2)))):
        (tmp_path / name).mkdir()
        for k, image in enumerate(images):
            np.save(tmp_path / name / f"{k}.npy", image.astype(np.float32))
    compared = synthcmr.compare_spectra(tmp_path / "real", tmp_path / "theirs", detail=False, set=FEW_DRAWS)
    assert "Page:" not in compared.summary()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["real", "theirs"]
    with pytest.raises(SettingsError, match="expected a folder"):
        compared.to_html()
    assert compared.to_html(tmp_path / "spectra") == tmp_path / "spectra/spectrum.html"
