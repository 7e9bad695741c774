"""The part privacy: all attacks, and what they come to."""

from __future__ import annotations

from synthcmr.errors import SynthcmrError
from synthcmr.evaluation.comparison import Comparison
from synthcmr.evaluation.features.cmr import CmrExtractor
from synthcmr.evaluation.privacy.judge import judge_privacy
from synthcmr.evaluation.privacy.people import people
from synthcmr.evaluation.privacy.rules import PRIVACY_RULES
from synthcmr.evaluation.privacy.scores import notes, privacy_scores
from synthcmr.evaluation.privacy.shown import pictures, plots, tables
from synthcmr.evaluation.privacy.suspect import Suspect
from synthcmr.evaluation.score import PartResult, absent

FOLDER = "parts/privacy"  # of finished attacks, so that a judgement that was cut short goes on


def privacy(told: Comparison) -> PartResult:
    """Every score of privacy; without held-out subjects there is none, and the reason."""
    suspect = told.suspect or Suspect()
    encoder = CmrExtractor(told.settings.encoder)
    try:
        people(told.whole, told.frames, told.settings.privacy)  # whether anything can be said, before what takes long
        result = judge_privacy(
            told.whole,
            told.synthetic,
            told.settings.privacy,
            told.out / FOLDER,
            suspect,
            encoder.of_images,
            encoder.hash,
            told.report,
            (told.features_of(told.whole, encoder), told.features_of(told.synthetic, encoder)),
        )
    except SynthcmrError as error:
        wanted = [rule.score for rule in PRIVACY_RULES.values() if not rule.optional]
        return PartResult(scores=tuple(absent(name, str(error)) for name in wanted))
    synthetic = len(told.synthetic.subjects)
    return PartResult(
        scores=privacy_scores(result, told.settings.privacy, suspect, synthetic),
        notes=notes(result, suspect, told.whole.hash),
        privacy=result,
        plots=plots(result),
        tables=tables(result),
        pictures=pictures(result),
    )
