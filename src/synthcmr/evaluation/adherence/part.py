"""The part adherence: masks outlined again, attributes read back, volumes asked and measured."""

from synthcmr.evaluation.adherence.attributes import attribute_scores
from synthcmr.evaluation.adherence.mask_scores import MaskScores
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.score import PartResult


def adherence(told: Comparison) -> PartResult:
    """Every score of adherence."""
    masks = MaskScores.of(told)
    notes = [
        "Ceilings and floors are what the same judges say of the real images: what they miss there they would miss in any image."
    ]
    if told.settings.segmenter is None or told.settings.reader is None:
        notes.append(
            "The judges that ship learned from phantoms alone; judges of your own real images "
            "('synthcmr judge fit', --segmenter, --reader) see more."
        )
    return PartResult(scores=(*masks.scores(), *attribute_scores(told)), notes=tuple(notes), pictures=masks.pictures())
