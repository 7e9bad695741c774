"""The data sheet and the model card that go with a release: what it is, what is promised of it, and nothing of whom it was learned from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthcmr.cohort import Cohort
from synthcmr.errors import counted
from synthcmr.privacy.mechanisms import RELATION, UNIT
from synthcmr.privacy.statement import PrivacyStatement
from synthcmr.report.markdown import drawn, facts, people, table
from synthcmr.report.single_file_page import write_page

DATA_SHEET, MODEL_CARD, PAGE = "data_sheet.md", "model_card.md", "release.html"
USE = (
    "Meant for training, augmenting and testing methods of cardiac MRI, and for teaching. Not meant for diagnosis or treatment, for "
    "statements about any patient, or as evidence about disease: images show what a generator learned, not observations."
)
NOT_STATED = "not stated: how many patients there were, where they came from and when they were scanned is no part of a private release"


def write_release_cards(
    out: Path, statement: PrivacyStatement, cohort: Cohort | None, header: Mapping[str, Any]
) -> None:
    """Write the data sheet of a cohort, the model card of what generated it as far as it may be stated, and the page.

    Args:
        out: folder of the release.
        statement: what is promised.
        cohort: that is released; None where weights are.
        header: of weights that are released; of images the family of their generator, where it is known.
    """
    if cohort is not None:
        _write(out / DATA_SHEET, _data_sheet(cohort, statement))
    _write(out / MODEL_CARD, _model_card(header, statement))
    write_page(
        out / PAGE,
        "release",
        statement=statement,
        promise=promise_lines(statement),
        mechanisms=[(e.artefact, e.mechanism.words) for e in statement.entries if e.mechanism is not None],
        what=_what(cohort, header),
        use=USE,
    )


def promise_lines(statement: PrivacyStatement) -> list[str]:
    """What is promised, in sentences."""
    if not statement.entries:
        return [
            "No patient was looked at: everything comes from phantoms, from weights that ship with synthcmr and from the user's words."
        ]
    return [
        f"({statement.epsilon:g}, {statement.delta:g})-differential privacy of every {UNIT}; neighbouring data sets: {RELATION}.",
        "Whoever sees all of it can tell whether a patient took part hardly better than by guessing, to that degree.",
        "It holds for this release. Whoever releases something else from the same patients adds what that costs.",
        "Not covered: choices of settings that were made by looking at patients or at results on them.",
    ]


def _privacy(statement: PrivacyStatement) -> list[str]:
    rows = [(entry.artefact, entry.mechanism.words) for entry in statement.entries if entry.mechanism is not None]
    accounts = ", ".join(f"{name} {epsilon:.4g}" for name, epsilon in statement.accountants.items())
    lines = ["## Differential privacy", "", *promise_lines(statement), ""]
    return [*lines, *table(("of", "mechanism"), rows), f"Epsilon by accountant: {accounts}.", ""] if rows else lines


def _what(cohort: Cohort | None, header: Mapping[str, Any]) -> str:
    if cohort is None:
        return f"Weights of a generator of the family {header.get('family', 'unknown')}"
    return f"{counted(len(cohort.subjects), 'subject')}, {counted(len(cohort), 'image')}, {', '.join(cohort.info['origin'])}"


def _data_sheet(cohort: Cohort, statement: PrivacyStatement) -> list[str]:
    known: dict[str, object] = {
        "What an instance is": "a short-axis cardiac MR image with a mask of LV cavity, myocardium and RV cavity",
        "How many": f"{counted(len(cohort), 'image')} of {counted(len(cohort.subjects), 'subject')}",
        "Origin": ", ".join(cohort.info["origin"]),
        "Labels": "the requested masks; no person drew or checked them",
        "Sampled (not in the request)": drawn(cohort.subjects) or None,
        "Made by": cohort.info["made_by"],
        "How to tell versions apart": f"the whole cohort has the hash {cohort.hash}",
        "Whom the generator learned from": NOT_STATED if statement.entries else "no patient",
    }
    lines = ["# Data sheet", "", "## Composition", "", *facts(known)]
    lines += table(("attribute", "subjects", "missing"), people(cohort.subjects))
    return [*lines, *_privacy(statement), "## Uses", "", USE, ""]


def _model_card(header: Mapping[str, Any], statement: PrivacyStatement) -> list[str]:
    words = [
        (w["name"], ", ".join(w["values"]) if "values" in w else "a number") for w in header.get("vocabulary") or []
    ]
    known: dict[str, object] = {
        "Family": header.get("family"),
        "Training data": NOT_STATED if statement.entries else "no patient",
        "Evaluation": "none in this folder; scores that were measured on patients are no part of a private release",
    }
    lines = ["# Model card", "", *facts(known), *_privacy(statement)]
    lines += ["## Attributes that can be requested", "", *table(("attribute", "values"), words)] if words else []
    return [*lines, "## Intended use", "", USE, ""]


def _write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(map(str, lines)).rstrip() + "\n", encoding="utf-8")
