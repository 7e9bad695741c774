"""All that a reader finds beside scores.json: the page, the model card, the data sheet."""

from pathlib import Path

from synthcmr.evaluation.score import ScoreCard
from synthcmr.report.data_sheet import write_data_sheet
from synthcmr.report.model_card import write_model_card
from synthcmr.report.score_card_page import write_score_card


def write_report(card: ScoreCard, out: Path) -> Path:
    """Write report.html, model_card.md and data_sheet.md; returns the page."""
    write_model_card(card, out)
    write_data_sheet(card, out)
    return write_score_card(card, out)
