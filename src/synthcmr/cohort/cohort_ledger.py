"""The ledger of a cohort: which looks at patients are in it."""

from __future__ import annotations

from synthcmr.cohort.cohort import Cohort
from synthcmr.cohort.places import without_places
from synthcmr.privacy.ledger import EMPTY, LEDGER, Ledger

PHANTOMS, STEP = ["phantom"], "phantom"  # origin of cohorts that hold nothing else, and the step that makes them


def cohort_ledger(cohort: Cohort) -> Ledger:
    """What a cohort says; of one without a ledger nothing is known, unless it holds phantoms as they were rendered."""
    if LEDGER not in cohort.info and cohort.info.get("origin") == PHANTOMS and cohort.provenance.get("step") == STEP:
        return EMPTY  # after any other step they may look like patients, or be segmented by a judge that knows some
    return Ledger.in_record(cohort.info).named(without_places(str(cohort.path)))
