"""Pictures: a copy of a real person stands first among the nearest, beside the person it repeats."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.fidelity.example_images import shown
from synthcmr.evaluation.score import SHOWN
from synthcmr.evaluation.settings import EvaluateSettings, FidelitySettings
from tests.evaluation.making import cohort_of, heart


def test_a_copy_is_shown_beside_the_person_it_repeats(tmp_path: Path) -> None:
    real = cohort_of(tmp_path / "real", [heart(k) for k in range(12)])
    copied = heart(3)
    noise = np.random.default_rng(0).normal(0, 4, copied.image.shape)
    made = [heart(k) for k in range(100, 111)] + [replace(copied, image=(copied.image + noise).clip(0))]
    synthetic = cohort_of(tmp_path / "made", made)
    settings = EvaluateSettings(fidelity=FidelitySettings(extractors=("cmr",)))
    rows = shown(Comparison(real, synthetic, tmp_path / "out", settings))
    assert [len(row) for row in rows.values()] == [SHOWN] * 4
    pairs = rows["Nearest to a real person's image"]
    ids = {c: c.images.set_index("image_id")["subject_id"] for c in (real, synthetic)}
    whose = [(ids[synthetic][p.image_id], ids[real][p.beside.image_id]) for p in pairs if p.beside]
    assert whose[0] == ("s011", "s003")
    assert "of the nearest" not in pairs[0].caption
    assert "of s003" in pairs[0].beside.caption  # type: ignore[union-attr]
    best, worst = (float(rows[t][0].caption.split(" image ")[1].split(";")[0]) for t in list(rows)[:3:2])
    assert best < worst


def test_of_few_images_none_is_shown_twice(tmp_path: Path) -> None:
    real, made = (cohort_of(tmp_path / f"c{k}", [heart(k + i) for i in range(2)]) for k in (0, 100))
    settings = EvaluateSettings(fidelity=FidelitySettings(extractors=("cmr",)))
    rows = shown(Comparison(real, made, tmp_path / "out", settings))
    assert list(rows) == ["All of them, the most like real images first", "Nearest to a real person's image"]
    assert len({p.image_id for p in rows["All of them, the most like real images first"]}) == len(made) < 3 * SHOWN
    assert " % of real images are farther from their neighbours than this" in next(iter(rows.values()))[0].caption


def test_nothing_is_shown_where_there_is_nothing_to_choose_by(tmp_path: Path) -> None:
    real = cohort_of(tmp_path / "real", [heart(k) for k in range(2)])
    settings = EvaluateSettings(fidelity=FidelitySettings(extractors=("radiomics",)))
    assert shown(Comparison(real, real, tmp_path / "out", settings)) == {}
