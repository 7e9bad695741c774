"""Copies of a half, a heart or a chest are found with whose they are, and held-out people are left alone."""

from pathlib import Path

import numpy as np
import pytest

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.copies.partial_copies import PARTIAL_KINDS, partial_copies, planted_parts, windows
from synthcmr.evaluation.privacy.image_selection import ImageSelection
from tests.evaluation.privacy.making import SETTINGS, divided, indexed, pixels_of


def test_windows_are_halves_and_the_heart_lies_outside_of_its_chest() -> None:
    parts = windows()
    assert (parts["left"] + parts["right"] == 1).all()
    assert (parts["top"] + parts["bottom"] == 1).all()
    assert not (parts["heart"] * parts["chest"]).any()


@pytest.mark.parametrize("mirrored", [False, True])
def test_parts_of_members_are_found_and_other_people_are_left_alone(
    cohort: Cohort, tmp_path: Path, mirrored: bool
) -> None:
    split = divided(cohort)
    chosen = ImageSelection(cohort, split.members.rows[::3])
    own, strangers = pixels_of(chosen), pixels_of(ImageSelection(cohort, split.judged.rows))
    stolen = np.concatenate([planted_parts(own, strangers, kind, 7) for kind in PARTIAL_KINDS])
    images = np.concatenate([stolen[..., ::-1] if mirrored else stolen, strangers])
    subject = np.array([f"thief {k}" for k in range(len(stolen))] + ["honest"] * len(strangers))
    indexes = indexed(split, images, subject, tmp_path)
    copies = partial_copies(split, indexes, SETTINGS, chosen, tmp_path / "planted")
    assert copies.false_alarms.value <= 0.01
    assert copies.copied.value == pytest.approx(len(stolen) / len(images), abs=0.02)
    assert copies.subjects == dict.fromkeys(np.unique(chosen.subject), 3)
    assert all(share.value == 1.0 for share in copies.planted.values())
    assert copies.weak == ()
