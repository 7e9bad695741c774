"""Nobody is on two sides."""

from synthcmr.cohort import Cohort
from tests.evaluation.privacy.making import divided


def test_members_calibrating_and_judged_share_nobody(cohort: Cohort) -> None:
    split = divided(cohort)
    split_names = cohort.subjects.set_index("subject_id")["split"]
    sides = [set(side.subject) for side in (split.members, split.calibrating, split.judged)]
    assert [len(s) for s in sides] == [16, 12, 12]
    assert len(set.union(*sides)) == 40
    assert set(split_names[list(sides[0])]) == {"train"}
    assert set(split_names[list(sides[1] | sides[2])]) == {"test"}
    assert split.held_out.subject.tolist() == [*split.calibrating.subject, *split.judged.subject]
