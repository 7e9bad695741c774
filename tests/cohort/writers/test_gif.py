"""GIFs are opened by Pillow, which took no part in choosing greys and durations."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from synthcmr.cohort import Cohort
from synthcmr.cohort.readers import recognise
from synthcmr.cohort.writers import get_writer
from synthcmr.cohort.writers.gif import BANNER_ROWS
from synthcmr.errors import SettingsError
from tests.cohort.writers.building import build, records, standard_cohort, written

PHASES = ("ED", "", "ES", "", "", "", "", "")
COUNT = len(PHASES)


def cine(subject: str, seed: int, **changes: object) -> tuple:
    shape = changes.pop("shape", (COUNT, 5, 48, 40))
    return records(subject, seed, shape=shape, phases=PHASES, frame_indices=tuple(range(COUNT)), **changes)


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "cines.csv").open() as file:
        return {row["subject_id"]: row for row in csv.DictReader(file)}


def frames_of(file: Path) -> tuple[np.ndarray, list[int], Image.Image]:
    opened = Image.open(file)
    played = [(np.asarray(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(opened)]
    return np.stack([p for p, _ in played]), [d for _, d in played], opened


def test_every_slice_and_frame_is_there_in_one_even_grey_scale(tmp_path: Path) -> None:
    cohort = build(tmp_path / "c", [("q", {}, cine("q", 1))])
    get_writer("gif").write(cohort, tmp_path / "out")
    frames, durations, opened = frames_of(tmp_path / "out" / "cines" / "q_0.gif")
    assert opened.info["loop"] == 0
    assert durations == [30] * COUNT
    assert (frames == frames[..., :1]).all(), "grey"
    image = written(cohort)["q"].stacks[0].image
    white = np.percentile(image, 99.8)
    expected = np.clip(image / white, 0, 1) * 255
    for z in range(5):  # three across, in reading order
        top, left = BANNER_ROWS + 48 * (z // 3), 40 * (z % 3)
        shown = frames[:, top : top + 48, left : left + 40, 0].astype(float)
        assert np.abs(shown - expected[:, z]).max() <= 0.51
    assert (frames[:, BANNER_ROWS + 48 :, 80:] == 0).all()
    row = rows_of(tmp_path / "out")["q"]
    assert (row["frames"], row["slices"], row["timing"]) == ("8", "5", "frame times")
    assert float(row["intensity_high"]) == pytest.approx(white)


def test_the_heart_keeps_its_rate(tmp_path: Path) -> None:
    cohort = build(
        tmp_path / "c",
        [
            ("times", {"heart_rate": 60.0}, cine("times", 1, trigger_ms=tuple(12.5 + 96.3 * k for k in range(COUNT)))),
            ("rate", {"heart_rate": 73.0}, cine("rate", 2, trigger_ms=())),
            ("none", {}, cine("none", 3, trigger_ms=())),
            ("broken", {"heart_rate": 73.0}, cine("broken", 4, trigger_ms=(0.0,) * COUNT)),
        ],
    )
    summary = get_writer("gif").write(cohort, tmp_path / "out")
    played = {
        name: sum(frames_of(tmp_path / "out" / "cines" / f"{name}_0.gif")[1]) for name in rows_of(tmp_path / "out")
    }
    assert played == {"times": 770, "rate": 820, "none": 1000, "broken": 820}
    timing = {name: row["timing"] for name, row in rows_of(tmp_path / "out").items()}
    assert timing == {
        "times": "frame times",
        "rate": "heart rate",
        "none": "assumed 60 beats a minute",
        "broken": "heart rate",
    }
    assert any("assumed 60 beats a minute" in note for note in summary.notes)


def test_pixels_and_comment_say_what_is_synthetic_and_real_cines_are_left_alone(tmp_path: Path) -> None:
    for origin in ("synthetic", "phantom", "real"):
        cohort = build(tmp_path / f"c_{origin}", [("q", {}, cine("q", 1, origin=origin))])
        get_writer("gif").write(cohort, tmp_path / origin)
        frames, _, opened = frames_of(tmp_path / origin / "cines" / "q_0.gif")
        rows = frames.shape[1] - 2 * 48
        said = b"SYNTHETIC" in opened.info["comment"]
        assert (rows, said) == ((0, False) if origin == "real" else (BANNER_ROWS, True))
        if origin != "real":
            assert (frames[:, :BANNER_ROWS] > 128).any(axis=(1, 2, 3)).all(), "the line is in every frame"


def test_what_does_not_move_is_left_out_and_pairs_flip(tmp_path: Path) -> None:
    single = records("one", 5, shape=(1, 5, 48, 40), phases=("ED",), frame_indices=(0,))
    cohort = build(tmp_path / "c", [("one", {}, single), ("pair", {"heart_rate": 50.0}, records("pair", 6))])
    summary = get_writer("gif").write(cohort, tmp_path / "out")
    assert [(o.subject_id, o.reason) for o in summary.left_out] == [
        ("one", "a single frame does not play; --format png writes it")
    ]
    assert frames_of(tmp_path / "out" / "cines" / "pair_0.gif")[1] == [600, 600]
    assert summary.subjects == 1
    assert any("--frames 20" in note for note in summary.notes)


def test_a_folder_of_gifs_is_no_source_of_images(tmp_path: Path) -> None:
    cohort: Cohort = standard_cohort(tmp_path / "c")
    get_writer("gif").write(cohort, tmp_path / "out")
    with pytest.raises(SettingsError, match="no known layout was recognised"):
        recognise(tmp_path / "out")
