"""Attribute inference learns nothing of people who are not among the synthetic ones."""

from pathlib import Path

from synthcmr.cohort import Cohort
from synthcmr.evaluation.privacy.attribute_inference import infer_attributes
from synthcmr.evaluation.privacy.membership.black_box import sample_attacked
from tests.evaluation.privacy.making import QUICK, divided, indexed, pixels_of


def test_an_attacker_of_attributes_learns_nothing_from_people_who_are_not_members(
    cohort: Cohort, tmp_path: Path
) -> None:
    """Synthetic people are the judged ones: whatever is told of members is chance, and the others are told."""
    split = divided(cohort)
    indexes = indexed(split, pixels_of(split.judged), split.judged.subject, tmp_path)
    synthetic = cohort.subjects[cohort.subjects["subject_id"].isin(split.judged.subject)]
    attacked = sample_attacked(split, QUICK, tmp_path / "attacked", None)
    inferences = infer_attributes(cohort.subjects, synthetic, indexes, (attacked.members, attacked.others), QUICK)
    by_image = [i for i in inferences if i.knows == "the image"]
    assert {i.secret for i in by_image} == {"sex", "age", "diagnosis"}
    for i in by_image:
        assert i.others == 1.0
        assert i.members < 0.9
        assert i.risk.value < 0  # type: ignore[union-attr]
