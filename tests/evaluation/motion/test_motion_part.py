"""Phantom cines against phantom cines move alike; shuffled phases, noise drawn anew and half a cycle are told apart."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.cohort.records import SubjectRecord
from synthcmr.cohort.writer import CohortWriter
from synthcmr.config import PreprocessSettings
from synthcmr.evaluation.evaluate import evaluate
from synthcmr.evaluation.motion.settings import BRIGHTNESS, CLOSURE, FLICKER, PLAUSIBLE, ROUGHNESS
from synthcmr.evaluation.score import PartResult, PartScores, ScoreCard
from synthcmr.evaluation.settings import EvaluateSettings
from synthcmr.phantom.cohort import scanned
from synthcmr.phantom.population import draw_subject
from synthcmr.report.score_card_page import write_score_card
from tests.report.accessible import check
from tests.report.playing import playing_images

PHASES, PEOPLE, SIZE = 12, 6, 80
GRID = PreprocessSettings(spacing_mm=2.0, size=SIZE, frames="cine")
SETTINGS = EvaluateSettings(by=(), crossing=(), min_subjects=4, draws=60)
Subjects = list[SubjectRecord]


def person(k: int) -> SubjectRecord:
    """A mid-ventricular cine of a phantom."""
    record = scanned(draw_subject("everyone", k, 1), f"c{k}", PHASES, GRID, "mid")
    middle = next(i for i in record.images if i.slice_level == "mid")
    return replace(record, images=(middle,))


def stored(out: Path, subjects: Subjects) -> Cohort:
    with CohortWriter(out, {"step": "test"}, "float16", (SIZE, SIZE)) as writer:
        for one in subjects:
            writer.add(one)
        writer.finish(None, [])
    return Cohort.open(out)


def changed(subjects: Subjects, change: Callable[[np.ndarray], np.ndarray]) -> Subjects:
    def of(one: SubjectRecord) -> SubjectRecord:
        (image,) = one.images
        return replace(one, images=(replace(image, image=change(image.image.astype(np.float32)).astype(np.float16)),))

    return [of(one) for one in subjects]


def shuffled(cine: np.ndarray) -> np.ndarray:
    return cine[np.random.default_rng(0).permutation(len(cine))]


def grainy(cine: np.ndarray) -> np.ndarray:
    return (cine + 0.06 * np.random.default_rng(1).standard_normal(cine.shape)).clip(0, 1)


def uneven(cine: np.ndarray) -> np.ndarray:
    """Every other phase is brighter."""
    return (cine * (1 + 0.12 * (-1.0) ** np.arange(len(cine)))[:, None, None]).clip(0, 1)


def half(cine: np.ndarray) -> np.ndarray:
    """From end-diastole to end-systole in as many phases, and back at once."""
    place = np.linspace(0, 5, len(cine))
    low = np.floor(place).astype(int).clip(0, 4)
    share = (place - low)[:, None, None]
    return cine[low] * (1 - share) + cine[low + 1] * share


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("motion")


@pytest.fixture(scope="module")
def real(folder: Path) -> Cohort:
    return stored(folder / "real", [person(k) for k in range(PEOPLE)])


@pytest.fixture(scope="module")
def others() -> Subjects:
    return [person(k) for k in range(100, 100 + PEOPLE)]


@pytest.fixture(scope="module")
def cards(folder: Path, real: Cohort, others: Subjects) -> dict[str, ScoreCard]:
    faults = {"none": lambda cine: cine, "shuffled": shuffled, "grainy": grainy, "uneven": uneven, "half": half}
    return {
        name: evaluate(
            real, stored(folder / name, changed(others, fault)), folder / f"{name}_scores", SETTINGS, ["motion"]
        )
        for name, fault in faults.items()
    }


@pytest.fixture(scope="module")
def parts(cards: dict[str, ScoreCard]) -> dict[str, PartScores]:
    return {name: card.parts["motion"] for name, card in cards.items()}


def value(result: PartResult, name: str) -> float:
    score = result.score(name)
    assert score is not None
    assert score.value is not None, score.absent
    assert score.low is not None
    assert score.high is not None
    assert score.low <= score.value <= score.high
    return score.value


def bad(part: PartScores) -> set[str]:
    return {finding.rule for finding in part.verdict.findings if finding.word == "bad"}


def test_phantoms_move_as_phantoms(parts: dict[str, PartScores]) -> None:
    result = parts["none"].result
    assert bad(parts["none"]) == set()
    assert value(result, PLAUSIBLE) == 1
    assert value(result, ROUGHNESS) < 1.5
    assert value(result, FLICKER) < 2
    assert value(result, CLOSURE) < 2
    assert {s.n_real for s in result.scores} == {s.n_synthetic for s in result.scores} == {PEOPLE}
    assert all(s.extractor for s in result.scores)
    (curve,) = result.plots
    assert [line.name for line in curve.lines] == ["real", "synthetic"]
    assert curve.lines[1].y[0] == 1
    assert min(curve.lines[1].y) < 0.8


def test_shuffled_phases_are_told(parts: dict[str, PartScores]) -> None:
    assert {"volume curves", "smooth volumes"} <= bad(parts["shuffled"])
    near = "flicker, heart, blurred, share of real"
    assert value(parts["shuffled"].result, near) > 1.8 * value(parts["none"].result, near)
    assert value(parts["shuffled"].result, ROUGHNESS) > 2.5


def test_noise_drawn_anew_in_every_phase_is_told(parts: dict[str, PartScores]) -> None:
    assert "flicker" in bad(parts["grainy"])
    assert "cycle closure" not in bad(parts["grainy"])
    around = "flicker, around, as it is, share of real"
    assert value(parts["grainy"].result, around) > 2 * value(parts["none"].result, around)


def test_phases_of_unequal_brightness_are_told(parts: dict[str, PartScores]) -> None:
    assert "brightness" in bad(parts["uneven"])
    assert value(parts["uneven"].result, BRIGHTNESS) > 3 * value(parts["none"].result, BRIGHTNESS)


def test_half_a_cycle_is_told(parts: dict[str, PartScores]) -> None:
    assert {"volume curves", "cycle closure"} <= bad(parts["half"])
    assert value(parts["half"].result, CLOSURE) > 2 * value(parts["none"].result, CLOSURE)


def test_without_cines_of_as_many_phases_scores_are_absent_with_the_reason(
    folder: Path, real: Cohort, others: Subjects, phantom_cohort: Cohort
) -> None:
    pairs = evaluate(real, phantom_cohort, folder / "pairs", SETTINGS, ["motion"]).parts["motion"]
    assert {s.absent for s in pairs.result.scores} == {
        "no cines of 8 phases or more among the synthetic images (ingest --frames cine, generate --frames 20)"
    }
    assert pairs.verdict.word == "not enough evidence"
    fewer = [
        replace(
            one,
            images=tuple(
                replace(
                    i,
                    image=i.image[:9],
                    mask=i.mask[:9],
                    phases=i.phases[:9],
                    labelled=i.labelled[:9],
                    frame_indices=i.frame_indices[:9],
                    trigger_ms=i.trigger_ms[:9],
                    area_lv_mm2=i.area_lv_mm2[:9],
                    area_myo_mm2=i.area_myo_mm2[:9],
                    area_rv_mm2=i.area_rv_mm2[:9],
                )
                for i in one.images
            ),
        )
        for one in others
    ]
    other = evaluate(real, stored(folder / "fewer", fewer), folder / "fewer_scores", SETTINGS, ["motion"])
    absent = other.parts["motion"].result.scores[0].absent
    assert absent is not None
    assert "got real 12; synthetic 9; generate with --frames 12" in absent
    few = SETTINGS.model_copy(update={"min_subjects": PEOPLE + 1})
    scarce = evaluate(real, real, folder / "scarce", few, ["motion"]).parts["motion"].result
    assert all("at least 7 of each are needed" in (s.absent or "") for s in scarce.scores)


def test_of_stills_nobody_asks_how_they_move(folder: Path, phantom_cohort: Cohort) -> None:
    from synthcmr.evaluation.comparison import Comparison
    from synthcmr.evaluation.score_parts import NEEDS

    stills = Comparison(phantom_cohort, phantom_cohort, folder, SETTINGS)
    assert not NEEDS["motion"](stills)


def test_the_page_plays_synthetic_cines_beside_real_ones(folder: Path, cards: dict[str, ScoreCard]) -> None:
    page = write_score_card(cards["none"], folder / "none_scores")
    check(page)
    shown = playing_images(page)
    assert len(shown) == 8
    assert {(image.n_frames, image.info["loop"], image.size) for image in shown} == {(PHASES, 0, (SIZE, SIZE))}
    text = page.read_text()
    assert text.index("Synthetic cine of a slice, playing") < text.index("Real cine of a slice, playing")
    assert text.count("prefers-reduced-motion: reduce") == 8
