"""The part adherence."""

from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import PartResult


def adherence(told: Comparison) -> PartResult:
    """Every score of adherence."""
    return PartResult(scores=())
