"""Near-copies: what was done on purpose is found, and real people whom nobody copied are not called copies."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.copies.calibration import KINDS, planted_copies
from synthcmr.evaluation.privacy.copies.copy_search import search
from synthcmr.evaluation.privacy.copies.near_copies import near_copies
from synthcmr.evaluation.privacy.image_index import build_index, index_selection
from synthcmr.evaluation.privacy.image_selection import ImageSelection
from synthcmr.evaluation.privacy.settings import SearchSettings
from tests.evaluation.privacy.making import SETTINGS, divided, indexed, pixels_of


def test_planted_copies_are_found_and_held_out_people_are_not(cohort: Cohort, tmp_path: Path) -> None:
    split = divided(cohort)
    taken = np.arange(0, len(split.members.rows), 3)
    moved = np.concatenate(
        list(planted_copies(iter([pixels_of(ImageSelection(cohort, split.members.rows[taken]))]), "shifted", 5))
    )
    fresh = pixels_of(ImageSelection(cohort, split.judged.rows))
    nothing = np.zeros((3, 2, 64, 64), dtype=np.float32)
    nothing[0] = np.nan
    images = np.concatenate([moved, fresh, nothing])
    subject = np.array(["thief"] * len(moved) + ["honest"] * len(fresh) + ["empty"] * 3)
    indexes = indexed(split, images, subject, tmp_path)
    copies = near_copies(split, indexes, SETTINGS, tmp_path)
    assert copies.false_alarms.value <= 0.01
    for kind in set(KINDS) - {"all at once"}:
        assert copies.planted[kind].value >= 0.95, kind
    assert {c.synthetic_subject for c in copies.copies} == {"thief"}
    assert len(copies.copies) >= 0.95 * len(moved)
    whose = split.members.subject[taken]
    assert all(c.training_subject == whose[int(c.synthetic_image.split("/")[1])] for c in copies.copies)
    assert "copied, into" in copies.sentence
    assert copies.closer["features"].reason  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "mirrors"), [("mirrored", True), ("rescaled", False)])
def test_what_was_done_to_a_copy_is_told(cohort: Cohort, tmp_path: Path, kind: str, mirrors: bool) -> None:
    split = divided(cohort)
    members = index_selection(split.members, tmp_path / "m")
    rows = np.arange(0, len(members), 4)
    images = planted_copies(iter([pixels_of(ImageSelection(cohort, split.members.rows[rows]))]), kind, 1)
    index = build_index(tmp_path / "c", images, members.subject[rows], members.image[rows], None)
    match = search(index, members, SearchSettings())
    assert np.mean(members.subject[match.key.numpy()] == members.subject[rows]) == 1.0
    turned = (match.variant[:, :2] < 0).any(dim=1).numpy()
    assert np.mean(turned == mirrors) > 0.9
    if not mirrors:
        assert 0.75 < float(match.variant[:, 2].min()) < 0.97 < 1.03 < float(match.variant[:, 2].max()) < 1.35
