"""Near-copies: what was done on purpose is found, and real people whom nobody copied are not called copies."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.closeness import closer_to_members
from synthcmr.evaluation.privacy.copies import near_copies
from synthcmr.evaluation.privacy.pile import Side, heap
from synthcmr.evaluation.privacy.planting import KINDS, planted
from synthcmr.evaluation.privacy.searching import search
from synthcmr.evaluation.privacy.settings import SearchSettings
from tests.evaluation.privacy.making import SETTINGS, divided, piled, pixels_of


def test_planted_copies_are_found_and_held_out_people_are_not(cohort: Cohort, tmp_path: Path) -> None:
    who = divided(cohort)
    taken = np.arange(0, len(who.members.rows), 3)
    moved = np.concatenate(list(planted(iter([pixels_of(Side(cohort, who.members.rows[taken]))]), "shifted", 5)))
    fresh = pixels_of(Side(cohort, who.judged.rows))
    nothing = np.zeros((3, 2, 64, 64), dtype=np.float32)
    nothing[0] = np.nan
    images = np.concatenate([moved, fresh, nothing])
    subject = np.array(["thief"] * len(moved) + ["honest"] * len(fresh) + ["empty"] * 3)
    piles = piled(who, images, subject, tmp_path)
    found = near_copies(who, piles, SETTINGS, tmp_path)
    assert found.false_alarms.value <= 0.01
    for kind in set(KINDS) - {"all at once"}:
        assert found.planted[kind].value >= 0.95, kind
    assert {c.synthetic_subject for c in found.copies} == {"thief"}
    assert len(found.copies) >= 0.95 * len(moved)
    whose = who.members.subject[taken]
    assert all(c.training_subject == whose[int(c.synthetic_image.split("/")[1])] for c in found.copies)
    assert "copied, into" in found.told
    assert found.closer["features"].reason  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "mirrors"), [("mirrored", True), ("rescaled", False)])
def test_what_was_done_to_a_copy_is_told(cohort: Cohort, tmp_path: Path, kind: str, mirrors: bool) -> None:
    who = divided(cohort)
    members = who.members.pile(tmp_path / "m", None)
    rows = np.arange(0, len(members), 4)
    images = planted(iter([pixels_of(Side(cohort, who.members.rows[rows]))]), kind, 1)
    copies = heap(tmp_path / "c", images, members.subject[rows], members.image[rows], None)
    match = search(copies, members, SearchSettings())
    assert np.mean(members.subject[match.key.numpy()] == members.subject[rows]) == 1.0
    turned = (match.variant[:, :2] < 0).any(dim=1).numpy()
    assert np.mean(turned == mirrors) > 0.9
    if not mirrors:
        assert 0.75 < float(match.variant[:, 2].min()) < 0.97 < 1.03 < float(match.variant[:, 2].max()) < 1.35


def test_images_like_members_lie_closer_to_members(cohort: Cohort, tmp_path: Path) -> None:
    who = divided(cohort)
    rng = np.random.default_rng(0)
    for side, low, high in ((who.members, 0.55, 1.0), (who.held_out, 0.0, 0.45)):
        images = pixels_of(side)
        noisy = (images + rng.normal(0, 0.05, images.shape)).astype(np.float32)
        piles = piled(who, noisy, side.subject, tmp_path / str(low))
        found = closer_to_members(piles.synthetic, piles.members, piles.held_out, "pixels", 0)
        assert low <= found.value <= high
        assert found.low <= found.value <= found.high
